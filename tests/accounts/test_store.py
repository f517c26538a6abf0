"""Accounts are kept for their owner alone, whole or not at all, and never in the clear."""

import os
import sqlite3
import stat
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from bitrix24_mcp.accounts.account import Account, Grant, Tokens
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import KeyRefused, PortalUnavailable, UnexpectedAnswer
from connecting import Moment, started

pytestmark = pytest.mark.anyio

PORTAL = "portal.example"
SERVER = "oauth.bitrix.info"
FIRST = Tokens("first-access", "first-refresh")
GRANT = Grant(FIRST, "member-1", f"https://{PORTAL}/rest/", ("crm", "user"), None)
ONLY_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


@pytest.fixture
async def account(accounts: Accounts) -> Account:
    return await accounts.connect(PORTAL, SERVER, GRANT)


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}


async def test_a_connected_portal_is_found_by_its_address(accounts: Accounts, account: Account, moment: Moment) -> None:
    assert account == Account(
        id=1,
        member_id="member-1",
        portal=PORTAL,
        user_id=None,
        client_endpoint=f"https://{PORTAL}/rest/",
        authorization_host=SERVER,
        scopes=("crm", "user"),
        created_at=moment.now,
        deleted=False,
        stale=False,
    )
    assert await accounts.account(f"https://{PORTAL}/stream/") == account
    assert await accounts.all() == (account,)
    assert await accounts.tokens(account) == FIRST


async def test_a_portal_that_is_not_connected_is_told_apart_with_those_that_are(
    accounts: Accounts, account: Account
) -> None:
    with pytest.raises(KeyRefused) as refused:
        await accounts.account("other.example")

    assert (refused.value.code, refused.value.candidates) == ("NOT_CONNECTED", (account.portal,))
    assert "bitrix24-mcp connect other.example" in refused.value.advice


async def test_connecting_again_renews_the_same_account_even_under_a_new_address(
    accounts: Accounts, account: Account, moment: Moment
) -> None:
    moment.passes(days=3)
    again = Grant(Tokens("a2", "r2"), "member-1", "https://renamed.example/rest/", ("crm",), 7)

    renewed = await accounts.connect("renamed.example", SERVER, again)

    assert renewed == replace(
        account, portal="renamed.example", user_id=7, client_endpoint=again.client_endpoint, scopes=("crm",)
    )
    assert await accounts.all() == (renewed,)
    assert await accounts.tokens(account) == again.tokens


async def test_another_portal_does_not_take_the_place_of_a_connected_one(accounts: Accounts, account: Account) -> None:
    with pytest.raises(UnexpectedAnswer) as refused:
        await accounts.connect(PORTAL, SERVER, replace(GRANT, member_id="member-2"))

    assert refused.value.code == "OTHER_PORTAL"
    assert await accounts.all() == (account,)


async def test_disconnecting_erases_the_tokens_and_keeps_the_account(
    accounts: Accounts, account: Account, folder: Path
) -> None:
    await accounts.disconnect(PORTAL)

    assert await accounts.all() == (replace(account, deleted=True),)
    with sqlite3.connect(folder / "accounts.sqlite3") as database:
        assert database.execute("select tokens from accounts").fetchall() == [(None,)]
    database.close()
    for refused in (lambda: accounts.account(PORTAL), lambda: accounts.tokens(account)):
        with pytest.raises(KeyRefused, match="NOT_CONNECTED"):
            await refused()


async def test_what_is_disconnected_can_be_connected_again(accounts: Accounts, account: Account) -> None:
    await accounts.disconnect(PORTAL)

    assert await accounts.connect(PORTAL, SERVER, GRANT) == account


async def test_a_portal_at_the_address_of_a_disconnected_one_is_a_new_account(
    accounts: Accounts, account: Account
) -> None:
    await accounts.disconnect(PORTAL)

    other = await accounts.connect(PORTAL, SERVER, replace(GRANT, member_id="member-2"))

    assert await accounts.account(PORTAL) == other
    assert [each.deleted for each in await accounts.all()] == [True, False]
    assert other.id != account.id


async def test_nothing_that_opens_a_portal_is_stored_in_the_clear(
    accounts: Accounts, account: Account, folder: Path
) -> None:
    async with accounts.held(account) as each:
        await each.keep(replace(GRANT, tokens=Tokens("second-access", "second-refresh")))

    held = everything_in(folder)
    assert [word for word in (b"first-", b"second-") if word in held] == []


async def test_nothing_that_opens_a_portal_shows_in_a_repr(accounts: Accounts, account: Account) -> None:
    async with accounts.held(account) as held:
        shown = repr([accounts, vars(accounts), account, GRANT, FIRST, held, held.tokens])

    assert [word for word in ("first-access", "first-refresh") if word in shown] == []


@ONLY_POSIX
async def test_folder_and_files_are_for_their_owner_alone(accounts: Accounts, account: Account, folder: Path) -> None:
    async with accounts.held(account) as held:
        await held.keep(GRANT)
        during = modes(folder)

    assert during == {
        "data": 0o700,
        "accounts.key": 0o600,
        "accounts.sqlite3": 0o600,
        "accounts.sqlite3-journal": 0o600,
    }
    assert modes(folder) == {"data": 0o700, "accounts.key": 0o600, "accounts.sqlite3": 0o600}


