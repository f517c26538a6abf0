"""An access token is renewed when it has expired, once for everybody, and a pair is never lost or mixed.

Over real HTTP with the demo portal; what was asked of its authorisation server is counted there.
"""

from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from assistants import TestTime
from bitrix24_mcp.accounts.account import Account, Grant, Tokens
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import KeyRefused, PortalUnavailable
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.application import Application
from bitrix24_mcp.rest.calling.client import RestClient
from connecting import accepting_no, exchanges, hand_over, started

pytestmark = pytest.mark.anyio

RENEW = """
import sys, hashlib, pathlib, anyio, os
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts, Held
from bitrix24_mcp.rest.access.application import Application

async def main(folder, host, how):
    accounts = Accounts.open(pathlib.Path(folder))
    card = Card("local.demo.app", "demo-app-secret", (host,))
    application = Application(await accounts.account(host), accounts, Exchange(card))
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
    before = await accounts.tokens(account)
    portal.requests.clear()
    portal.expire_tokens()

    assert await user_of(application) == "1"

    after = await accounts.tokens(account)
    assert exchanges(portal) == ["refresh_token"]
    assert {before.access, before.refresh}.isdisjoint({after.access, after.refresh})
    assert await application.parameters() == {"auth": after.access}
    assert await accounts.all() == (replace(account, user_id=1),)


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
    before = await accounts.tokens(account)
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
    assert await accounts.tokens(account) != before


async def test_a_pair_that_another_process_renewed_is_taken_over(
    application: Application, account: Account, accounts: Accounts, card: Card, portal: DemoPortal
) -> None:
    spent = await application.parameters()
    await Application(account, accounts, Exchange(card)).renewed(spent)
    portal.requests.clear()

    assert await application.renewed(spent)

    assert exchanges(portal) == []
    assert await application.parameters() == {"auth": (await accounts.tokens(account)).access}


async def test_a_process_killed_between_answer_and_storing_leaves_the_old_pair_and_then_a_stale_account(
    account: Account, accounts: Accounts, application: Application, folder: Path, host: str, portal: DemoPortal
) -> None:
    before = await accounts.tokens(account)
    portal.requests.clear()
    killed = started(RENEW, str(folder), host, "killed")
    output, errors = await anyio.to_thread.run_sync(killed.communicate, "\n")
    assert (killed.returncode, output, errors) == (9, "ready\n", "")
    assert (exchanges(portal), await accounts.tokens(account)) == (["refresh_token"], before)
    portal.expire_tokens()

    with pytest.raises(KeyRefused) as refused:
        await user_of(application)

    assert refused.value.code == "ACCOUNT_STALE"
    assert f"bitrix24-mcp connect {host}" in refused.value.advice
    assert await accounts.all() == (replace(account, stale=True),)


async def test_a_stale_account_is_said_to_be_stale_without_asking_again(
    account: Account, accounts: Accounts, card: Card, portal: DemoPortal
) -> None:
    async with accounts.held(account) as held:
        await held.give_up()
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
        await held.give_up()
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
    assert await accounts.all() == (replace(account, deleted=True),)


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

    before = await accounts.tokens(account)
    application = Application(account, accounts, Slow(card))
    async with anyio.create_task_group() as calls:
        calls.start_soon(application.renewed, await application.parameters())

    assert answered.is_set()
    assert (await accounts.tokens(account)).access not in {before.access, before.refresh}
    assert await application.parameters() == {"auth": (await accounts.tokens(account)).access}
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
    assert {"auth": (await accounts.tokens(account)).access} == spent
    assert await user_of(application) == "1"
    assert {"auth": (await accounts.tokens(account)).access} == in_use


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
