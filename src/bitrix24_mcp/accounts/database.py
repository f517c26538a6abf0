"""The database of accounts: one SQLite file, opened for each piece of work, so that processes share it.

A writer holds SQLite's own lock, which the operating system frees when a process dies: nothing has to be cleaned up,
and what was not committed never happened. Readers are not held up meanwhile.
"""

import os
import sqlite3
import stat
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import anyio

from bitrix24_mcp.accounts import failures

FILE = "accounts.sqlite3"
_VERSION = 1
_SCHEMA = """
create table accounts (
  id integer primary key,
  member_id text not null unique,
  portal text not null,
  user_id integer,
  client_endpoint text not null,
  authorization_host text not null,
  scopes text not null,
  created_at text not null,
  deleted integer not null default 0,
  stale integer not null default 0,
  tokens blob
);
create table spent_states (nonce text primary key, expires integer not null);
"""
_PATIENCE = 60.0
"""Seconds to wait for another writer: longer than any answer of an authorisation server may take."""
_POLL = 0.05


class Database:
    """Opens the file; raises PortalError when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A connection that only reads."""
        with _explained(self._path), closing(self._connect()) as connection:
            yield connection

    @contextmanager
    def alone(self) -> Generator[None]:
        """Holds the writer's lock for work at a start that is over at once."""
        with self.reading() as connection:
            connection.execute("begin immediate")
            try:
                yield
            finally:
                connection.execute("rollback")

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[sqlite3.Connection]:
        """A connection that alone may write, across all processes; committed at the end, rolled back by an error.

        Waiting for it can be cancelled and holds up nobody else in this process.
        """
        with _explained(self._path), closing(self._connect()) as connection:
            await self._begin(connection)
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise

    async def _begin(self, connection: sqlite3.Connection) -> None:
        with anyio.move_on_after(_PATIENCE):
            while True:
                connection.execute("pragma busy_timeout = 0")
                try:
                    connection.execute("begin immediate")
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                        raise
                else:
                    connection.execute("pragma busy_timeout = 5000")  # a commit waits for readers, who are quick
                    return
                await anyio.sleep(_POLL)
        raise failures.busy()

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            # SQLite gives its journal the modes of the database, so both are for the owner alone.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        if os.name == "posix" and stat.S_IMODE(self._path.stat().st_mode) & 0o022:
            # Who can write a portal's address here is sent its tokens.
            raise failures.open_to_others(self._path, "600")
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            connection.execute("pragma secure_delete = on")  # what is erased is overwritten
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _migrate(connection: sqlite3.Connection) -> None:
    if _version(connection) == 0:
        connection.execute("begin immediate")
        if _version(connection) == 0:  # nobody else was quicker
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {_VERSION}")
        connection.execute("commit")
    if _version(connection) > _VERSION:
        raise failures.store_unusable(
            "The stored accounts were written by a newer version of this program.",
            "Update bitrix24-mcp, or choose another folder with BITRIX24_MCP_DATA_DIR.",
        )


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("pragma user_version").fetchone()[0]


@contextmanager
def _explained(path: Path) -> Generator[None]:
    """What SQLite or the operating system has against the file, as an error of ours."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise failures.store_unusable(
            f"The accounts in {path} cannot be used: {reason}.",
            "Check the rights on the folder and the room on the disk, or choose another folder with "
            "BITRIX24_MCP_DATA_DIR.",
        ) from None