@ONLY_POSIX
async def test_they_are_so_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Accounts.open(tmp_path / "data")
    finally:
        os.umask(before)

    assert modes(tmp_path / "data") == {"data": 0o700, "accounts.key": 0o600, "accounts.sqlite3": 0o600}


@ONLY_POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
async def test_a_key_file_that_others_may_read_is_refused(mode: int, account: Account, folder: Path) -> None:
    (folder / "accounts.key").chmod(mode)

    with pytest.raises(PortalUnavailable) as refused:
        Accounts.open(folder)

    assert (refused.value.code, account.deleted) == ("ACCOUNTS_UNUSABLE", False)
    assert f"chmod 600 {folder / 'accounts.key'}" in refused.value.advice


@ONLY_POSIX
def test_a_folder_that_others_may_write_to_is_refused(folder: Path, accounts: Accounts) -> None:
    folder.chmod(0o770)

    with pytest.raises(PortalUnavailable, match=f"chmod 700 {folder}"):
        Accounts.open(folder)
    assert anyio.run(accounts.all) == ()


@pytest.mark.parametrize("content", [b"", b"no key", "ключ".encode(), b"A" * 44])
async def test_a_key_file_that_holds_no_key_is_refused(content: bytes, accounts: Accounts, folder: Path) -> None:
    (folder / "accounts.key").write_bytes(content)

    with pytest.raises(PortalUnavailable, match="Put the right key file back"):
        Accounts.open(folder)
    assert await accounts.all() == ()


async def test_with_another_key_the_tokens_cannot_be_read_and_that_is_said(
    accounts: Accounts, account: Account, folder: Path
) -> None:
    (folder / "accounts.key").unlink()
    other = Accounts.open(folder)

    with pytest.raises(KeyRefused) as refused:
        await other.tokens(account)

    assert refused.value.code == "TOKENS_UNREADABLE"
    assert f"bitrix24-mcp connect {PORTAL}" in refused.value.advice
    assert await accounts.tokens(account) == FIRST


async def test_what_was_tampered_with_is_not_read(accounts: Accounts, account: Account, folder: Path) -> None:
    with sqlite3.connect(folder / "accounts.sqlite3") as database:
        database.execute("update accounts set tokens = substr(tokens, 1, 60) || 'x' || substr(tokens, 62)")
    database.close()

    with pytest.raises(KeyRefused, match="TOKENS_UNREADABLE"):
        await accounts.tokens(account)


async def test_accounts_of_a_newer_version_are_left_alone(accounts: Accounts, account: Account, folder: Path) -> None:
    with sqlite3.connect(folder / "accounts.sqlite3") as database:
        database.execute("pragma user_version = 2")
    database.close()

    with pytest.raises(PortalUnavailable, match="newer version"):
        await accounts.account(account.portal)


async def test_a_file_that_is_no_database_is_said_to_be_none(accounts: Accounts, folder: Path) -> None:
    (folder / "accounts.sqlite3").write_bytes(b"something else, long enough to be looked at" * 100)

    with pytest.raises(PortalUnavailable, match="ACCOUNTS_UNUSABLE"):
        await accounts.all()


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(PortalUnavailable, match="BITRIX24_MCP_DATA_DIR"):
        Accounts.open(tmp_path / "file" / "data")


async def test_what_fails_in_the_middle_never_happened(accounts: Accounts, account: Account) -> None:
    async def fails() -> None:
        async with accounts.held(account) as held:
            await held.keep(replace(GRANT, tokens=Tokens("lost", "lost")))
            raise NotImplementedError

    with pytest.raises(NotImplementedError):
        await fails()

    assert await accounts.tokens(account) == FIRST


@pytest.mark.parametrize(
    ("stored", "kept"), [("spent", "late"), (None, "late"), ("newer", "newer")], ids=["spent", "stale", "newer"]
)
async def test_a_pair_that_is_stored_late_takes_the_place_of_no_newer_one(
    stored: str | None, kept: str, accounts: Accounts, account: Account
) -> None:
    async with accounts.held(account) as held:
        await (held.keep(replace(GRANT, tokens=Tokens(stored, stored))) if stored else held.give_up())

    await accounts.keep_late(account, replace(GRANT, tokens=Tokens("late", "late")), Tokens("spent", "spent"))

    assert await accounts.tokens(account) == Tokens(kept, kept)


async def test_a_state_is_spent_once_and_forgotten_when_too_old(
    accounts: Accounts, moment: Moment, folder: Path
) -> None:
    moment.passes(minutes=1)
    end = moment.now

    assert [await accounts.spend_state("one", end), await accounts.spend_state("one", end)] == [True, False]
    moment.passes(days=2)
    assert await accounts.spend_state("two", moment.now)
    with sqlite3.connect(folder / "accounts.sqlite3") as database:
        assert database.execute("select nonce from spent_states").fetchall() == [("two",)]
    database.close()


async def test_processes_that_begin_together_agree_on_one_key(tmp_path: Path) -> None:
    script = (
        "import sys, hashlib, pathlib\n"
        "from bitrix24_mcp.accounts.store import Accounts\n"
        "sys.stdin.readline()\n"
        "print(hashlib.sha256(Accounts.open(pathlib.Path(sys.argv[1])).signing_key).hexdigest())\n"
    )
    processes = [started(script, str(tmp_path / "data")) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]

    assert [errors for _, errors in answers] == [""] * 4
    assert len({key for key, _ in answers}) == 1
