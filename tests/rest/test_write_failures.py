"""A change is repeated only where it was surely not carried out; where nobody knows, it is said so and left at that."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast, get_args

import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import KeyRefused
from bitrix24_mcp.crm.portal_changes import Change, Fate, Outcome
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.advice import KNOWN
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.writing.writer import RestWriter
from written import REFUSED, UNKNOWN, UNNOTICED, WAITED_OUT, Disturbed, expected_fates, outcomes_under

BASE = "https://portal.example/rest/1/s3cr3t-c0de"
OAUTH = "https://portal.example/rest"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=BASE)]

PRODUCTS, DEALS = BY_NAME["products"], BY_NAME["deals"]
NEW = Change("create", PRODUCTS, values={"name": "A"})
"""Products need no description of their fields, so that this is the only request."""
SERVER_FAULTS = ("CONNECTION_ERROR", "ERROR_UNEXPECTED_ANSWER", "INTERNAL_SERVER_ERROR")


@pytest.fixture
def writer(client: RestClient) -> Writer:
    return RestWriter(client)


def refusal(code: str, status: int, description: str = "no") -> httpx.Response:
    return httpx.Response(status, json={"error": code, "error_description": description})


def result(told: Any) -> httpx.Response:
    return httpx.Response(200, json={"result": told})


def batch_of(results: Any, errors: Any) -> httpx.Response:
    return result({"result": results, "result_error": errors, "result_total": [], "result_next": []})


def told(outcomes: Sequence[Outcome]) -> list[tuple[Fate, str]]:
    return [(each.fate, each.error.code if each.error else "") for each in outcomes]


def bodies(route: respx.Route) -> list[Any]:
    return [json.loads(call.request.content) for call in cast("Sequence[respx.models.Call]", list(route.calls))]


def by_type(value: object) -> str:
    return type(value).__name__


NOT_SENT: Sequence[tuple[Exception, int]] = [
    (httpx.ConnectError("refused"), 4),
    (httpx.ProxyError("no"), 4),
    (httpx.UnsupportedProtocol("no"), 4),
    (httpx.ConnectTimeout("slow"), 2),
    (httpx.PoolTimeout("slow"), 2),
]
MAYBE_SENT: Sequence[Exception] = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("broken"),
    httpx.WriteError("broken"),
    httpx.RemoteProtocolError("disconnected"),
    httpx.DecodingError("gzip"),
]


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("failure", "attempts"), NOT_SENT, ids=by_type)
async def test_what_was_not_sent_is_sent_again_and_refused_in_the_end(
    failure: Exception, attempts: int, number: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(side_effect=failure)

    assert [each.fate for each in await writer.send([NEW] * number)] == ["refused"] * number
    assert (route.call_count, waits) == (attempts, [1, 2, 4][: attempts - 1])


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("failure", MAYBE_SENT, ids=by_type)
async def test_what_may_have_arrived_is_unknown_and_never_sent_again(
    failure: Exception, number: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(side_effect=failure)

    assert [each.fate for each in await writer.send([NEW] * number)] == ["unknown"] * number
    assert (route.call_count, waits) == (1, [])


UNCLEAR: Mapping[str, dict[str, Any]] = {
    "html": {"status_code": 200, "html": "<html>Sign in</html>"},
    "broken json": {"status_code": 200, "text": '{"result": 4'},
    "empty": {"status_code": 200, "text": ""},
    "no result": {"status_code": 200, "json": {"time": {}}},
    "see other": {"status_code": 303, "headers": {"Location": f"{BASE}/other"}},
    "failed without a word": {"status_code": 500},
    "html from a proxy": {"status_code": 502, "html": "<h1>Bad gateway</h1>"},
    "timed out on the way": {"status_code": 408, "text": ""},
    "a fault of the server without a code": {"status_code": 500, "json": {"error": "", "error_description": "Hm"}},
    "a fault of the server by a name that nobody knows": {"status_code": 503, "json": {"error": "SOMETHING_NEW"}},
}


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("sent", UNCLEAR.values(), ids=UNCLEAR)
async def test_an_answer_that_says_nothing_of_the_change_leaves_its_fate_open(
    sent: dict[str, Any], number: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(return_value=httpx.Response(**sent))

    assert [each.fate for each in await writer.send([NEW] * number)] == ["unknown"] * number
    assert (route.call_count, waits) == (1, [])


@pytest.mark.parametrize("code", SERVER_FAULTS)
@pytest.mark.parametrize("status", [200, 401, 500])
async def test_faults_of_the_server_leave_the_fate_open(
    code: str, status: int, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/crm.product.add").mock(return_value=refusal(code, status))
    respx_mock.post("/batch").mock(return_value=batch_of({"c0": 5}, {"c1": {"error": code}}))

    assert told(await writer.send([NEW])) == [("unknown", code)]
    assert told(await writer.send([NEW] * 2)) == [("done", ""), ("unknown", code)]
    assert waits == []


async def test_a_full_bucket_is_waited_out(writer: Writer, waits: list[float], respx_mock: respx.MockRouter) -> None:
    busy = refusal("QUERY_LIMIT_EXCEEDED", 503)
    route = respx_mock.post("/crm.product.add").mock(side_effect=[busy, busy, result(5)])

    assert await writer.send([NEW]) == [Outcome("done", id=5)]
    assert (route.call_count, [wait for wait in waits if wait >= 1][:2]) == (3, [1, 2])


@pytest.mark.parametrize("number", [1, 3])
async def test_a_bucket_that_stays_full_is_a_refusal_after_five_attempts(
    number: int, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(return_value=refusal("QUERY_LIMIT_EXCEEDED", 503))

    assert told(await writer.send([NEW] * number)) == [("refused", "QUERY_LIMIT_EXCEEDED")] * number
    assert route.call_count == 5


async def test_a_limit_without_an_envelope_is_waited_out(writer: Writer, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("/crm.product.add").mock(side_effect=[httpx.Response(429, html="<h1>No</h1>"), result(5)])

    assert told(await writer.send([NEW])) == [("done", "")]


async def test_a_method_whose_time_is_used_up_is_not_even_asked(writer: Writer, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post("/crm.product.add").mock(return_value=refusal("OPERATION_TIME_LIMIT", 429))

    assert told(await writer.send([NEW])) == [("refused", "OPERATION_TIME_LIMIT")]
    assert told(await writer.send([NEW])) == [("refused", "OPERATION_TIME_LIMIT")]
    assert told(await writer.send([NEW] * 2)) == [("refused", "OPERATION_TIME_LIMIT")] * 2
    assert route.call_count == 1


async def test_a_method_whose_time_is_soon_freed_is_waited_for(
    writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    spent = {"operating": 480, "operating_reset_at": 1010, "finish": 1000}
    answers = [
        httpx.Response(200, json={"result": 5, "time": spent}),
        refusal("OPERATION_TIME_LIMIT", 429),
        result(6),
    ]
    respx_mock.post("/crm.product.add").mock(side_effect=answers)

    assert [(each.fate, each.id) for each in [*await writer.send([NEW]), *await writer.send([NEW])]] == [
        ("done", 5),
        ("done", 6),
    ]
    assert sum(waits) >= 10


@pytest.mark.parametrize("code", sorted(set(KNOWN) - {*SERVER_FAULTS, "QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT"}))
async def test_a_refusal_that_stays_is_a_refused_change(
    code: str, writer: Writer, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    status = 503 if code == "OVERLOAD_LIMIT" else 500 if code == "PORTAL_DELETED" else 400
    route = respx_mock.post("/crm.product.add").mock(return_value=refusal(code, status))

    assert told(await writer.send([NEW])) == [("refused", code)]
    assert (route.call_count, waits) == (1, [])


REASONS: Mapping[str, tuple[Any, str, str]] = {
    "no code": ("", "Ошибка выполнения запроса", "REFUSED_WITHOUT_CODE"),
    "a number": ("1048582", "No access to delete the task", "ACCESS_DENIED"),
    "no field": (100, "Could not find value for parameter {fields}", "REFUSED_WITHOUT_CODE"),
    "required": ("CRM_FIELD_ERROR_REQUIRED", "The field is required", "CRM_FIELD_ERROR_REQUIRED"),
    "completed": ("ERROR_TASK_COMPLETED", "Task already completed", "ERROR_TASK_COMPLETED"),
    "gone": ("", "Not found", "NOT_FOUND"),
}


@pytest.mark.parametrize(("code", "description", "expected"), REASONS.values(), ids=REASONS)
async def test_whatever_a_method_refuses_with_is_a_refused_change(
    code: Any, description: str, expected: str, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    error = {"error": code, "error_description": description}
    respx_mock.post("/crm.product.add").respond(400, json=error)
    respx_mock.post("/batch").mock(return_value=batch_of({"c0": 5}, {"c1": error}))

    assert told(await writer.send([NEW])) == [("refused", expected)]
    assert told(await writer.send([NEW] * 2)) == [("done", ""), ("refused", expected)]


@pytest.mark.parametrize("status", [400, 401, 404, 418])
async def test_a_refusal_that_is_not_rests_is_a_refused_change(
    status: int, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/crm.product.add").respond(status, html="<h1>No</h1>")

    assert told(await writer.send([NEW])) == [("refused", f"HTTP_{status}")]


async def test_a_move_that_is_not_believed_is_a_refused_change(writer: Writer, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("/crm.product.add").respond(302, headers={"Location": "https://elsewhere.example/sign-in"})

    assert told(await writer.send([NEW])) == [("refused", "PORTAL_MOVED")]


async def test_a_portal_that_has_moved_is_asked_at_its_new_place(writer: Writer, respx_mock: respx.MockRouter) -> None:
    moved = BASE.replace("portal.example", "new.bitrix24.com")
    respx_mock.post("/crm.product.add").respond(302, headers={"Location": f"{moved}/crm.product.add"})
    respx_mock.post(f"{moved}/crm.product.add").mock(return_value=result(5))

    assert await writer.send([NEW]) == [Outcome("done", id=5)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", object()], ids=["nan", "inf", "half", "thing"])
@pytest.mark.parametrize("number", [1, 2])
async def test_what_json_cannot_hold_is_refused_unsent(value: Any, number: int, writer: Writer) -> None:
    changes = [Change("create", PRODUCTS, values={"name": value})] * number

    assert told(await writer.send(changes)) == [("refused", "INVALID_VALUE")] * number


async def test_of_a_batch_only_the_calls_that_were_not_admitted_go_out_again(
    writer: Writer, respx_mock: respx.MockRouter
) -> None:
    """Two of six wait, then one; the others are final, whatever they are."""
    limited = {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
    answers = [
        batch_of(
            {"c0": 10, "c3": []},
            {
                "c1": limited,
                "c2": {"error": "ERROR_CORE", "error_description": "no"},
                "c4": limited,
                "c5": {"error": "INTERNAL_SERVER_ERROR", "error_description": "no"},
            },
        ),
        batch_of({"c0": 11}, {"c1": limited}),
    ]
    batch = respx_mock.post("/batch").mock(side_effect=answers)
    alone = respx_mock.post("/crm.product.add").mock(return_value=result(14))
    outcomes = await writer.send([Change("create", PRODUCTS, values={"name": str(place)}) for place in range(6)])

    assert [(each.fate, each.id) for each in outcomes] == [
        ("done", 10),
        ("done", 11),
        ("refused", None),
        ("unknown", None),
        ("done", 14),
        ("unknown", None),
    ]
    assert [[command[-1] for command in body["cmd"].values()] for body in bodies(batch)] == [list("012345"), ["1", "4"]]
    assert bodies(alone) == [{"fields": {"NAME": "4"}}]


@pytest.mark.parametrize(
    "answer",
    [
        batch_of({"c0": 5}, []),
        batch_of([5], []),
        batch_of({"c0": 5}, {"other": {"error": "ERROR_CORE"}}),
        batch_of({"c0": 5, "c1": {"item": []}}, []),
    ],
    ids=["neither", "a list that is too short", "another refused", "without an id"],
)
async def test_a_call_that_a_batch_leaves_open_is_unknown(
    answer: httpx.Response, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/batch").mock(return_value=answer)

    assert told(await writer.send([NEW] * 2))[1] == ("unknown", "UNEXPECTED_ANSWER")
    assert route.call_count == 1


async def test_what_a_batch_cannot_do_is_done_by_itself(writer: Writer, respx_mock: respx.MockRouter) -> None:
    cannot = {"error": "ERROR_BATCH_METHOD_NOT_ALLOWED", "error_description": "no"}
    respx_mock.post("/batch").mock(return_value=batch_of({"c0": 5}, {"c1": cannot}))
    respx_mock.post("/crm.product.add").mock(return_value=result(6))

    assert await writer.send([NEW] * 2) == [Outcome("done", id=5), Outcome("done", id=6)]


async def test_once_the_portal_does_not_answer_the_rest_is_not_sent(
    writer: Writer, respx_mock: respx.MockRouter
) -> None:
    answers: Sequence[httpx.Response | Exception] = [result("a.1"), httpx.ReadTimeout("slow")]
    route = respx_mock.post("/bizproc.workflow.start").mock(side_effect=answers)
    values = {"templateId": 1, "parameters": {"note": "$result[c0]"}}
    outcomes = await writer.send([Change("start", DEALS, id=each, values=values) for each in (1, 2, 3)])

    assert told(outcomes) == [("done", ""), ("unknown", "PORTAL_TIMEOUT"), ("refused", "PORTAL_TIMEOUT")]
    assert route.call_count == 2


async def test_a_batch_that_is_not_answered_keeps_what_goes_alone_from_being_sent(
    writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/batch").mock(side_effect=httpx.ReadTimeout("slow"))
    names = ["A", "$result[c0]", "B"]
    outcomes = await writer.send([Change("create", PRODUCTS, values={"name": name}) for name in names])

    assert [each.fate for each in outcomes] == ["unknown", "refused", "unknown"]


@pytest.mark.respx(base_url=OAUTH)
async def test_an_expired_token_is_renewed_and_the_change_made_once(
    application: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/crm.product.add").mock(side_effect=[refusal("expired_token", 401), result(5)])

    assert await RestWriter(application).send([NEW]) == [Outcome("done", id=5)]
    assert [body["auth"] for body in bodies(route)] == ["t0ken-1", "t0ken-2"]


@pytest.mark.respx(base_url=OAUTH)
async def test_a_token_that_stays_expired_is_a_refused_change(
    application: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post().mock(return_value=refusal("expired_token", 401))

    assert told(await RestWriter(application).send([NEW] * 2)) == [("refused", "EXPIRED_TOKEN")] * 2


async def test_an_account_that_cannot_be_opened_sends_nothing(
    application: RestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stale(*_: object) -> Mapping[str, str]:
        raise KeyRefused("It is stale.", advice="Connect again.", code="ACCOUNT_STALE")

    monkeypatch.setattr(application.access, "parameters", stale)

    assert told(await RestWriter(application).send([NEW])) == [("refused", "ACCOUNT_STALE")]


REST_FAULTS: Mapping[FaultKind, Disturbed] = {
    "rate_limit": WAITED_OUT,
    "operation_limit": REFUSED,
    "overload": REFUSED,
    "server_error": UNKNOWN,
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
    "partial_batch": Disturbed("unknown", "unknown", others="done"),
    "limit_within": UNNOTICED,
    "expired_key": REFUSED,
    "expired_token": REFUSED,
    "access_denied": REFUSED,
    "bitrix_error": REFUSED,
    "secret_echo": REFUSED,
    "bad_gateway": UNNOTICED,
    "queue_timeout": UNNOTICED,
    "failed_window": UNNOTICED,
    "all_windows": UNNOTICED,
    "truncated": UNNOTICED,
}


def test_every_fault_of_the_demo_portal_is_tried() -> None:
    assert set(REST_FAULTS) == set(get_args(FaultKind))


@pytest.fixture
async def demo(own_portal: DemoPortal, budget: Bucket) -> AsyncGenerator[Writer]:
    """The administrator's webhook over real HTTP, whose writer knows the fields of deals."""
    access = Webhook(f"{own_portal.url}/rest/1/demo-admin/")
    async with RestClient(access, budget=budget, patience=0.3) as client:
        writer = RestWriter(client)
        await writer.send([Change("update", DEALS, id=10**7, values={"title": "A"})])
        yield writer


@pytest.mark.respx(assert_all_mocked=False)
@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("kind", REST_FAULTS)
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
    fault = Fault(kind=kind, times=None if lasting else 1, seconds=1)
    outcomes = await outcomes_under(fault, number, demo, own_portal)

    assert [each.fate for each in outcomes] == expected_fates(REST_FAULTS[kind], kind, number, lasting=lasting)
    said = f"{[(str(each.error), vars(each.error)) for each in outcomes if each.error]} {caplog.text}"
    assert [word for word in ("demo-admin", "disturbed 0") if word in said] == []
