"""An authorisation server is asked once, in exactly the documented form, and every answer of it is understood."""

import json
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest
import respx
from anyio.abc import SocketAttribute, SocketStream, TaskStatus

from bitrix24_mcp.accounts.account import Grant, Tokens
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.crm.errors import (
    InvalidArguments,
    KeyRefused,
    PermissionRefused,
    PortalError,
    PortalUnavailable,
    RequestRefused,
    UnexpectedAnswer,
)

pytestmark = pytest.mark.anyio

SERVER = "oauth.bitrix.info"
SECRET = "S3CRET-of-the-card"
CODE = "0ne-time-c0de"
PAIR = Tokens("acc3ss", "r3fresh")
SECRETS = (SECRET, CODE, PAIR.access, PAIR.refresh)
ANSWER: dict[str, Any] = {
    "access_token": "new-access",
    "refresh_token": "new-refresh",
    "expires_in": 3600,
    "client_endpoint": "https://portal.example/rest/",
    "server_endpoint": f"https://{SERVER}/rest/",
    "domain": SERVER,
    "member_id": "member-1",
    "scope": "user,crm",
    "status": "L",
}
GRANTED = Grant(Tokens("new-access", "new-refresh"), "member-1", "https://portal.example/rest/", ("crm", "user"), None)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(Card("local.app", SECRET))


def server(answer: httpx.Response) -> respx.Route:
    return respx.get(f"https://{SERVER}/oauth/token/").mock(answer)


def sent(route: respx.Route) -> dict[str, str]:
    """The query of the only request."""
    assert route.call_count == 1
    request: httpx.Request = route.calls.last.request
    return dict(request.url.params)


@respx.mock
async def test_a_code_is_exchanged_as_documented(exchange: Exchange) -> None:
    route = server(httpx.Response(200, json=ANSWER))

    assert await exchange.grant(SERVER, CODE) == GRANTED

    assert sent(route) == {
        "grant_type": "authorization_code",
        "client_id": "local.app",
        "client_secret": SECRET,
        "code": CODE,
    }


@respx.mock
async def test_a_refresh_token_is_exchanged_as_documented(exchange: Exchange) -> None:
    route = server(httpx.Response(200, json={**ANSWER, "expires": 1784106000, "user_id": 7, "scope": "crm user"}))

    granted = await exchange.renew(SERVER, PAIR)

    assert (granted.tokens, granted.user_id, granted.scopes) == (GRANTED.tokens, 7, ("crm", "user"))
    assert sent(route) == {
        "grant_type": "refresh_token",
        "client_id": "local.app",
        "client_secret": SECRET,
        "refresh_token": PAIR.refresh,
    }


@respx.mock
@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (400, "invalid_request", RequestRefused, "INVALID_REQUEST"),
        (400, "invalid_client", KeyRefused, "INVALID_CLIENT"),
        (200, "wrong_client", KeyRefused, "WRONG_CLIENT"),
        (400, "invalid_grant", KeyRefused, "INVALID_GRANT"),
        (403, "invalid_scope", PermissionRefused, "INVALID_SCOPE"),
        (403, "insufficient_scope", PermissionRefused, "INSUFFICIENT_SCOPE"),
        (401, "NOT_INSTALLED", PermissionRefused, "NOT_INSTALLED"),
        (401, "PAYMENT_REQUIRED", PermissionRefused, "PAYMENT_REQUIRED"),
        (400, "something_new", RequestRefused, "SOMETHING_NEW"),
        (400, "<b>", RequestRefused, "HTTP_400"),
        (500, "internal", PortalUnavailable, "HTTP_500"),
    ],
)
async def test_every_documented_refusal_is_understood(
    status: int, error: str, kind: type[PortalError], code: str, exchange: Exchange
) -> None:
    server(httpx.Response(status, json={"error": error, "error_description": f"echo {SECRET}"}))

    with pytest.raises(PortalError) as refused:
        await exchange.renew(SERVER, PAIR)

    assert (type(refused.value), refused.value.code) == (kind, code)
    assert SECRET not in str(refused.value)


@respx.mock
async def test_a_spent_code_asks_for_a_new_start(exchange: Exchange) -> None:
    server(httpx.Response(400, json={"error": "invalid_grant"}))

    with pytest.raises(InvalidArguments) as refused:
        await exchange.grant(SERVER, CODE)

    assert refused.value.code == "INVALID_GRANT"
    assert "30 seconds" in refused.value.message


