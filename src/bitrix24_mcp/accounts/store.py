"""The connected portals, kept for all processes of this user, or for all replicas."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.accounts.account import Account, Grant, Tokens
from bitrix24_mcp.accounts.database import TABLES, account_of, connected, rows
from bitrix24_mcp.accounts.key_file import key_in
from bitrix24_mcp.accounts.vault import Vault
from bitrix24_mcp.storage.database import Connection, Database, Place, Row
from bitrix24_mcp.storage.sqlite import Folder

_KIND = "accounts"
_CONNECT = """
insert into accounts (member_id, portal, user_id, client_endpoint, authorization_host, scopes, created_at, tokens)
values (:member_id, :portal, :user_id, :client_endpoint, :authorization_host, :scopes, :created_at, :tokens)
on conflict (member_id) do update set
  portal = excluded.portal, user_id = excluded.user_id,
  client_endpoint = excluded.client_endpoint, authorization_host = excluded.authorization_host,
  scopes = excluded.scopes, tokens = excluded.tokens, deleted = 0, stale = 0
"""
_KEEP = """
update accounts set tokens = :tokens, user_id = coalesce(:user_id, user_id), stale = 0 where id = :id and deleted = 0
"""
_GIVE_UP = "update accounts set stale = 1, tokens = null where id = :id"
_DISCONNECT = "update accounts set deleted = 1, stale = 0, tokens = null where id = :id"


_REMEMBERED = timedelta(days=1)
"""How long a used state is remembered beyond its end: a clock that is set back must not make it good again."""


def _present() -> datetime:
    return datetime.now(UTC)


class Accounts:
    """The store. `open` and `kept_in` make it.

    Whatever it does may raise PortalError, which says what to do about its files or its database.
    """

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime] = _present) -> None:
        self._database = database
        self._vault = vault
        self.now = now

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], datetime] = _present) -> Self:
        """The store in a folder, which is made with all that belongs into it where it is missing."""
        database = Folder(folder).database(_KIND, [TABLES], failures.WORDS)
        return cls(database, Vault(key_in(folder, database)), now)

    @classmethod
    def kept_in(cls, place: Place, key: str, *, now: Callable[[], datetime] = _present) -> Self:
        """The store in a place that others use as well, who all have the same key."""
        return cls(place.database(_KIND, [TABLES], failures.WORDS), Vault(key.encode()), now)

    @property
    def signing_key(self) -> bytes:
        """The key with which states are signed."""
        return self._vault.signing_key

    async def all(self) -> tuple[Account, ...]:
        """Every portal that was ever connected, oldest first, those disconnected included.

        One whose tokens cannot be read with the present key is stale: it must be connected again.
        """
        async with self._database.reading() as connection:
            return tuple(self._listed(row) for row in await rows(connection, "order by id"))

    async def account(self, portal: str) -> Account:
        """The connected portal of this address; KeyRefused when there is none."""
        async with self._database.reading() as connection:
            return account_of(await connected(connection, portal))

    async def tokens(self, account: Account) -> Tokens:
        """The present tokens; KeyRefused when they are dead, gone, or cannot be read with this key."""
        async with self._database.reading() as connection:
            return await self._opened(connection, account)

    async def connect(self, portal: str, authorization_host: str, grant: Grant) -> Account:
        """Keeps what a portal granted. The same `member_id` is the same account, whatever its address was before."""
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
        others = "where portal = :portal and member_id != :member and deleted = 0"
        async with self._database.writing() as connection:
            if await rows(connection, others, portal=portal, member=grant.member_id):
                raise failures.other_portal(portal)
            await connection.change(_CONNECT, values)
            [row] = await rows(connection, "where member_id = :member", member=grant.member_id)
        return account_of(row)

    async def name_person(self, account: Account, grant: Grant, user_id: int) -> Account:
        """Notes who gave this grant, unless the account holds another one by now; gives the account as it is then."""
        async with self._database.writing() as connection:
            row = await _row(connection, account)
            if row["tokens"] and self._vault.open(row["tokens"]) == grant.tokens:
                naming = "update accounts set user_id = :user where id = :id"
                await connection.change(naming, {"user": user_id, "id": account.id})
            return account_of(await _row(connection, account))

    async def disconnect(self, portal: str) -> Account:
        """Erases the tokens and keeps the account as deleted; KeyRefused when it is not connected."""
        async with self._database.writing() as connection:
            found = account_of(await connected(connection, portal))
            await connection.change(_DISCONNECT, {"id": found.id})
        return found

    @asynccontextmanager
    async def held(self, account: Account) -> AsyncGenerator["Held"]:
        """The account while nobody else, in any process, may change it; what was kept counts from the end on."""
        async with self._database.writing() as connection:
            yield Held(connection, self._vault, account, await self._opened(connection, account))

    async def keep_late(self, account: Account, grant: Grant, spent: Tokens) -> None:
        """Puts new tokens in the place of the spent ones, or of none; whatever else is stored by now is newer."""
        async with self._database.writing() as connection:
            row = await _row(connection, account)
            if row["tokens"] is None or self._vault.open(row["tokens"]) == spent:
                await _keep(connection, self._vault, account, grant)

    async def spend_state(self, nonce: str, expires: datetime) -> bool:
        """Whether this state is used for the first time; those too old to be valid are forgotten a day later."""
        async with self._database.writing() as connection:
            oldest = int((self.now() - _REMEMBERED).timestamp())
            await connection.change("delete from spent_states where expires < :oldest", {"oldest": oldest})
            spent = await connection.change(
                "insert into spent_states values (:nonce, :expires) on conflict do nothing",
                {"nonce": nonce, "expires": int(expires.timestamp())},
            )
        return spent == 1

    def _listed(self, row: Row) -> Account:
        account = account_of(row)
        unreadable = bool(row["tokens"]) and self._vault.open(row["tokens"]) is None
        return replace(account, stale=True) if unreadable else account

    async def _opened(self, connection: Connection, account: Account) -> Tokens:
        found = await rows(connection, "where id = :id and deleted = 0", id=account.id)
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

    _connection: Connection
    _vault: Vault
    _account: Account
    tokens: Tokens

    async def keep(self, grant: Grant) -> None:
        """Puts new tokens in the place of the old ones, both at once."""
        await _keep(self._connection, self._vault, self._account, grant)

    async def give_up(self) -> None:
        """Notes that the tokens are dead."""
        await self._connection.change(_GIVE_UP, {"id": self._account.id})


async def _keep(connection: Connection, vault: Vault, account: Account, grant: Grant) -> None:
    values = {"tokens": vault.seal(grant.tokens), "user_id": grant.user_id, "id": account.id}
    await connection.change(_KEEP, values)


async def _row(connection: Connection, account: Account) -> Row:
    [row] = await rows(connection, "where id = :id", id=account.id)
    return row
