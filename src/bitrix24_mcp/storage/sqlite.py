"""One SQLite file, opened for each piece of work, so that processes share it.

A writer holds SQLite's own lock, which the operating system frees when a process dies: nothing has to be cleaned up,
and what was not committed never happened. Readers are not held up meanwhile.

A commit is on the disk when it returns. With a rollback journal, which is what SQLite begins with, that takes
`synchronous = extra`: with `full` a power cut soon afterwards may bring the journal's file back and with it undo the
commit (https://www.sqlite.org/pragma.html#pragma_synchronous). Write-ahead logging would let a writer pass those who
read, but it does not work on network drives, where homes may be (https://www.sqlite.org/wal.html), it brings two more
files, and most of its gain is lost on a file that is closed after each piece of work. Readers are quick instead: they
fetch what they need and close.
"""

import os
import sqlite3
import stat
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import anyio

from bitrix24_mcp.storage.database import Row
from bitrix24_mcp.storage.folder import prepare
from bitrix24_mcp.storage.words import Words

_PATIENCE = 60.0
"""Seconds to wait for another writer: longer than any answer of an authorisation server may take."""
_POLL = 0.05
_SETTINGS = """
pragma secure_delete = on;  -- what is erased is overwritten
pragma synchronous = extra;
pragma fullfsync = on;  -- macOS otherwise leaves what was written in the drive's own memory
"""


class Folder:
    """A place for tables: a folder with a file for each kind, for their owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def database(self, kind: str, steps: Sequence[str], words: Words) -> "SqliteDatabase":
        """The file of a kind, which is made with its folder where it is missing. Raises PortalError."""
        prepare(self._path, words)
        database = SqliteDatabase(self._path / f"{kind}.sqlite3", steps, words)
        with database.opened():  # says at once what is wrong with the file
            return database


class SqliteDatabase:
    """Opens the file; raises PortalError, in the words given, when it cannot be used."""

    def __init__(self, path: Path, steps: Sequence[str], words: Words) -> None:
        self._path = path
        self._steps = steps
        self._words = words

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self._path)

    @contextmanager
    def opened(self) -> Generator[sqlite3.Connection]:
        """A connection for work that is over at once."""
        with self._explained(), closing(self._connect()) as connection:
            yield connection

    async def check(self) -> None:
        """Raises PortalError when the file cannot be used."""
        with self.opened():
            pass

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator["SqliteConnection"]:
        """A connection that only reads."""
        with self.opened() as connection:
            yield SqliteConnection(connection)

    @contextmanager
    def alone(self) -> Generator[None]:
        """Holds the writer's lock for work at a start that is over at once."""
        with self.opened() as connection:
            connection.execute("begin immediate")
            try:
                yield
            finally:
                connection.execute("rollback")

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator["SqliteConnection"]:
        """A connection that alone may write, across all processes; committed at the end, rolled back by an error.

        Waiting for it can be cancelled and holds up nobody else in this process.
        """
        with self._explained(), closing(self._connect()) as connection:
            await self._begin(connection)
            try:
                yield SqliteConnection(connection)
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
        raise self._words.in_use()

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            # SQLite gives its journal the modes of the database, so both are for the owner alone.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        if os.name == "posix" and stat.S_IMODE(self._path.stat().st_mode) & 0o022:
            raise self._words.insecure(self._path, "600")
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            connection.executescript(_SETTINGS)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        if 0 <= version < len(self._steps):
            connection.execute("begin immediate")
            version = _version(connection)  # another process may have been quicker
            for number, step in enumerate(self._steps[version:], version + 1):
                for statement in filter(str.strip, step.split(";")):
                    connection.execute(statement)
                connection.execute(f"pragma user_version = {number}")
                version = number
            connection.execute("commit")
        if version > len(self._steps):
            raise self._words.from_the_future()

    @contextmanager
    def _explained(self) -> Generator[None]:
        """What SQLite or the operating system has against the file, as an error of ours."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._words.refused(self._path, error) from None


class SqliteConnection:
    """One transaction. Nothing waits within it, so that a call that is cancelled ends before it or after it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, query: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of an answer."""
        cursor = self._connection.execute(query, values or {})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    async def change(self, statement: str, values: Mapping[str, Any] | None = None) -> int:
        """Carries a statement out; gives how many rows it concerned."""
        return self._connection.execute(statement, values or {}).rowcount

    async def change_all(self, statement: str, values: Sequence[Mapping[str, Any]]) -> int:
        """Carries it out with each of these values; gives how many rows that concerned."""
        return self._connection.executemany(statement, values).rowcount


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("pragma user_version").fetchone()[0]
