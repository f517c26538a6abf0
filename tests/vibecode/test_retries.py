"""What may pass is asked again, as often and as late as the contract says; everything else is told at once."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import KeyRefused, PortalError, PortalUnavailable, RequestRefused
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.errors import _ADVICE, TRANSIENT  # pyright: ignore[reportPrivateUsage] - every code is walked

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

OK: Mapping[str, Any] = {"success": True, "data": [{"id": 1}]}
ONCE_MORE = ("INTERNAL_ERROR", "WINDOWED_SEARCH_FAILED")
STATUSES = {"RATE_LIMITED": 429, "QUEUE_OVERFLOW": 429, "QUEUE_TIMEOUT": 504, "INTERNAL_ERROR": 500}


def refusal(code: str, status: int | None = None, wait: Any = None, header: str | None = None) -> httpx.Response:
    error = {"code": code, "message": "no", **({"retryAfter": wait} if wait is not None else {})}
    headers = {"Retry-After": header} if header is not None else {}
    status = status or STATUSES.get(code, 502)
    return httpx.Response(status, json={"success": False, "error": error}, headers=headers)


def passing(code: str) -> list[httpx.Response]:
    return [refusal(code), httpx.Response(200, json=OK)]


@pytest.mark.parametrize("code", sorted(TRANSIENT))
async def test_a_passing_refusal_is_asked_again(
    code: str, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").mock(side_effect=passing(code))

    assert (await client.get("x")).data == [{"id": 1}]
    assert waits == [1]


@pytest.mark.parametrize("code", sorted(TRANSIENT - set(ONCE_MORE)))
async def test_a_lasting_refusal_is_told_after_four_attempts_ever_further_apart(
    code: str, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get("/v1/x").mock(return_value=refusal(code))
    with pytest.raises(PortalUnavailable, match=rf"\[{code}\]$"):
        await client.get("x")

    assert (route.call_count, waits) == (4, [1, 2, 4])


@pytest.mark.parametrize("code", ONCE_MORE)
async def test_a_fault_of_the_gateway_is_asked_only_once_more(
    code: str, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get("/v1/x").mock(return_value=refusal(code))
    with pytest.raises(PortalUnavailable, match=rf"\[{code}\]$"):
        await client.get("x")

    assert (route.call_count, waits) == (2, [1])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("told", [None, "SOMETHING_NEW"])
async def test_an_unknown_code_may_pass_when_its_status_says_so(
    status: int, told: str | None, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    failed = refusal(told, status) if told else httpx.Response(status, html="<h1>Bad gateway</h1>")
    respx_mock.get("/v1/x").mock(side_effect=[failed, httpx.Response(200, json=OK)])

    assert (await client.get("x")).data == [{"id": 1}]
    assert waits == [1]


@pytest.mark.parametrize("status", [400, 402, 409, 418, 500, 501])
@pytest.mark.parametrize("told", [None, "SOMETHING_NEW"])
async def test_an_unknown_code_of_another_status_is_told_at_once(
    status: int, told: str | None, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    failed = refusal(told, status) if told else httpx.Response(status, html="<h1>No</h1>")
    route = respx_mock.get("/v1/x").mock(return_value=failed)
    with pytest.raises(PortalUnavailable if status >= 500 else RequestRefused) as refused:
        await client.get("x")

    assert (refused.value.code, route.call_count, waits) == (told or f"HTTP_{status}", 1, [])


@pytest.mark.parametrize("code", sorted(set(_ADVICE) - TRANSIENT))
@pytest.mark.parametrize("status", [400, 503])
async def test_a_refusal_that_stays_is_told_at_once(
    code: str, status: int, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get("/v1/x").mock(return_value=refusal(code, status))
    with pytest.raises(PortalError, match=rf"\[{code}\]$"):
        await client.get("x")

    assert (route.call_count, waits) == (1, [])


@pytest.mark.parametrize(
    ("failure", "attempts", "code"),
    [
        (httpx.ConnectError("refused"), 4, "PORTAL_UNREACHABLE"),
        (httpx.ReadError("broken"), 4, "PORTAL_UNREACHABLE"),
        (httpx.RemoteProtocolError("disconnected"), 4, "PORTAL_UNREACHABLE"),
        (httpx.ConnectTimeout("slow"), 2, "PORTAL_TIMEOUT"),
        (httpx.ReadTimeout("slow"), 2, "PORTAL_TIMEOUT"),
        (httpx.PoolTimeout("slow"), 2, "PORTAL_TIMEOUT"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_portal_that_does_not_answer_is_an_error_without_its_address(
    failure: Exception,
    attempts: int,
    code: str,
    client: GatewayClient,
    waits: list[float],
    respx_mock: respx.MockRouter,
) -> None:
    route = respx_mock.post("/v1/deals/search").mock(side_effect=failure)
    with pytest.raises(PortalUnavailable) as failed:
        await client.post("deals/search", {})

    assert (failed.value.code, bool(failed.value.advice)) == (code, True)
    assert (route.call_count, waits) == (attempts, [1, 2, 4][: attempts - 1])
    assert "gateway.example" not in str(failed.value)
    assert (failed.value.__cause__, failed.value.__context__) == (None, None)


@pytest.mark.parametrize(
    "asked",
    [
        {"wait": 7},
        {"header": "7"},
        {"wait": 7, "header": "7"},
        {"wait": "7"},
        {"header": "7.0"},
        {"wait": 3, "header": "7"},
    ],
    ids=str,
)
@pytest.mark.parametrize("code", ["RATE_LIMITED", "QUEUE_TIMEOUT", "BITRIX_UNAVAILABLE", "INTERNAL_ERROR"])
async def test_the_wait_that_the_gateway_asks_for_is_kept(
    asked: dict[str, Any], code: str, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").mock(side_effect=[refusal(code, **asked), httpx.Response(200, json=OK)])
    await client.get("x")

    assert waits == [7]


@pytest.mark.parametrize("header", ["soon", "Tue, 01 Sep 2026 12:00:30 GMT", "-5", "nan", ""])
async def test_a_wait_that_cannot_be_read_is_our_own(
    header: str, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").mock(side_effect=[refusal("RATE_LIMITED", header=header), httpx.Response(200, json=OK)])
    await client.get("x")

    assert waits == [1]


@pytest.mark.parametrize("wait", [31, 3_600, 86_400, 10**9])
async def test_too_long_a_wait_is_told_at_once(
    wait: int, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get("/v1/x").mock(return_value=refusal("RATE_LIMITED", wait=wait))
    with pytest.raises(PortalUnavailable, match="RATE_LIMITED"):
        await client.get("x")

    assert (route.call_count, waits) == (1, [])


@pytest.mark.parametrize(
    ("code", "status"), [("RATE_LIMITED", 429), ("QUEUE_TIMEOUT", 504), ("BITRIX_UNAVAILABLE", 502)]
)
async def test_a_wait_that_one_request_is_asked_for_holds_the_others_too(
    code: str, status: int, client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").mock(return_value=refusal(code, status, wait=31))
    respx_mock.get("/v1/y").respond(json=OK)
    with pytest.raises(PortalUnavailable):
        await client.get("x")
    await client.get("y")

    assert waits == [30]


async def test_a_call_that_is_blocked_for_its_own_faults_does_not_hold_the_others(
    client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").mock(return_value=refusal("ERROR_LOOP_DETECTED", 429, wait=60))
    respx_mock.get("/v1/y").respond(json=OK)
    with pytest.raises(RequestRefused):
        await client.get("x")
    await client.get("y")

    assert waits == []


@pytest.mark.parametrize(
    ("headers", "held"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "25"}, [25]),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "25", "Date": "no date"}, [25]),
        ({"X-RateLimit-Remaining": "245", "X-RateLimit-Reset": "25"}, []),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}, []),
        ({"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": "25"}, []),
        ({"X-RateLimit-Remaining": "0"}, []),
    ],
    ids=str,
)
async def test_a_window_that_is_used_up_holds_the_next_request(
    headers: dict[str, str],
    held: list[float],
    client: GatewayClient,
    waits: list[float],
    respx_mock: respx.MockRouter,
) -> None:
    respx_mock.get("/v1/x").respond(json=OK, headers=headers)
    await client.get("x")
    assert waits == []
    await client.get("x")

    assert waits == held


async def test_a_key_that_expires_between_attempts_is_told_as_such(
    client: GatewayClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/x").mock(side_effect=[refusal("RATE_LIMITED"), refusal("KEY_EXPIRED", 401)])
    with pytest.raises(KeyRefused, match="has expired"):
        await client.get("x")

    assert waits == [1]
