"""What tests of accounts do over and over: play the browser, count what was asked, search for secrets."""

import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.handover import Handover
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.demo import DemoPortal
from installed import COMMAND

CLIENT_ID = "local.demo.app"
CLIENT_SECRET = "demo-app-secret"
MEMBER = "5d0c1f9e7ab3482690d4e8f1b7a2c365"
"""The permanent id of the demo portal."""


class Moment:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 7, 15, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **by: float) -> None:
        self.now += timedelta(**by)


def host_of_portal(portal: DemoPortal) -> str:
    return portal.url.removeprefix("http://")


def card_for(host: str) -> Card:
    return Card(CLIENT_ID, CLIENT_SECRET, (host,))


def brought_back(link: str) -> dict[str, str]:
    """The query with which the portal sends the browser back to the application."""
    answer = httpx.get(link, follow_redirects=False)
    assert answer.status_code == 302
    return dict(httpx.URL(answer.headers["Location"]).params)


async def hand_over(card: Card, accounts: Accounts, host: str) -> Account:
    """Connects the portal as a person with a browser does."""
    handover = Handover(card, accounts)
    return await handover.follow_up(await handover.believed(brought_back(handover.link(host))))


def exchanges(portal: DemoPortal) -> list[str]:
    """What was asked of the authorisation server so far, in order."""
    return [dict(request.query)["grant_type"] for request in portal.requests if request.path == "/oauth/token/"]


@contextmanager
def accepting_no(folder: Path, statement: str) -> Generator[None]:
    """The database of accounts refuses to take changes of one kind, as on a full disk."""
    with closing(sqlite3.connect(folder / "accounts.sqlite3")) as database:
        database.execute(
            f"create trigger full before {statement} on accounts begin select raise(abort, 'the disk is full'); end"
        )
        yield
        database.execute("drop trigger full")


def environment(folder: Path, host: str = "", **more: str) -> dict[str, str]:
    """The settings of a command that may connect portals."""
    return {
        "PATH": str(Path(COMMAND).parent),
        "HOME": str(folder),
        "BITRIX24_CLIENT_ID": CLIENT_ID,
        "BITRIX24_CLIENT_SECRET": CLIENT_SECRET,
        "BITRIX24_MCP_AUTHORIZATION_HOSTS": host,
        "BITRIX24_MCP_DATA_DIR": str(folder),
        **more,
    }


def started(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process with the same code, that runs a few lines."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
