"""An access token is renewed when it has expired, once for everybody, and a pair is never lost or mixed.

Over real HTTP with the demo portal; what was asked of its authorisation server is counted there.
"""

import logging
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx

from assistants import TestTime
from bitrix24_mcp.accounts.account import Account, Grant, Tokens
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import KeyRefused, PortalError, PortalUnavailable, UnexpectedAnswer
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.application import Application
from bitrix24_mcp.rest.client import RestClient
from connecting import CLIENT_ID, CLIENT_SECRET, MEMBER, accepting_no, exchanges, hand_over, started

pytestmark = pytest.mark.anyio

RENEW = """
import sys, hashlib, pathlib, anyio, os
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts, Held
from bitrix24_mcp.rest.application import Application

async def main(folder, host, how):
    accounts = Accounts.open(pathlib.Path(folder))
    card = Card("local.demo.app", "demo-app-secret", (host,))
    application = Application(accounts.account(host), accounts, Exchange(card))
    spent = await application.parameters()
    if how == "killed":
        Held.keep = lambda *_: os._exit(9)
    print("ready", flush=True)
    sys.stdin.readline()
    await application.renewed(spent)
    print(hashlib.sha256((await application.parameters())["auth"].encode()).hexdigest())

anyio.run(main, *sys.argv[1:])
"""


async def user_of(application: Application) -> object:
    """Who calls, by the portal's own word."""
    async with RestClient(application, budget=Bucket(clock=TestTime().clock)) as client:
        return (await client.call("profile")).record()["ID"]


async def test_a_call_carries_the_token_and_goes_where_the_portal_said(application: Application, host: str) -> None:
    parameters = await application.parameters()

    assert (application.endpoint, application.portal) == (f"http://{host}/rest/", host)
    assert (application.kind, application.loopback, list(parameters)) == ("oauth", True, ["auth"])
    assert await user_of(application) == "1"


async def test_nothing_is_renewed_before_the_portal_asks_for_it(application: Application, portal: DemoPortal) -> None:
    portal.requests.clear()

    for _ in range(3):
        await user_of(application)

    assert exchanges(portal) == []


async def test_an_expired_token_is_renewed_and_the_call_repeated(
    application: Application, accounts: Accounts, account: Account, portal: DemoPortal
) -> None:
    before = accounts.tokens(account)
    portal.requests.clear()
    portal.expire_tokens()

    assert await user_of(application) == "1"

    after = accounts.tokens(account)
    assert exchanges(portal) == ["refresh_token"]
    assert {before.access, before.refresh}.isdisjoint({after.access, after.refresh})
    assert await application.parameters() == {"auth": after.access}
    assert accounts.all() == (replace(account, user_id=1),)


async def test_pair_after_pair_is_kept(application: Application, portal: DemoPortal) -> None:
    portal.requests.clear()
    for _ in range(3):
        portal.expire_tokens()
        assert await user_of(application) == "1"

    assert exchanges(portal) == ["refresh_token"] * 3


async def test_ten_callers_at_once_cause_one_refresh(application: Application, portal: DemoPortal) -> None:
    portal.requests.clear()
    portal.expire_tokens()
    users: list[object] = []

    async def one(client: RestClient) -> None:
        users.append((await client.call("profile")).record()["ID"])

    async with (
        RestClient(application, budget=Bucket(clock=TestTime().clock)) as client,
        anyio.create_task_group() as callers,
    ):
        for _ in range(10):
            callers.start_soon(one, client)

    assert users == ["1"] * 10
    assert exchanges(portal) == ["refresh_token"]


async def test_ten_renewals_of_one_token_are_one(application: Application, portal: DemoPortal) -> None:
    spent = await application.parameters()
    portal.requests.clear()

    async with anyio.create_task_group() as callers:
        for _ in range(10):
            callers.start_soon(application.renewed, spent)

    assert exchanges(portal) == ["refresh_token"]
    assert await application.parameters() != spent


