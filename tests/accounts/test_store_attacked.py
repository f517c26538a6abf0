"""What is wrong with the files of accounts is said or survived: odd modes, foreign databases, other keys, odd homes."""

import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bitrix24_mcp.accounts.account import Account, Grant, Tokens
from bitrix24_mcp.accounts.folder import data_folder
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import KeyRefused, PortalError, PortalUnavailable
from connecting import Moment, started

pytestmark = pytest.mark.anyio

PORTAL = "portal.example"
SERVER = "oauth.bitrix.info"
FIRST = Tokens("first-access", "first-refresh")
GRANT = Grant(FIRST, "member-1", f"https://{PORTAL}/rest/", ("crm", "user"), 7)
ONLY_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")

KILLED = """
import os, pathlib, sqlite3, sys, anyio
from bitrix24_mcp.accounts.account import Grant, Tokens
from bitrix24_mcp.accounts.store import Accounts

class Counting(sqlite3.Connection):
    left = int(sys.argv[2])

    def execute(self, *arguments):
        if not Counting.left:
            os._exit(9)
        Counting.left -= 1
        return super().execute(*arguments)

async def main(folder):
    accounts = Accounts.open(pathlib.Path(folder))
    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **how: connect(*arguments, **how, factory=Counting)
    grant = Grant(Tokens("second-access", "second-refresh"), "member-1", "https://portal.example/rest/", ("crm",), 7)
    async with accounts.held(await accounts.account("portal.example")) as held:
        await held.keep(grant)

anyio.run(main, sys.argv[1])
"""
"""Renews a pair, and is killed before a statement."""


@pytest.fixture
async def account(accounts: Accounts) -> Account:
    return await accounts.connect(PORTAL, SERVER, GRANT)


def database_of(folder: Path) -> Path:
    return folder / "accounts.sqlite3"


async def test_who_allowed_it_last_is_the_one_whose_eyes_they_are(accounts: Accounts, account: Account) -> None:
    """Another person connects the portal again, and the server does not say who: the first one's id is not kept."""
    again = await accounts.connect(PORTAL, SERVER, replace(GRANT, user_id=None))

    assert (account.user_id, again.user_id) == (7, None)
    assert await accounts.all() == (again,)


async def test_a_person_who_becomes_known_late_is_noted_for_their_own_tokens_only(
    accounts: Accounts, account: Account
) -> None:
    other = replace(GRANT, tokens=Tokens("of", "another"), user_id=None)

    assert (await accounts.name_person(account, GRANT, 9)).user_id == 9
    assert (await accounts.all())[0].user_id == 9
    await accounts.connect(PORTAL, SERVER, other)
    assert (await accounts.name_person(account, GRANT, 9)).user_id is None
    assert (await accounts.all())[0].user_id is None


async def test_a_pair_that_is_stored_late_does_not_replace_what_another_key_sealed(
    accounts: Accounts, account: Account, folder: Path
) -> None:
    (folder / "accounts.key").unlink()
    other = Accounts.open(folder)
    await other.connect(PORTAL, SERVER, replace(GRANT, tokens=Tokens("newest", "newest")))

    await accounts.keep_late(account, replace(GRANT, tokens=Tokens("late", "late")), FIRST)

    assert await other.tokens(account) == Tokens("newest", "newest")


async def test_an_account_whose_tokens_cannot_be_read_is_listed_as_one_to_connect_again(
    accounts: Accounts, account: Account, folder: Path
) -> None:
    gone = await accounts.connect("gone.example", SERVER, replace(GRANT, member_id="member-2"))
    await accounts.disconnect("gone.example")
    (folder / "accounts.key").unlink()

    listed = await Accounts.open(folder).all()

    assert listed == (replace(account, stale=True), replace(gone, deleted=True))
    assert (await accounts.all())[0] == account


@ONLY_POSIX
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
async def test_a_database_that_others_may_change_is_refused(
    mode: int, accounts: Accounts, account: Account, folder: Path
) -> None:
    """Whoever can write the address of a portal there is sent its tokens."""
    database_of(folder).chmod(mode)

    with pytest.raises(PortalUnavailable) as refused:
        await accounts.tokens(account)

    assert refused.value.code == "ACCOUNTS_UNUSABLE"
    assert f"chmod 600 {database_of(folder)}" in refused.value.advice


