"""The connected portals, kept in a file for all processes of this user."""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.accounts.account import Account, Grant, Tokens
from bitrix24_mcp.accounts.addresses import host_of
from bitrix24_mcp.accounts.database import database_in
from bitrix24_mcp.accounts.vault import Vault
from bitrix24_mcp.storage.database import Database
from bitrix24_mcp.storage.folder import prepare

_SELECT = """
select id, member_id, portal, user_id, client_endpoint, authorization_host, scopes, created_at, deleted, stale, tokens
from accounts
"""
_CONNECT = """
insert into accounts (member_id, portal, user_id, client_endpoint, authorization_host, scopes, created_at, tokens)
values (:member_id, :portal, :user_id, :client_endpoint, :authorization_host, :scopes, :created_at, :tokens)
on conflict (member_id) do update set
  portal = excluded.portal, user_id = excluded.user_id,
  client_endpoint = excluded.client_endpoint, authorization_host = excluded.authorization_host,
  scopes = excluded.scopes, tokens = excluded.tokens, deleted = 0, stale = 0
"""


_REMEMBERED = timedelta(days=1)
"""How long a used state is remembered beyond its end: a clock that is set back must not make it good again."""


def _present() -> datetime:
    return datetime.now(UTC)


class Accounts:
    """The store. `open` makes it; whatever it does may raise PortalError, which says what to do about the files."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        self._database = database
        self._vault = vault
        self.now = now

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], datetime] = _present) -> Self:
        """The store in a folder, which is made with all that belongs into it where it is missing."""
        prepare(folder, failures.WORDS)
        database, vault = database_in(folder), Vault(folder)
        if not vault.has_key:
            with database.alone():
                if not vault.has_key:  # no other process was quicker
                    vault.make_key()
        vault.check()
        return cls(database, vault, now)

    @property
    def signing_key(self) -> bytes:
        """The key with which states are signed."""
        return self._vault.signing_key

    def all(self) -> tuple[Account, ...]:
        """Every portal that was ever connected, oldest first, those disconnected included.

        One whose tokens cannot be read with the present key is stale: it must be connected again.
        """
        with self._database.reading() as connection:
            return tuple(self._listed(row) for row in _rows(connection, "order by id"))

    def account(self, portal: str) -> Account:
        """The connected portal of this address; KeyRefused when there is none."""
        with self._database.reading() as connection:
            return _account(_connected(connection, portal))

    def tokens(self, account: Account) -> Tokens:
        """The present tokens; KeyRefused when they are dead, gone, or cannot be read with this key."""
        with self._database.reading() as connection:
            return self._opened(connection, account)

    async def connect(self, portal: str, authorization_host: str, grant: Grant) -> Account:
        """Keeps what a portal granted. The same `member_id` is the same account, whatever its address was before."""
        async with self._database.writing() as connection:
            [*others] = _rows(
                connection, "where portal = ? and member_id != ? and not deleted", portal, grant.member_id
            )
            if others:
                raise failures.other_portal(portal)
            values = {
                "member_id": grant.member_id,
                "portal": portal,
                "user_id": grant.user_id,
                "client_endpoint": grant.client_endpoint,
                "authorization_host": authorization_host,
                "scopes": " ".join(grant.scopes),
                "created_at": self.now().isoformat(timespec="seconds"),
                "tokens": self._vault.seal(grant.tokens),
            }
            connection.execute(_CONNECT, values)
            [row] = _rows(connection, "where member_id = ?", grant.member_id)
        return _account(row)

    async def name_person(self, account: Account, grant: Grant, user_id: int) -> Account:
        """Notes who gave this grant, unless the account holds another one by now; gives the account as it is then."""
        async with self._database.writing() as connection:
            [row] = _rows(connection, "where id = ?", account.id)
            if row["tokens"] and self._vault.open(row["tokens"]) == grant.tokens:
                connection.execute("update accounts set user_id = ? where id = ?", [user_id, account.id])
            [row] = _rows(connection, "where id = ?", account.id)
        return _account(row)

    async def disconnect(self, portal: str) -> Account:
        """Erases the tokens and keeps the account as deleted; KeyRefused when it is not connected."""
        async with self._database.writing() as connection:
            found = _account(_connected(connection, portal))
            connection.execute("update accounts set deleted = 1, stale = 0, tokens = null where id = ?", [found.id])
        return found

    @asynccontextmanager
    async def held(self, account: Account) -> AsyncGenerator["Held"]:
        """The account while nobody else, in any process, may change it; what was kept counts from the end on."""
        async with self._database.writing() as connection:
            yield Held(connection, self._vault, account, self._opened(connection, account))

    async def keep_late(self, account: Account, grant: Grant, spent: Tokens) -> None:
        """Puts new tokens in the place of the spent ones, or of none; whatever else is stored by now is newer."""
        async with self._database.writing() as connection:
            [row] = _rows(connection, "where id = ?", account.id)
            if row["tokens"] is None or self._vault.open(row["tokens"]) == spent:
                _keep(connection, self._vault, account, grant)

    async def spend_state(self, nonce: str, expires: datetime) -> bool:
        """Whether this state is used for the first time; those too old to be valid are forgotten a day later."""
        async with self._database.writing() as connection:
            oldest = self.now() - _REMEMBERED
            connection.execute("delete from spent_states where expires < ?", [oldest.timestamp()])
            done = connection.execute(
                "insert into spent_states values (?, ?) on conflict do nothing", [nonce, int(expires.timestamp())]
            )
            return done.rowcount == 1

    def _listed(self, row: sqlite3.Row) -> Account:
        account = _account(row)
        unreadable = bool(row["tokens"]) and self._vault.open(row["tokens"]) is None
        return replace(account, stale=True) if unreadable else account

    def _opened(self, connection: sqlite3.Connection, account: Account) -> Tokens:
        [*found] = _rows(connection, "where id = ? and not deleted", account.id)
        if not found:
            raise failures.not_connected(account.portal, [])
        if found[0]["stale"]:
            raise failures.stale(account.portal)
        tokens = self._vault.open(found[0]["tokens"])
        if tokens is None:
            raise failures.unreadable(account.portal)
        return tokens


@dataclass(frozen=True, slots=True)
class Held:
    """An account that nobody else may change, and its tokens as they are stored now."""

    _connection: sqlite3.Connection
    _vault: Vault
    _account: Account
    tokens: Tokens

    def keep(self, grant: Grant) -> None:
        """Puts new tokens in the place of the old ones, both at once."""
        _keep(self._connection, self._vault, self._account, grant)

    def give_up(self) -> None:
        """Notes that the tokens are dead."""
        self._connection.execute("update accounts set stale = 1, tokens = null where id = ?", [self._account.id])


def _keep(connection: sqlite3.Connection, vault: Vault, account: Account, grant: Grant) -> None:
    connection.execute(
        "update accounts set tokens = ?, user_id = coalesce(?, user_id), stale = 0 where id = ? and not deleted",
        [vault.seal(grant.tokens), grant.user_id, account.id],
    )


def _rows(connection: sqlite3.Connection, where: str, *values: Any) -> list[sqlite3.Row]:
    cursor = connection.execute(_SELECT + where, values)
    cursor.row_factory = sqlite3.Row
    return cursor.fetchall()


def _connected(connection: sqlite3.Connection, portal: str) -> sqlite3.Row:
    wanted = host_of(portal) or portal
    rows = _rows(connection, "where not deleted order by id")
    for row in rows:
        if row["portal"] == wanted:
            return row
    raise failures.not_connected(wanted, [row["portal"] for row in rows])


def _account(row: sqlite3.Row) -> Account:
    try:
        created_at = datetime.fromisoformat(row["created_at"])
    except (TypeError, ValueError):
        raise failures.store_unusable(
            "The stored accounts hold something that this program did not write.",
            "Choose another folder with BITRIX24_MCP_DATA_DIR, and connect the portals again.",
        ) from None
    return Account(
        id=row["id"],
        member_id=row["member_id"],
        portal=row["portal"],
        user_id=row["user_id"],
        client_endpoint=row["client_endpoint"],
        authorization_host=row["authorization_host"],
        scopes=tuple(row["scopes"].split()),
        created_at=created_at,
        deleted=bool(row["deleted"]),
        stale=bool(row["stale"]),
    )
