"""Accounts of a small demo portal, which is its own authorisation server, in a folder of the test's own."""

from collections.abc import Generator
from pathlib import Path

import pytest

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.access.application import Application
from connecting import Moment, card_for, hand_over, host_of_portal


@pytest.fixture(scope="session")
def shared() -> Generator[DemoPortal]:
    with DemoPortal.start(deals=50, limits=False) as started:
        yield started


@pytest.fixture
def portal(shared: DemoPortal) -> DemoPortal:
    """The demo portal, with nothing asked of it yet."""
    shared.requests.clear()
    return shared


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def accounts(folder: Path, moment: Moment) -> Accounts:
    return Accounts.open(folder, now=moment)


@pytest.fixture
def host(portal: DemoPortal) -> str:
    return host_of_portal(portal)


@pytest.fixture
def card(host: str) -> Card:
    return card_for(host)


@pytest.fixture
async def account(card: Card, accounts: Accounts, host: str) -> Account:
    """The demo portal, connected as its administrator."""
    return await hand_over(card, accounts, host)


@pytest.fixture
def application(account: Account, accounts: Accounts, card: Card) -> Application:
    return Application(account, accounts, Exchange(card))
