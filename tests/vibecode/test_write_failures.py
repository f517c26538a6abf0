"""A change is repeated only where it was surely not carried out; where nobody knows, it is said so and left at that."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast, get_args

import httpx
import pytest
import respx

from assistants import TestTime
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.portal_changes import Change, Fate, Outcome
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.sending.authorities import authorities
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.errors import _ADVICE, LASTING, TRANSIENT  # pyright: ignore[reportPrivateUsage] - every code
from bitrix24_mcp.vibecode.writing import GatewayWriter
from written import REFUSED, UNKNOWN, UNNOTICED, WAITED_OUT, Disturbed, expected_fates, outcomes_under

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

DEALS = BY_NAME["deals"]
NEW = Change("create", DEALS, values={"title": "A"})
STATUSES = {"RATE_LIMITED": 429, "QUEUE_OVERFLOW": 429, "OPERATION_TIME_LIMIT": 429}
NOT_ADMITTED = sorted(STATUSES)


@pytest.fixture
def writer(client: GatewayClient) -> Writer:
    return GatewayWriter(client)


def refusal(code: str, status: int, **also: Any) -> httpx.Response:
    return httpx.Response(status, json={"success": False, "error": {"code": code, "message": "no", **also}})


def made(number: int) -> httpx.Response:
    return httpx.Response(201, json={"success": True, "data": {"id": number, "title": "A"}})


def batch_of(results: Mapping[str, Any], errors: Mapping[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "data": {"results": results, "errors": errors}})


def told(outcomes: Sequence[Outcome]) -> list[tuple[Fate, str]]:
    return [(each.fate, each.error.code if each.error else "") for each in outcomes]


def bodies(route: respx.Route) -> list[Any]:
    return [json.loads(call.request.content) for call in cast("Sequence[respx.models.Call]", list(route.calls))]


NOT_SENT: Sequence[tuple[Exception, int, str]] = [
    (httpx.ConnectError("refused"), 4, "PORTAL_UNREACHABLE"),
    (httpx.ProxyError("no"), 4, "PORTAL_UNREACHABLE"),
    (httpx.UnsupportedProtocol("no"), 4, "PORTAL_UNREACHABLE"),
    (httpx.ConnectTimeout("slow"), 2, "PORTAL_TIMEOUT"),
    (httpx.PoolTimeout("slow"), 2, "PORTAL_TIMEOUT"),
]
MAYBE_SENT: Sequence[tuple[Exception, str]] = [
    (httpx.ReadTimeout("slow"), "PORTAL_TIMEOUT"),
    (httpx.WriteTimeout("slow"), "PORTAL_TIMEOUT"),
    (httpx.ReadError("broken"), "PORTAL_UNREACHABLE"),
    (httpx.WriteError("broken"), "PORTAL_UNREACHABLE"),
    (httpx.CloseError("broken"), "PORTAL_UNREACHABLE"),
    (httpx.RemoteProtocolError("disconnected"), "PORTAL_UNREACHABLE"),
    (httpx.LocalProtocolError("odd"), "PORTAL_UNREACHABLE"),
    (httpx.DecodingError("gzip"), "UNEXPECTED_ANSWER"),
]


def by_type(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("failure", "attempts", "code"), NOT_SENT, ids=by_type)
async def test_what_was_not_sent_is_sent_again_and_refused_in_the_end(
    failure: Exception,
    attempts: int,
    code: str,
    number: int,
    writer: Writer,
    waits: list[float],
    respx_mock: respx.MockRouter,
) -> None:
    route = respx_mock.post().mock(side_effect=failure)

    assert told(await writer.send([NEW] * number)) == [("refused", code)] * number
    assert (route.call_count, waits) == (attempts, [1, 2, 4][: attempts - 1])


async def test_what_was_not_sent_at_first_is_done_once(writer: Writer, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("/v1/deals").mock(side_effect=[httpx.ConnectTimeout("no"), httpx.ConnectError("no"), made(5)])

    assert await writer.send([NEW]) == [Outcome("done", id=5, record={"id": 5, "title": "A"})]


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("failure", "code"), MAYBE_SENT, ids=by_type)
async def test_what_may_have_arrived_is_unknown_and_never_sent_again(
    failure: Exception,
    code: str,
    number: int,
    writer: Writer,
    waits: list[float],
    respx_mock: respx.MockRouter,
) -> None:
    route = respx_mock.post().mock(side_effect=failure)
    outcomes = await writer.send([NEW] * number)

    assert told(outcomes) == [("unknown", code)] * number
    assert {str(each.error).endswith(f"Look in the portal before asking for it again. [{code}]") for each in outcomes}
    assert (route.call_count, waits) == (1, [])


UNCLEAR: Mapping[str, dict[str, Any]] = {
    "html": {"status_code": 200, "html": "<html>Sign in</html>"},
    "broken json": {"status_code": 201, "text": '{"success": true, "data": {"id": 4'},
    "empty": {"status_code": 200, "text": ""},
    "no success": {"status_code": 200, "json": {"data": {"id": 4}}},
    "nothing where there must be an id": {"status_code": 204},
    "see other": {"status_code": 303, "headers": {"Location": f"{GATEWAY}/v1/deals/4"}},
    "failed without a word": {"status_code": 500},
    "html from a proxy": {"status_code": 502, "html": "<h1>Bad gateway</h1>"},
    "timed out before it": {"status_code": 504, "text": ""},
    "timed out on the way": {"status_code": 408, "text": ""},
    "a fault of the server called by a refusal's name": {
        "status_code": 502,
        "json": {"success": False, "error": {"code": "BITRIX_ERROR"}},
    },
    "a code that nobody knows": {"status_code": 200, "json": {"success": False, "error": {"code": "SOMETHING_NEW"}}},
    "a passing code that nobody knows": {
        "status_code": 429,
        "json": {"success": False, "error": {"code": "SOMETHING_NEW"}},
    },
}


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("sent", UNCLEAR.values(), ids=UNCLEAR)
async def test_an_answer_that_says_nothing_of_the_change_leaves_its_fate_open(
    sent: dict[str, Any], number: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(return_value=httpx.Response(**sent))
    outcomes = await writer.send([NEW] * number)

    assert [each.fate for each in outcomes] == ["unknown"] * number
    assert (route.call_count, waits) == (1, [])


@pytest.mark.parametrize("code", sorted(TRANSIENT - set(NOT_ADMITTED)))
@pytest.mark.parametrize("status", [429, 500, 502, 504])
async def test_passing_faults_behind_the_gateway_leave_the_fate_open(
    code: str, status: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/deals").mock(return_value=refusal(code, status))
    respx_mock.post("/v1/batch").mock(return_value=batch_of({"0": {"id": 5}}, {"1": {"code": code}}))

    assert told(await writer.send([NEW])) == [("unknown", code)]
    assert told(await writer.send([NEW] * 2)) == [("done", ""), ("unknown", code)]
    assert waits == []


@pytest.mark.parametrize("code", NOT_ADMITTED)
async def test_what_was_not_admitted_is_sent_again_until_it_is(
    code: str, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/v1/deals").mock(
        side_effect=[refusal(code, 429), refusal(code, 429, retryAfter=7), made(5)]
    )

    assert told(await writer.send([NEW])) == [("done", "")]
    assert (route.call_count, waits) == (3, [1, 7])


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("code", NOT_ADMITTED)
async def test_what_is_never_admitted_is_refused_after_four_attempts(
    code: str, number: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(return_value=refusal(code, 429))

    assert told(await writer.send([NEW] * number)) == [("refused", code)] * number
    assert (route.call_count, waits) == (4, [1, 2, 4])


async def test_too_long_a_wait_is_refused_at_once(
    writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(return_value=refusal("RATE_LIMITED", 429, retryAfter=31))

    assert told(await writer.send([NEW])) == [("refused", "RATE_LIMITED")]
    assert (route.call_count, waits) == (1, [])


async def test_a_limit_without_an_envelope_is_waited_out(writer: Writer, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("/v1/deals").mock(side_effect=[httpx.Response(429, html="<h1>Slow down</h1>"), made(5)])

    assert told(await writer.send([NEW])) == [("done", "")]


async def test_a_limit_that_gives_way_to_a_fault_leaves_the_fate_open(
    writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/deals").mock(side_effect=[refusal("RATE_LIMITED", 429), httpx.ReadTimeout("slow"), made(5)])

    assert told(await writer.send([NEW])) == [("unknown", "PORTAL_TIMEOUT")]


@pytest.mark.parametrize("code", sorted(LASTING))
@pytest.mark.parametrize("status", [200, 400, 422, 429])
async def test_a_refusal_that_stays_is_a_refused_change(
    code: str, status: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/v1/deals").mock(return_value=refusal(code, status, retryAfter=60))

    assert told(await writer.send([NEW])) == [("refused", code)]
    assert (route.call_count, waits) == (1, [])


def test_every_code_is_either_lasting_or_passing() -> None:
    assert set(_ADVICE) | TRANSIENT == (set(_ADVICE) & LASTING) | TRANSIENT
    assert set[str]() == LASTING & TRANSIENT


@pytest.mark.parametrize("status", [400, 402, 404, 409, 418])
@pytest.mark.parametrize("told_code", ["SOMETHING_NEW", None])
async def test_any_other_refusal_of_a_request_is_a_refused_change(
    status: int, told_code: str | None, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    answer = refusal(told_code, status) if told_code else httpx.Response(status, html="<h1>No</h1>")
    route = respx_mock.post("/v1/deals").mock(return_value=answer)

    assert [each.fate for each in await writer.send([NEW])] == ["refused"]
    assert route.call_count == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_that_is_not_followed_is_a_refused_change(
    status: int, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/deals").respond(status, headers={"Location": "https://elsewhere.example/v1/deals"})

    assert told(await writer.send([NEW])) == [("refused", "UNEXPECTED_ANSWER")]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", object()], ids=["nan", "inf", "half", "thing"])
@pytest.mark.parametrize("number", [1, 2])
async def test_what_json_cannot_hold_is_refused_unsent(value: Any, number: int, writer: Writer) -> None:
    changes = [Change("create", DEALS, values={"title": value})] * number

    assert told(await writer.send(changes)) == [("refused", "INVALID_VALUE")] * number


async def test_of_a_batch_only_the_calls_that_were_not_admitted_go_out_again(
    writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    """Two of six wait, then one; the others are final, whatever they are."""
    limited, late = {"code": "RATE_LIMITED", "retryAfter": 3}, {"code": "OPERATION_TIME_LIMIT"}
    answers = [
        batch_of(
            {"0": {"id": 10}, "3": {}},
            {"1": limited, "2": {"code": "BITRIX_ERROR"}, "4": late, "5": {"code": "BITRIX_TIMEOUT"}},
        ),
        batch_of({"0": {"id": 11}}, {"1": limited}),
    ]
    batch = respx_mock.post("/v1/batch").mock(side_effect=answers)
    alone = respx_mock.post("/v1/deals").mock(return_value=made(14))
    changes = [Change("create", DEALS, values={"title": str(place)}) for place in range(6)]
    outcomes = await writer.send(changes)

    assert [(each.fate, each.id) for each in outcomes] == [
        ("done", 10),
        ("done", 11),
        ("refused", None),
        ("unknown", None),
        ("done", 14),
        ("unknown", None),
    ]
    assert [[call["params"]["title"] for call in body["calls"]] for body in bodies(batch)] == [
        list("012345"),
        ["1", "4"],
    ]
    assert bodies(alone) == [{"title": "4"}]
    assert waits == [3, 3]


@pytest.mark.parametrize(
    "answer",
    [
        batch_of({"0": {"id": 5}}, {}),
        batch_of({"0": {"id": 5}}, {"1": {}}),
        batch_of({"0": {"id": 5}}, {"1": "no"}),
        batch_of({"0": {"id": 5}}, {"1": {"code": "SOMETHING_NEW"}}),
        batch_of({"0": {"id": 5}, "1": {"id": 6}}, {"1": {"code": "BITRIX_ERROR"}}),
        batch_of({"0": {"id": 5}, "1": {"title": "A"}}, {}),
    ],
    ids=["neither", "refused for nothing", "refused in a word", "unknown code", "both", "without an id"],
)
async def test_a_call_that_a_batch_leaves_open_is_unknown(
    answer: httpx.Response, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/v1/batch").mock(return_value=answer)

    assert [each.fate for each in await writer.send([NEW] * 2)] == ["done", "unknown"]
    assert route.call_count == 1


async def test_a_batch_in_which_every_call_is_refused_refuses_each(
    writer: Writer, respx_mock: respx.MockRouter
) -> None:
    errors = {"0": {"code": "MISSING_ENTITY_ID", "message": "no"}, "1": {"code": "SCOPE_NOT_ALLOWED", "message": "no"}}
    error = {"code": "INVALID_REQUEST", "message": "All calls in the batch failed validation"}
    respx_mock.post("/v1/batch").respond(400, json={"success": False, "error": error, "data": {"errors": errors}})

    assert told(await writer.send([NEW] * 2)) == [("refused", "MISSING_ENTITY_ID"), ("refused", "SCOPE_NOT_ALLOWED")]


async def test_a_batch_that_fails_with_reasons_leaves_every_fate_open(
    writer: Writer, respx_mock: respx.MockRouter
) -> None:
    errors = {"0": {"code": "BITRIX_ERROR", "message": "no"}}
    error = {"code": "BITRIX_UNAVAILABLE", "message": "no"}
    respx_mock.post("/v1/batch").respond(502, json={"success": False, "error": error, "data": {"errors": errors}})

    assert told(await writer.send([NEW] * 2)) == [("unknown", "BITRIX_UNAVAILABLE")] * 2


@pytest.mark.parametrize(
    "answer",
    [
        refusal("INVALID_REQUEST", 400),
        refusal("NOT_FOUND", 404),
        refusal("ERROR_LOOP_DETECTED", 429),
        httpx.Response(404, html="<h1>Not found</h1>"),
        batch_of({}, {each: {"code": "ACTION_NOT_SUPPORTED", "message": "no"} for each in "01"}),
        batch_of({}, {each: {"code": "ENTITY_CUSTOM_ROUTES", "message": "no"} for each in "01"}),
    ],
    ids=["not read", "no route", "blocked", "no page", "no action", "own routes"],
)
async def test_what_a_batch_cannot_do_is_done_one_by_one(
    answer: httpx.Response, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    batch = respx_mock.post("/v1/batch").mock(return_value=answer)
    alone = respx_mock.post("/v1/deals").mock(side_effect=[made(5), refusal("BITRIX_ERROR", 422)])

    assert told(await writer.send([NEW] * 2)) == [("done", ""), ("refused", "BITRIX_ERROR")]
    assert (batch.call_count, alone.call_count) == (1, 2)


@pytest.mark.parametrize(
    ("failure", "first", "code"),
    [
        (httpx.ReadTimeout("slow"), "unknown", "PORTAL_TIMEOUT"),
        (httpx.Response(503), "unknown", "HTTP_503"),
        (refusal("KEY_EXPIRED", 401), "refused", "KEY_EXPIRED"),
    ],
    ids=["timeout", "failed", "key"],
)
async def test_once_the_portal_does_not_answer_the_rest_is_not_sent(
    failure: Exception | httpx.Response, first: Fate, code: str, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    started = httpx.Response(201, json={"success": True, "data": {"workflowId": "a.1"}})
    route = respx_mock.post("/v1/workflows/start").mock(side_effect=[started, failure])
    outcomes = await writer.send([Change("start", DEALS, id=each) for each in (1, 2, 3, 4)])

    assert told(outcomes) == [("done", ""), (first, code), ("refused", code), ("refused", code)]
    assert route.call_count == 2


async def test_a_refusal_does_not_keep_the_next_from_being_sent(writer: Writer, respx_mock: respx.MockRouter) -> None:
    started = httpx.Response(201, json={"success": True, "data": {"workflowId": "a.1"}})
    odd = httpx.Response(201, json={"success": True, "data": {}})
    respx_mock.post("/v1/workflows/start").mock(side_effect=[refusal("BITRIX_ERROR", 422), odd, started])
    outcomes = await writer.send([Change("start", DEALS, id=each) for each in (1, 2, 3)])

    assert [each.fate for each in outcomes] == ["refused", "unknown", "done"]


async def test_a_machine_without_a_way_out_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at-all.pem")
    authorities.cache_clear()
    async with GatewayClient(Credentials(GATEWAY, "vibe_api_x")) as client:
        outcomes = await GatewayWriter(client).send([NEW])

    assert [each.fate for each in outcomes] == ["refused"]


GATEWAY_FAULTS: Mapping[FaultKind, Disturbed] = {
    "rate_limit": WAITED_OUT,
    "server_error": UNKNOWN,
    "bad_gateway": UNKNOWN,
    "queue_timeout": UNKNOWN,
    "slow": UNKNOWN,
    "slow_after": UNKNOWN,
    "drop": UNKNOWN,
    "drop_after": UNKNOWN,
    "drop_midway": UNKNOWN,
    "failed_after": UNKNOWN,
    "broken_json": UNKNOWN,
    "html": UNKNOWN,
    "html_502": UNKNOWN,
    "empty": UNKNOWN,
    "redirect": REFUSED,
    "partial_batch": Disturbed("refused", "refused", others="done"),
    "limit_within": UNNOTICED,
    "failed_window": UNNOTICED,
    "all_windows": UNNOTICED,
    "truncated": UNNOTICED,
    "expired_key": REFUSED,
    "access_denied": REFUSED,
    "bitrix_error": REFUSED,
    "secret_echo": REFUSED,
    "expired_token": UNNOTICED,
    "operation_limit": UNNOTICED,
    "overload": UNNOTICED,
}


def test_every_fault_of_the_demo_portal_is_tried() -> None:
    assert set(GATEWAY_FAULTS) == set(get_args(FaultKind))


@pytest.fixture
async def demo(own_portal: DemoPortal) -> AsyncGenerator[Writer]:
    """The demo portal over real HTTP, which nobody waits for."""
    budget = Budget(clock=TestTime().clock)
    async with GatewayClient(Credentials(own_portal.url, "vibe_api_demo"), budget=budget, patience=0.3) as client:
        yield GatewayWriter(client)


@pytest.mark.respx(assert_all_mocked=False)
@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("kind", GATEWAY_FAULTS)
async def test_the_fate_of_a_change_is_what_the_database_says(
    kind: FaultKind,
    number: int,
    demo: Writer,
    own_portal: DemoPortal,
    caplog: pytest.LogCaptureFixture,
    *,
    lasting: bool,
) -> None:
    """And neither an error nor a log tells the secret, or what was to be written."""
    caplog.set_level(logging.DEBUG)
    fault = Fault(kind=kind, times=None if lasting else 1, seconds=1 if kind.startswith("slow") else 2)
    outcomes = await outcomes_under(fault, number, demo, own_portal)

    assert [each.fate for each in outcomes] == expected_fates(GATEWAY_FAULTS[kind], kind, number, lasting=lasting)
    said = f"{[(str(each.error), vars(each.error)) for each in outcomes if each.error]} {caplog.text}"
    assert [word for word in ("vibe_api_demo", "disturbed 0") if word in said] == []