async def test_four_processes_at_once_cause_one_refresh(
    account: Account, accounts: Accounts, folder: Path, host: str, portal: DemoPortal
) -> None:
    before = accounts.tokens(account)
    portal.requests.clear()
    processes = [started(RENEW, str(folder), host, "well") for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [await anyio.to_thread.run_sync(process.communicate) for process in processes]

    assert [errors for _, errors in answers] == [""] * 4
    assert len({token for token, _ in answers}) == 1
    assert exchanges(portal) == ["refresh_token"]
    assert accounts.tokens(account) != before


async def test_a_pair_that_another_process_renewed_is_taken_over(
    application: Application, account: Account, accounts: Accounts, card: Card, portal: DemoPortal
) -> None:
    spent = await application.parameters()
    await Application(account, accounts, Exchange(card)).renewed(spent)
    portal.requests.clear()

    assert await application.renewed(spent)

    assert exchanges(portal) == []
    assert await application.parameters() == {"auth": accounts.tokens(account).access}


async def test_a_process_killed_between_answer_and_storing_leaves_the_old_pair_and_then_a_stale_account(
    account: Account, accounts: Accounts, application: Application, folder: Path, host: str, portal: DemoPortal
) -> None:
    before = accounts.tokens(account)
    portal.requests.clear()
    killed = started(RENEW, str(folder), host, "killed")
    output, errors = await anyio.to_thread.run_sync(killed.communicate, "\n")
    assert (killed.returncode, output, errors) == (9, "ready\n", "")
    assert (exchanges(portal), accounts.tokens(account)) == (["refresh_token"], before)
    portal.expire_tokens()

    with pytest.raises(KeyRefused) as refused:
        await user_of(application)

    assert refused.value.code == "ACCOUNT_STALE"
    assert f"bitrix24-mcp connect {host}" in refused.value.advice
    assert accounts.all() == (replace(account, stale=True),)


async def test_a_stale_account_is_said_to_be_stale_without_asking_again(
    account: Account, accounts: Accounts, card: Card, portal: DemoPortal
) -> None:
    async with accounts.held(account) as held:
        held.give_up()
    portal.requests.clear()

    application = Application(account, accounts, Exchange(card))
    with pytest.raises(KeyRefused, match="ACCOUNT_STALE"):
        await application.parameters()
    with pytest.raises(KeyRefused, match="ACCOUNT_STALE"):
        await application.renewed({})

    assert portal.requests == []


async def test_a_running_server_takes_over_what_was_connected_again(
    application: Application, card: Card, accounts: Accounts, host: str, account: Account
) -> None:
    spent = await application.parameters()
    async with accounts.held(account) as held:
        held.give_up()
    await hand_over(card, accounts, host)

    assert await application.renewed(spent)
    assert await user_of(application) == "1"


async def test_a_disconnected_account_opens_nothing(
    application: Application, account: Account, accounts: Accounts, host: str
) -> None:
    spent = await application.parameters()
    await accounts.disconnect(host)

    with pytest.raises(KeyRefused, match="NOT_CONNECTED"):
        await application.renewed(spent)
    assert accounts.all() == (replace(account, deleted=True),)


async def test_a_cancelled_call_does_not_lose_the_new_pair(
    account: Account, accounts: Accounts, card: Card, portal: DemoPortal
) -> None:
    """The request is under way when the call that needed it is cancelled; its answer is kept all the same."""
    answered = anyio.Event()

    class Slow(Exchange):
        async def renew(self, host: str, tokens: Tokens) -> Grant:
            granted = await super().renew(host, tokens)
            calls.cancel_scope.cancel()
            await anyio.lowlevel.checkpoint()
            answered.set()
            return granted

    before = accounts.tokens(account)
    application = Application(account, accounts, Slow(card))
    async with anyio.create_task_group() as calls:
        calls.start_soon(application.renewed, await application.parameters())

    assert answered.is_set()
    assert accounts.tokens(account).access not in {before.access, before.refresh}
    assert await application.parameters() == {"auth": accounts.tokens(account).access}
    portal.expire_tokens()
    assert await user_of(application) == "1"


async def test_a_pair_that_cannot_be_stored_is_said_used_and_stored_later(
    application: Application, account: Account, accounts: Accounts, folder: Path
) -> None:
    spent = await application.parameters()
    with accepting_no(folder, "update"):
        with pytest.raises(PortalUnavailable) as failed:
            await application.renewed(spent)
        in_use = await application.parameters()

    assert failed.value.code == "TOKENS_NOT_STORED"
    assert in_use != spent
    assert {"auth": accounts.tokens(account).access} == spent
    assert await user_of(application) == "1"
    assert {"auth": accounts.tokens(account).access} == in_use


async def test_who_waited_for_a_pair_that_could_not_be_stored_uses_it(
    application: Application, folder: Path, portal: DemoPortal
) -> None:
    spent = await application.parameters()
    portal.requests.clear()
    outcomes: list[object] = []

    async def one() -> None:
        try:
            outcomes.append(await application.renewed(spent))
        except PortalUnavailable as error:
            outcomes.append(error.code)

    with accepting_no(folder, "update"):
        async with anyio.create_task_group() as callers:
            for _ in range(10):
                callers.start_soon(one)

    assert outcomes == ["TOKENS_NOT_STORED"] + [True] * 9
    assert exchanges(portal) == ["refresh_token"]


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
    stale = accounts.all()[0].stale
    await one()

    assert (asked, stale, failures) == (1, False, ["PORTAL_TIMEOUT"] * 10 + ["ACCOUNT_STALE"])
    assert (route.call_count, accounts.all()[0].stale) == (2, True)


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

    [account] = accounts.all()
    assert (refused.value.code, account.stale, accounts.tokens(account)) == (code, False, PAIR)


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

    assert accounts.tokens(accounts.all()[0]) == PAIR


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
