"""What an authorisation server refuses, or does not answer, when a pair is to be renewed; respx plays it."""

import logging

import anyio
import httpx
import pytest
import respx

from bitrix24_mcp.accounts.account import Grant, Tokens
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import KeyRefused, PortalError, UnexpectedAnswer
from bitrix24_mcp.rest.access.application import Application
from connecting import CLIENT_ID, CLIENT_SECRET, MEMBER

pytestmark = pytest.mark.anyio

PAIR = Tokens("acc3ss", "r3fresh")
SERVER = "oauth.bitrix.info"


@pytest.fixture
async def elsewhere(accounts: Accounts) -> Application:
    """An account of a portal that respx plays."""
    grant = Grant(PAIR, MEMBER, "https://portal.example/rest/", ("crm",), None)
    account = await accounts.connect("portal.example", SERVER, grant)
    return Application(account, accounts, Exchange(Card(CLIENT_ID, CLIENT_SECRET)))


def answering(*answers: httpx.Response | Exception) -> respx.Route:
    return respx.get(f"https://{SERVER}/oauth/token/").mock(side_effect=answers)


@respx.mock
async def test_who_waited_for_a_renewal_shares_its_failure(elsewhere: Application, accounts: Accounts) -> None:
    """Ten callers do not wait in turn for a server that does not answer; the next one asks again."""
    route = answering(httpx.ReadTimeout("slow"), httpx.Response(400, json={"error": "invalid_grant"}))
    spent = await elsewhere.parameters()
    failures: list[str] = []

    async def one() -> None:
        try:
            await elsewhere.renewed(spent)
        except PortalError as error:
            failures.append(error.code)

    async with anyio.create_task_group() as callers:
        for _ in range(10):
            callers.start_soon(one)
    asked = route.call_count
    stale = (await accounts.all())[0].stale
    await one()

    assert (asked, stale, failures) == (1, False, ["PORTAL_TIMEOUT"] * 10 + ["ACCOUNT_STALE"])
    assert (route.call_count, (await accounts.all())[0].stale) == (2, True)


@respx.mock
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(503, html="<h1>Busy</h1>"), "HTTP_503"),
        (httpx.Response(400, json={"error": "invalid_client"}), "INVALID_CLIENT"),
        (httpx.Response(200, json={"error": "wrong_client"}), "WRONG_CLIENT"),
        (httpx.Response(401, json={"error": "PAYMENT_REQUIRED"}), "PAYMENT_REQUIRED"),
        (httpx.ConnectError("gone"), "PORTAL_UNREACHABLE"),
    ],
)
async def test_only_a_spent_pair_makes_an_account_stale(
    answer: httpx.Response | Exception, code: str, elsewhere: Application, accounts: Accounts
) -> None:
    answering(answer)

    with pytest.raises(PortalError) as refused:
        await elsewhere.renewed(await elsewhere.parameters())

    [account] = await accounts.all()
    assert (refused.value.code, account.stale, await accounts.tokens(account)) == (code, False, PAIR)


@respx.mock
async def test_tokens_of_another_portal_do_not_take_the_place_of_these(
    elsewhere: Application, accounts: Accounts
) -> None:
    answering(
        httpx.Response(
            200,
            json={
                "access_token": "new-access",
                "refresh_token": "new-refresh",
                "member_id": "another",
                "client_endpoint": "https://portal.example/rest/",
            },
        )
    )

    with pytest.raises(UnexpectedAnswer, match="OTHER_PORTAL"):
        await elsewhere.renewed(await elsewhere.parameters())

    assert await accounts.tokens((await accounts.all())[0]) == PAIR


@respx.mock
async def test_no_secret_shows_in_errors_logs_or_reprs(
    elsewhere: Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answering(httpx.Response(400, json={"error": "invalid_grant", "error_description": "r3fresh acc3ss"}))

    with pytest.raises(KeyRefused) as refused:
        await elsewhere.renewed(await elsewhere.parameters())

    shown = f"{elsewhere!r} {vars(elsewhere)!r} {refused.value!r} {refused.value} {caplog.text}"
    assert [word for word in (PAIR.access, PAIR.refresh, CLIENT_SECRET) if word in shown] == []
