"""A running server follows what happens to its account meanwhile: disconnected, connected again, renewed elsewhere."""

import shutil
from pathlib import Path

import pytest

from assistants import TestTime
from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.handover import Handover
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import KeyRefused, PortalUnavailable
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.application import Application
from bitrix24_mcp.rest.calling.client import RestClient
from connecting import accepting_no, brought_back, exchanges

pytestmark = pytest.mark.anyio


async def user_of(application: Application) -> object:
    """Who calls, by the portal's own word."""
    async with RestClient(application, budget=Bucket(clock=TestTime().clock)) as client:
        return (await client.call("profile")).record()["ID"]


async def test_a_running_server_stops_when_its_account_is_disconnected(
    application: Application, accounts: Accounts, host: str, portal: DemoPortal
) -> None:
    """Its access token would be good for up to an hour more."""
    assert await user_of(application) == "1"
    await accounts.disconnect(host)
    portal.requests.clear()

    with pytest.raises(KeyRefused) as refused:
        await user_of(application)

    assert refused.value.code == "NOT_CONNECTED"
    assert portal.requests == []


async def test_a_running_server_stops_when_the_stored_accounts_are_removed(
    application: Application, folder: Path, portal: DemoPortal
) -> None:
    assert await user_of(application) == "1"
    shutil.rmtree(folder)
    portal.requests.clear()

    with pytest.raises(PortalUnavailable, match="ACCOUNTS_UNUSABLE"):
        await user_of(application)

    assert portal.requests == []


async def test_a_running_server_calls_as_the_person_who_connected_it_last(
    application: Application, card: Card, accounts: Accounts, host: str, portal: DemoPortal
) -> None:
    assert await user_of(application) == "1"
    handover = Handover(card, accounts)
    await handover.follow_up(await handover.believed(brought_back(f"{handover.link(host)}&demo_user=57")))
    portal.requests.clear()

    assert await user_of(application) == "57"
    assert exchanges(portal) == []


async def test_what_another_process_renewed_is_used_without_a_refused_call(
    application: Application, account: Account, accounts: Accounts, card: Card, portal: DemoPortal
) -> None:
    assert await user_of(application) == "1"
    spent = await application.parameters()
    await Application(account, accounts, Exchange(card)).renewed(spent)
    portal.expire_tokens()
    await Application(account, accounts, Exchange(card)).renewed({"auth": (await accounts.tokens(account)).access})
    portal.requests.clear()

    assert await user_of(application) == "1"
    assert [request.path for request in portal.requests] == ["/rest/profile"]


async def test_a_server_on_a_full_disk_goes_on_renewing_hour_after_hour(
    application: Application, account: Account, accounts: Accounts, folder: Path, portal: DemoPortal
) -> None:
    """Each new pair comes from the one in memory; the stored one is spent since the first hour."""
    said: list[str] = []
    with accepting_no(folder, "update"):
        for _ in range(3):
            portal.expire_tokens()
            with pytest.raises(PortalUnavailable) as failed:
                await user_of(application)
            said.append(failed.value.code)
            assert await user_of(application) == "1"
    in_use = await application.parameters()

    assert said == ["TOKENS_NOT_STORED"] * 3
    assert {"auth": (await accounts.tokens(account)).access} == in_use
    portal.expire_tokens()
    assert await user_of(application) == "1"
    assert not (await accounts.all())[0].stale


async def test_a_disconnected_account_is_not_revived_by_a_pair_that_could_not_be_stored(
    application: Application, accounts: Accounts, folder: Path, host: str, portal: DemoPortal
) -> None:
    portal.expire_tokens()
    with accepting_no(folder, "update"), pytest.raises(PortalUnavailable, match="TOKENS_NOT_STORED"):
        await user_of(application)
    await accounts.disconnect(host)

    with pytest.raises(KeyRefused, match="NOT_CONNECTED"):
        await user_of(application)

    assert [each.deleted for each in await accounts.all()] == [True]
