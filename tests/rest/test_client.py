"""What goes out to a portal's REST, and what every kind of answer becomes."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Self, cast

import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import KeyRefused, PermissionRefused, PortalError, PortalUnavailable, UnexpectedAnswer
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.sending import connection
from bitrix24_mcp.settings import version

PORTAL = "https://portal.example"
CODE = "s3cr3t-c0de"
HOOK = f"/rest/1/{CODE}"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

OK: Mapping[str, Any] = {"result": []}


def refusal(code: Any, status: int = 400, description: str = "x") -> httpx.Response:
    return httpx.Response(status, json={"error": code, "error_description": description})


def only_request(route: respx.Route) -> httpx.Request:
    assert route.call_count == 1
    return route.calls.last.request


async def test_a_call_posts_its_parameters_to_the_webhooks_own_address(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/crm.item.list").respond(json={"result": {"items": []}, "total": "7", "next": 50})
    answer = await client.call("crm.item.list", {"entityTypeId": 2, "filter": {"%title": "Ёлка", "!=id": [1, 2]}})

    request = only_request(route)
    assert json.loads(request.content) == {"entityTypeId": 2, "filter": {"%title": "Ёлка", "!=id": [1, 2]}}
    assert answer == Answer({"items": []}, 7, 50)
    assert (request.url.query, request.headers["Content-Type"]) == (b"", "application/json")
    assert (request.headers["Accept"], request.headers["User-Agent"]) == (
        "application/json",
        f"bitrix24-mcp/{version()}",
    )
    assert "Authorization" not in request.headers


async def test_a_call_without_parameters_posts_an_empty_object(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/profile").respond(json={"result": {"ID": "1"}})

    assert (await client.call("profile")).record() == {"ID": "1"}
    assert only_request(route).content == b"{}"


async def test_an_application_sends_its_token_in_the_body(
    application: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/rest/user.get").respond(json=OK)
    await application.call("user.get", {"FILTER": {"ID": 1}})

    assert json.loads(only_request(route).content) == {"FILTER": {"ID": 1}, "auth": "t0ken-1"}


@pytest.mark.parametrize("code", ["expired_token", "invalid_token"])
async def test_a_spent_token_is_renewed_and_the_call_made_once_more(
    code: str, application: RestClient, account: Any, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/rest/profile").mock(side_effect=[refusal(code, 401), httpx.Response(200, json=OK)])
    await application.call("profile")

    calls = cast("list[respx.models.Call]", list(route.calls))
    assert [json.loads(call.request.content)["auth"] for call in calls] == ["t0ken-1", "t0ken-2"]
    assert (account.spent, route.call_count, waits) == (["t0ken-1"], 2, [])


@pytest.mark.parametrize(("renewals", "requests"), [(0, 1), (5, 2)])
async def test_a_token_that_cannot_be_renewed_or_stays_refused_is_told(
    renewals: int, requests: int, application: RestClient, account: Any, respx_mock: respx.MockRouter
) -> None:
    account.renewals = renewals
    route = respx_mock.post("/rest/profile").mock(return_value=refusal("expired_token", 401))
    with pytest.raises(KeyRefused, match=r"bitrix24-mcp connect.*\[EXPIRED_TOKEN\]$"):
        await application.call("profile")

    assert route.call_count == requests


async def test_an_expired_webhook_is_told_at_once(client: RestClient, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(f"{HOOK}/profile").mock(return_value=refusal("INVALID_CREDENTIALS", 401))
    with pytest.raises(KeyRefused, match=r"BITRIX24_WEBHOOK_URL\. \[INVALID_CREDENTIALS\]$"):
        await client.call("profile")

    assert route.call_count == 1


async def test_what_the_access_itself_says_is_told_in_a_batch_too(
    application: RestClient, account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> Mapping[str, str]:
        raise PortalUnavailable("The authorisation server is away.", advice="Wait.", code="PORTAL_UNREACHABLE")

    monkeypatch.setattr(account, "parameters", away)
    with pytest.raises(PortalUnavailable, match="authorisation server"):
        await application.call("profile")
    outcomes = await application.batch([RestCall("profile"), RestCall("scope")])

    assert [type(outcome) for outcome in outcomes] == [PortalUnavailable] * 2


NO_ENVELOPES: dict[str, dict[str, Any]] = {
    "html": {"html": "<html>Sign in</html>"},
    "broken json": {"text": '{"result": {"items": ['},
    "empty": {"text": ""},
    "bare array": {"json": [{"id": 1}]},
    "no result": {"json": {"time": {}}},
    "binary": {"content": b"\xff\xfe{"},
    "broken gzip": {"headers": {"Content-Encoding": "gzip"}, "stream": httpx.ByteStream(b"not gzip")},
}


@pytest.mark.parametrize("sent", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
async def test_what_is_no_envelope_is_asked_once_more_and_then_an_error(
    sent: dict[str, Any], client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/x").mock(side_effect=[httpx.Response(200, **sent) for _ in range(3)])
    with pytest.raises(UnexpectedAnswer) as failed:
        await client.call("x")

    assert (failed.value.code, bool(failed.value.advice)) == ("UNEXPECTED_ANSWER", True)
    assert (route.call_count, waits) == (2, [1])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_page_of_the_web_server_is_asked_again_with_growing_waits(
    status: int, client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/x").respond(status, html="<h1>Bad gateway</h1>")
    with pytest.raises(PortalUnavailable, match=rf"\[HTTP_{status}\]$"):
        await client.call("x")

    assert (route.call_count, waits) == (4, [1, 2, 4])


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_page_of_another_server_says_that_this_is_no_portal(
    status: int, client: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/x").respond(status, html="<h1>Not here</h1>")
    with pytest.raises(UnexpectedAnswer, match=rf"Check the portal's address.*\[HTTP_{status}\]$"):
        await client.call("x")

    assert route.call_count == 1


PASSING = [
    ("QUERY_LIMIT_EXCEEDED", 503, 5, [1, 2, 4, 8]),
    ("INTERNAL_SERVER_ERROR", 500, 2, [1]),
    ("ERROR_UNEXPECTED_ANSWER", 500, 2, [1]),
    ("CONNECTION_ERROR", 401, 3, [1, 2]),
]


@pytest.mark.parametrize(("code", "status", "attempts", "waited"), PASSING)
async def test_what_may_pass_is_asked_as_often_as_it_is_worth(
    code: str, status: int, attempts: int, waited: list[float],
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter,
) -> None:  # fmt: skip
    route = respx_mock.post(f"{HOOK}/x").mock(return_value=refusal(code, status))
    with pytest.raises(PortalUnavailable, match=rf"\[{code}\]$"):
        await client.call("x")

    assert (route.call_count, waits) == (attempts, waited)


@pytest.mark.parametrize("code", [code for code, *_ in PASSING])
async def test_what_has_passed_is_an_answer(code: str, client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/x").mock(side_effect=[refusal(code, 503), httpx.Response(200, json=OK)])

    assert await client.call("x") == Answer([])


STAYING = [
    ("OVERLOAD_LIMIT", 503), ("insufficient_scope", 401), ("ACCESS_DENIED", 403), ("NO_AUTH_FOUND", 401), ("", 400),
    ("ERROR_METHOD_NOT_FOUND", 404), ("WRONG_AUTH_TYPE", 403), ("wrong_client", 200), ("PAYMENT_REQUIRED", 401),
    ("METHOD_CONFIRM_WAITING", 401), ("SOMETHING_NEW", 500), (0, 400), ("ERROR_CORE", 400), ("PORTAL_DELETED", 410),
]  # fmt: skip


@pytest.mark.parametrize(("code", "status"), STAYING)
async def test_a_refusal_that_stays_is_told_at_once(
    code: Any, status: int, client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/x").mock(return_value=refusal(code, status))
    with pytest.raises(PortalError) as refused:
        await client.call("x")

    assert refused.value.code == (str(code).upper() if code else "REFUSED_WITHOUT_CODE")
    assert (route.call_count, waits) == (1, [])


@pytest.mark.parametrize(
    ("failure", "attempts", "code"),
    [
        (httpx.ConnectError("refused"), 4, "PORTAL_UNREACHABLE"),
        (httpx.RemoteProtocolError("disconnected"), 4, "PORTAL_UNREACHABLE"),
        (httpx.ConnectTimeout("slow"), 2, "PORTAL_TIMEOUT"),
        (httpx.ReadTimeout("slow"), 2, "PORTAL_TIMEOUT"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_portal_that_does_not_answer_is_an_error_without_its_address(
    failure: Exception,
    attempts: int,
    code: str,
    client: RestClient,
    waits: list[float],
    respx_mock: respx.MockRouter,
) -> None:
    route = respx_mock.post(f"{HOOK}/x").mock(side_effect=failure)
    with pytest.raises(PortalUnavailable) as failed:
        await client.call("x")

    assert (failed.value.code, bool(failed.value.advice)) == (code, True)
    assert (route.call_count, waits) == (attempts, [1, 2, 4][: attempts - 1])
    assert "portal.example" not in str(failed.value)
    assert (failed.value.__cause__, failed.value.__context__) == (None, None)


async def test_the_secret_is_in_no_log_repr_or_error(
    client: RestClient, respx_mock: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"Cannot process {PORTAL}{HOOK}/x with {CODE} and {CODE.upper()}"
    respx_mock.post(f"{HOOK}/x").mock(side_effect=[refusal("ERROR_CORE", 400, echo), refusal(CODE, 400, echo)])
    errors: list[PortalError] = []
    for _ in range(2):
        with pytest.raises(PortalError) as refused:
            await client.call("x")
        errors.append(refused.value)

    said = f"{vars(client)} {client!r} {errors} {[vars(error) for error in errors]} {caplog.text}"
    assert CODE not in said.lower()


class StoppedClock(datetime):
    """This machine's clock, stopped; the portal's may differ."""

    @classmethod
    def now(cls, tz: Any = None) -> Self:
        return cls(2026, 9, 1, 12, 0, 30, tzinfo=tz)


async def test_the_clock_is_the_portals(
    client: RestClient, respx_mock: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "datetime", StoppedClock)
    respx_mock.post(f"{HOOK}/x").respond(json=OK, headers={"Date": "Sat, 01 Aug 2026 00:00:00 GMT"})
    await client.call("x")

    assert client.now() == datetime(2026, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moments", "offset"),
    [
        (["2026-05-14T10:26:32+03:00"], timezone(timedelta(hours=3))),
        (["2026-05-14T10:26:32+00:00"], None),
        (["2026-05-14T10:26:32+03:00", None], timezone(timedelta(hours=3))),
        (["2026-05-14T10:26:32+03:00", "2026-05-14T10:26:32+00:00"], None),
        ([None], None),
    ],
)
async def test_the_offset_is_the_one_in_which_the_latest_answer_writes(
    moments: list[str | None], offset: timezone | None, client: RestClient, respx_mock: respx.MockRouter
) -> None:
    times = [{"time": {"date_start": moment}} if moment else {} for moment in moments]
    respx_mock.post(f"{HOOK}/x").mock(side_effect=[httpx.Response(200, json={"result": 1, **time}) for time in times])
    for _ in moments:
        await client.call("x")

    assert client.offset == offset


async def test_a_closed_client_has_closed_its_connections(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/x").respond(json=OK)
    await client.call("x")
    await client.aclose()
    await client.aclose()

    assert client._http is None  # pyright: ignore[reportPrivateUsage] - a caller cannot see it


async def test_the_demo_portal_answers_over_real_http(demo_client: RestClient, portal: Any) -> None:
    answer = await demo_client.call("crm.item.list", {"entityTypeId": 2, "order": {"id": "ASC"}, "select": ["id"]})

    assert [row["id"] for row in answer.rows("items")] == list(range(1, 51))
    assert answer.next == 50
    assert demo_client.offset == timezone(timedelta(hours=3))
    with pytest.raises(PermissionRefused):
        async with RestClient(Webhook(f"{portal.url}/rest/57/demo-seller/")) as seller:
            await seller.call("bizproc.workflow.instances")
    with pytest.raises(KeyRefused, match="INVALID_CREDENTIALS"):
        async with RestClient(Webhook(f"{portal.url}/rest/1/demo-expired/")) as expired:
            await expired.call("profile")
