"""Whose eyes an account has is asked once, of the portal itself, with the new token; not to know it costs nothing."""

import json
import logging
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.handover import Handover
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.demo import DemoPortal, Fault
from connecting import CLIENT_ID, MEMBER, accepting_no, brought_back, hand_over

pytestmark = pytest.mark.anyio

GRANTED: dict[str, Any] = {
    "access_token": "new-access",
    "refresh_token": "new-refresh",
    "member_id": MEMBER,
    "client_endpoint": "https://portal.example/rest/",
    "scope": "crm",
}
PROFILE = "https://portal.example/rest/profile"


async def handed_over(accounts: Accounts, **granted: Any) -> Account:
    """A portal that respx plays, connected."""
    respx.get("https://oauth.bitrix.info/oauth/token/").mock(httpx.Response(200, json={**GRANTED, **granted}))
    handover = Handover(Card(CLIENT_ID, "secret"), accounts)
    state = httpx.URL(handover.link("portal.example")).params["state"]
    query = {
        "code": "code",
        "domain": "portal.example",
        "state": state,
        "member_id": MEMBER,
        "server_domain": "oauth.bitrix.info",
    }
    return await handover.follow_up(await handover.believed(query))


@pytest.mark.parametrize("user", [1, 57])
async def test_the_portal_says_who_allowed_it(
    user: int, card: Card, accounts: Accounts, host: str, portal: DemoPortal
) -> None:
    handover = Handover(card, accounts)
    portal.requests.clear()

    account = await handover.follow_up(await handover.believed(brought_back(f"{handover.link(host)}&demo_user={user}")))

    assert account.user_id == user
    assert await accounts.all() == (account,)
    assert [request.path for request in portal.requests] == ["/oauth/authorize/", "/oauth/token/", "/rest/profile"]


async def test_another_person_who_connects_it_again_takes_the_first_ones_place(
    card: Card, accounts: Accounts, host: str
) -> None:
    await hand_over(card, accounts, host)
    handover = Handover(card, accounts)

    await handover.follow_up(await handover.believed(brought_back(f"{handover.link(host)}&demo_user=57")))

    assert [account.user_id for account in await accounts.all()] == [57]


@respx.mock
async def test_it_is_asked_with_the_token_in_the_body_and_nowhere_else(accounts: Accounts) -> None:
    route = respx.post(PROFILE).mock(httpx.Response(200, json={"result": {"ID": "9", "ADMIN": True}}))

    account = await handed_over(accounts)

    assert route.call_count == 1
    request: httpx.Request = route.calls.last.request
    assert json.loads(request.content) == {"auth": "new-access"}
    assert request.url == PROFILE
    assert account.user_id == 9


@respx.mock
async def test_who_is_known_already_is_not_asked_for(accounts: Accounts) -> None:
    route = respx.post(PROFILE).mock(httpx.Response(200, json={"result": {"ID": "9"}}))

    assert (await handed_over(accounts, user_id=7)).user_id == 7
    assert route.call_count == 0


@respx.mock
@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("gone"),
        httpx.ReadTimeout("slow"),
        httpx.Response(401, json={"error": "expired_token"}),
        httpx.Response(200, json={"error": "", "result": {"ID": "9"}}),
        httpx.Response(302, headers={"Location": "https://evil.example/rest/profile"}),
        httpx.Response(502, html="<h1>Busy</h1>"),
        httpx.Response(200, json={"result": []}),
        httpx.Response(200, json={"result": {"ID": "\x1b[2J"}}),
        httpx.Response(200, json={"result": {"ID": "9" * 30}}),
        httpx.Response(200, json=[]),
        httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"Content-Encoding": "gzip"}),
    ],
)
async def test_a_portal_that_does_not_say_it_is_connected_all_the_same(
    answer: httpx.Response | Exception, accounts: Accounts
) -> None:
    route = respx.post(PROFILE).mock(side_effect=[answer])

    account = await handed_over(accounts)

    assert (account.user_id, await accounts.all(), route.call_count) == (None, (account,), 1)
    assert (await accounts.tokens(account)).access == "new-access"


async def test_a_portal_that_never_ends_its_answer_is_connected_all_the_same(
    card: Card, accounts: Accounts, portal: DemoPortal, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitrix24_mcp.accounts.person._PATIENCE", 0.2)
    portal.inject(Fault(kind="slow", path="/rest/profile", seconds=60))
    try:
        with anyio.fail_after(20):
            account = await hand_over(card, accounts, host)
    finally:
        portal.clear_faults()

    assert (account.user_id, await accounts.all()) == (None, (account,))


async def test_what_cannot_be_noted_is_no_failure(card: Card, accounts: Accounts, host: str, folder: Any) -> None:
    with accepting_no(folder, "update"):
        account = await hand_over(card, accounts, host)

    assert (account.user_id, await accounts.all()) == (None, (account,))


@respx.mock
async def test_no_token_is_logged(accounts: Accounts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    respx.post(PROFILE).mock(side_effect=httpx.ConnectError("new-access"))

    await handed_over(accounts)

    assert [word for word in ("new-access", "new-refresh") if word in caplog.text] == []


async def test_a_call_that_is_cancelled_meanwhile_leaves_the_portal_connected(
    card: Card, accounts: Accounts, host: str, portal: DemoPortal
) -> None:
    """The tokens are kept before anybody is asked whose they are."""
    portal.inject(Fault(kind="slow", path="/rest/profile", seconds=60))
    try:
        async with anyio.create_task_group() as calls:
            calls.start_soon(hand_over, card, accounts, host)
            while not await accounts.all():
                await anyio.lowlevel.checkpoint()
            calls.cancel_scope.cancel()
    finally:
        portal.clear_faults()

    [account] = await accounts.all()
    assert (await accounts.tokens(account)).access