@respx.mock
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), PortalUnavailable),
        (httpx.Response(200, html="<h1>Sign in</h1>"), UnexpectedAnswer),
        (httpx.Response(404, text=""), UnexpectedAnswer),
        (httpx.Response(302, headers={"Location": "https://evil.example/"}), UnexpectedAnswer),
        (httpx.Response(200, json=[ANSWER]), UnexpectedAnswer),
        (httpx.Response(200, json={}), UnexpectedAnswer),
        (httpx.Response(200, json={**ANSWER, "refresh_token": None}), UnexpectedAnswer),
        (httpx.Response(200, json={**ANSWER, "member_id": ""}), UnexpectedAnswer),
        (httpx.Response(200, json={**ANSWER, "member_id": "two\r\nlines"}), UnexpectedAnswer),
        (httpx.Response(200, text=json.dumps({**ANSWER, "access_token": "\ud800"})), UnexpectedAnswer),
        (httpx.Response(200, text="[" * 100_000), UnexpectedAnswer),
        (
            httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"Content-Encoding": "gzip"}),
            UnexpectedAnswer,
        ),
    ],
)
async def test_what_is_no_answer_is_none(answer: httpx.Response, kind: type[PortalError], exchange: Exchange) -> None:
    route = server(answer)

    with pytest.raises(PortalError) as refused:
        await exchange.renew(SERVER, PAIR)

    assert (type(refused.value), route.call_count) == (kind, 1)


@respx.mock
@pytest.mark.parametrize(
    ("odd", "user", "scopes"),
    [
        ({"user_id": "9" * 30}, None, ("crm", "user")),
        ({"user_id": "9" * 5_000}, None, ("crm", "user")),
        ({"user_id": 0}, None, ("crm", "user")),
        ({"user_id": -1}, None, ("crm", "user")),
        ({"user_id": True}, None, ("crm", "user")),
        ({"user_id": "57"}, 57, ("crm", "user")),
        ({"scope": "crm,\x1b[2J,\ud800,user.userfield"}, None, ("crm", "user.userfield")),
        ({"scope": ["crm"]}, None, ()),
        ({"scope": None}, None, ()),
    ],
)
async def test_what_is_odd_in_an_answer_costs_no_tokens_and_reaches_no_terminal(
    odd: dict[str, Any], user: int | None, scopes: tuple[str, ...], exchange: Exchange
) -> None:
    server(httpx.Response(200, text=json.dumps({**ANSWER, **odd})))

    assert await exchange.renew(SERVER, PAIR) == replace(GRANTED, user_id=user, scopes=scopes)


async def test_a_server_that_never_ends_its_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte comes in time, and the answer never does."""
    monkeypatch.setattr("bitrix24_mcp.accounts.exchange._PATIENCE", 0.3)

    async def drip(client: SocketStream) -> None:
        with suppress(anyio.BrokenResourceError):
            async with client:
                await client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while True:
                    await client.send(b" ")
                    await anyio.sleep(0.01)  # the pace of the server, nothing is waited for

    async def serve(*, task_status: TaskStatus[int]) -> None:
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            task_status.started(listener.extra_attributes[SocketAttribute.local_port]())
            await listener.serve(drip)

    async with anyio.create_task_group() as group:
        host = f"127.0.0.1:{await group.start(serve)}"
        with pytest.raises(PortalUnavailable) as refused, anyio.fail_after(20):
            await Exchange(Card("local.app", SECRET, (host,))).renew(host, PAIR)
        assert refused.value.code == "PORTAL_TIMEOUT"
        group.cancel_scope.cancel()


@respx.mock
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (httpx.ReadTimeout("slow"), "PORTAL_TIMEOUT"),
        (httpx.ConnectError("gone"), "PORTAL_UNREACHABLE"),
        (httpx.RemoteProtocolError("dropped"), "PORTAL_UNREACHABLE"),
    ],
)
async def test_a_request_that_may_have_arrived_is_not_repeated(fault: Exception, code: str, exchange: Exchange) -> None:
    """A repeated one would present a token that the first has spent."""
    route = respx.get(f"https://{SERVER}/oauth/token/").mock(side_effect=fault)

    with pytest.raises(PortalUnavailable) as refused:
        await exchange.renew(SERVER, PAIR)

    assert (refused.value.code, route.call_count) == (code, 1)
    assert (refused.value.__cause__, refused.value.__suppress_context__) == (None, True)


@respx.mock
@pytest.mark.parametrize("host", ["evil.example", "oauth.bitrix.info.evil.example", "", "oauth.bitrix.info:8443"])
async def test_nobody_else_is_given_the_secret(host: str, exchange: Exchange) -> None:
    with pytest.raises(PermissionRefused) as refused:
        await exchange.grant(host, CODE)

    assert refused.value.code == "UNTRUSTED_HOST"
    assert not respx.calls


@respx.mock
async def test_the_operator_can_name_a_server_of_his_own() -> None:
    respx.get("https://oauth.own.example/oauth/token/").mock(httpx.Response(200, json=ANSWER))

    own = Exchange(Card("local.app", SECRET, ("oauth.own.example",)))

    assert await own.grant("oauth.own.example", CODE) == GRANTED


@respx.mock
async def test_no_secret_shows_in_logs_or_reprs(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server(httpx.Response(200, json=ANSWER))

    shown = repr([exchange, vars(exchange), await exchange.renew(SERVER, PAIR), await exchange.grant(SERVER, CODE)])

    everything = shown + caplog.text
    assert [word for word in (*SECRETS, "new-access", "new-refresh") if word in everything] == []
