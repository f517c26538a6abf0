"""What goes out to the gateway, and what every kind of answer becomes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import PermissionRefused, RequestRefused, UnexpectedAnswer
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.sending import connection as client_module
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.credentials import Credentials

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

OK: Mapping[str, Any] = {"success": True, "data": []}


def only_request(route: respx.Route) -> httpx.Request:
    assert route.call_count == 1
    return route.calls.last.request


async def test_a_personal_key_goes_into_its_own_header(client: GatewayClient, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("/v1/me").respond(json=OK)
    await client.get("me")

    headers = only_request(route).headers
    assert (headers["X-Api-Key"], headers["Accept"]) == ("vibe_api_k3y-of_Ann", "application/json")
    assert "Authorization" not in headers


async def test_an_app_key_comes_with_the_users_session(budget: Budget, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("/v1/me").respond(json=OK)
    async with GatewayClient(Credentials(GATEWAY, "vibe_app_x", "vibe_session_y"), budget=budget) as client:
        await client.get("me")

    headers = only_request(route).headers
    assert (headers["X-Api-Key"], headers["Authorization"]) == ("vibe_app_x", "Bearer vibe_session_y")


async def test_a_get_sends_its_query_and_no_body(client: GatewayClient, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("/v1/statuses").respond(json=OK)
    await client.get("statuses", [("filter[entityId]", "DEAL_STAGE"), ("limit", "500")])

    request = only_request(route)
    assert request.url.params.multi_items() == [("filter[entityId]", "DEAL_STAGE"), ("limit", "500")]
    assert request.content == b""


async def test_a_post_sends_its_body_and_no_query(client: GatewayClient, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post("/v1/deals/search").respond(json=OK)
    await client.post("deals/search", {"filter": {"title": {"$contains": "Ёлка"}}, "limit": 5})

    request = only_request(route)
    assert json.loads(request.content) == {"filter": {"title": {"$contains": "Ёлка"}}, "limit": 5}
    assert (request.url.query, request.headers["Content-Type"]) == (b"", "application/json")


NO_ENVELOPES: dict[str, dict[str, Any]] = {
    "html": {"html": "<html>Sign in</html>"},
    "broken json": {"text": '{"success": true, "data": ['},
    "empty": {"text": ""},
    "bare array": {"json": [{"id": 1}]},
    "bare text": {"json": "fine"},
    "no success": {"json": {"data": []}},
    "success as text": {"json": {"success": "yes", "data": []}},
    "binary": {"content": b"\xff\xfe{"},
    "endless nesting": {"content": b"[" * 100_000},
    "broken gzip": {"headers": {"Content-Encoding": "gzip"}, "stream": httpx.ByteStream(b"not gzip")},
}


@pytest.mark.parametrize("sent", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
async def test_what_is_no_envelope_is_asked_once_more_and_then_an_error(
    sent: dict[str, Any], client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get("/v1/x").mock(side_effect=[httpx.Response(200, **sent) for _ in range(3)])
    with pytest.raises(UnexpectedAnswer) as failed:
        await client.get("x")

    assert (failed.value.code, bool(failed.value.advice)) == ("UNEXPECTED_ANSWER", True)
    assert (route.call_count, waits) == (2, [1])


async def test_an_answer_that_was_no_envelope_once_is_forgotten(
    client: GatewayClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").mock(side_effect=[httpx.Response(200, html="<p>hm</p>"), httpx.Response(200, json=OK)])

    assert (await client.get("x")).data == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.respx(base_url=GATEWAY, assert_all_called=False)
async def test_a_redirect_is_not_followed_with_a_key(
    status: int, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    first = respx_mock.get("/v1/x").respond(status, headers={"Location": "https://elsewhere.example/v1/x"})
    elsewhere = respx_mock.route(host="elsewhere.example").respond(json=OK)
    with pytest.raises(UnexpectedAnswer, match="redirected"):
        await client.get("x")

    assert (first.call_count, elsewhere.call_count, waits) == (1, 0, [])


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (403, {"success": False, "error": {"code": "SCOPE_DENIED"}}, PermissionRefused, "SCOPE_DENIED"),
        (200, {"success": False, "error": {"code": "BITRIX_ERROR"}}, RequestRefused, "BITRIX_ERROR"),
        (400, {"success": True, "data": []}, RequestRefused, "HTTP_400"),
        (403, {"error": "plain text"}, PermissionRefused, "HTTP_403"),
    ],
)
async def test_a_refusal_is_an_error_whichever_part_says_so(
    status: int, body: Any, kind: type[Exception], code: str, client: GatewayClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").respond(status, json=body)
    with pytest.raises(kind, match=rf"\[{code}\]$"):
        await client.get("x")


class StoppedClock(datetime):
    """This machine's clock, stopped; the gateway's may differ."""

    @classmethod
    def now(cls, tz: Any = None) -> Self:
        return cls(2026, 9, 1, 12, 0, 30, tzinfo=tz)


@pytest.mark.parametrize(
    ("date", "now"),
    [
        ("Tue, 01 Sep 2026 12:00:30 GMT", datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)),
        ("Tue, 01 Sep 2026 15:05:00 GMT", datetime(2026, 9, 1, 15, 5, tzinfo=UTC)),
        ("Sat, 01 Aug 2026 00:00:00 GMT", datetime(2026, 8, 1, tzinfo=UTC)),
        (None, datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)),
        ("soon", datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)),
        ("Tue, 01 Sep 2026 15:05:00 -0000", datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)),
        ("Tue, 01 Sep 99999999999999999999 15:05:00 GMT", datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)),
    ],
)
async def test_the_clock_is_the_gateways(
    date: str | None,
    now: datetime,
    client: GatewayClient,
    respx_mock: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "datetime", StoppedClock)
    respx_mock.get("/v1/x").respond(json=OK, headers={"Date": date} if date else {})
    await client.get("x")

    assert client.now() == now


async def test_a_closed_client_has_closed_its_connections(client: GatewayClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.get("/v1/x").respond(json=OK)
    await client.get("x")
    await client.aclose()
    await client.aclose()

    assert client._http is None  # pyright: ignore[reportPrivateUsage] - a caller cannot see it