@ONLY_POSIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may do everything")
@pytest.mark.parametrize("mode", [0o600, 0o500, 0o000])
async def test_a_folder_that_cannot_be_used_is_said(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    try:
        with pytest.raises(PortalUnavailable, match="ACCOUNTS_UNUSABLE"):
            Accounts.open(folder)
    finally:
        folder.chmod(0o700)


@ONLY_POSIX
def test_a_key_file_that_is_a_broken_link_is_replaced_by_a_key(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "accounts.key").symlink_to(tmp_path / "nowhere")

    Accounts.open(folder)

    assert not (folder / "accounts.key").is_symlink()
    assert not (tmp_path / "nowhere").exists()


def test_a_key_that_is_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "data" / "accounts.key").mkdir(parents=True, mode=0o700)
    (tmp_path / "data").chmod(0o700)
    (tmp_path / "data" / "accounts.key").chmod(0o700)

    with pytest.raises(PortalUnavailable, match="ACCOUNTS_UNUSABLE"):
        Accounts.open(tmp_path / "data")


@pytest.mark.parametrize(
    "statements",
    [
        "create table accounts (name text)",
        "create table something (name text); pragma user_version = 1",
        "create table something (name text); pragma user_version = -1",
    ],
)
async def test_a_database_of_another_program_is_said_to_be_unusable_and_left_as_it_is(
    statements: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(database_of(folder))) as database:
        database.executescript(statements)
    database_of(folder).chmod(0o600)
    before = database_of(folder).read_bytes()

    with pytest.raises(PortalUnavailable, match="ACCOUNTS_UNUSABLE"):
        await Accounts.open(folder).all()

    assert database_of(folder).read_bytes() == before


async def test_a_store_that_somebody_holds_for_too_long_is_said_to_be_busy(
    accounts: Accounts, account: Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitrix24_mcp.storage.sqlite._PATIENCE", 0.0)
    with closing(sqlite3.connect(database_of(folder), isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(PortalUnavailable, match="Another process"):
            await accounts.disconnect(PORTAL)
        read = await accounts.tokens(account)

    assert (read, await accounts.all()) == (FIRST, (account,))


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="elsewhere the system names another folder")
@pytest.mark.parametrize("chosen", ["", "~nobody-of-that-name/data"])
def test_without_a_home_folder_it_is_said_which_setting_names_one(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run under a user id that has no name and no home."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)

    with pytest.raises(PortalUnavailable) as refused:
        data_folder(chosen, "")

    assert (refused.value.code, "BITRIX24_MCP_DATA_DIR" in refused.value.advice) == ("ACCOUNTS_UNUSABLE", True)


async def test_a_clock_that_jumps_back_makes_no_used_state_good_again(accounts: Accounts, moment: Moment) -> None:
    end = moment.now
    assert await accounts.spend_state("one", end)
    moment.passes(minutes=30)
    assert await accounts.spend_state("two", moment.now)
    moment.passes(minutes=-31)

    assert not await accounts.spend_state("one", end)


@pytest.mark.parametrize("statement", range(9))
async def test_a_process_killed_before_any_statement_leaves_the_old_pair_or_the_new_one_and_no_lock(
    statement: int, accounts: Accounts, account: Account, folder: Path
) -> None:
    process = started(KILLED, str(folder), str(statement))
    output, errors = process.communicate(timeout=60)
    assert (process.returncode in {0, 9}, output, errors) == (True, "", "")

    left = await accounts.tokens(account)
    async with accounts.held(account) as held:
        await held.keep(replace(GRANT, tokens=Tokens("third", "third")))

    assert left in (FIRST, Tokens("second-access", "second-refresh"))
    assert await accounts.tokens(account) == Tokens("third", "third")


async def test_every_statement_of_a_renewal_was_among_them(accounts: Accounts, account: Account, folder: Path) -> None:
    process = started(KILLED, str(folder), "40")
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert await accounts.tokens(account) == Tokens("second-access", "second-refresh")


async def test_what_is_refused_is_an_error_of_ours(accounts: Accounts, account: Account, folder: Path) -> None:
    """Bytes that are no sealed tokens at all, as another program could leave them."""
    with closing(sqlite3.connect(database_of(folder))) as database, database:
        database.execute("update accounts set tokens = ?", [b"\xff\x00"])
    with pytest.raises(KeyRefused, match="TOKENS_UNREADABLE"):
        await accounts.tokens(account)
    with closing(sqlite3.connect(database_of(folder))) as database, database:
        database.execute("update accounts set tokens = 'text', created_at = 'yesterday'")

    for read in (lambda: accounts.tokens(account), accounts.all, lambda: accounts.account(PORTAL)):
        with pytest.raises(PortalError):
            await read()
