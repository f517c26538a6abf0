"""A database of ours: one SQLite file, opened for each piece of work, so that processes share it.

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
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import anyio

from bitrix24_mcp.storage.words import Words

_PATIENCE = 60.0
"""Seconds to wait for another writer: longer than any answer of an authorisation server may take."""
_POLL = 0.05
_SETTINGS = """
pragma secure_delete = on;  -- what is erased is overwritten
pragma synchronous = extra;
pragma fullfsync = on;  -- macOS otherwise leaves what was written in the drive's own memory
"""


class Database:
    """Opens the file; raises PortalError, in the words given, when it cannot be used.

    `steps`: statements that make the tables, then for each later version those that bring them up to it. Statements
    end with a semicolon and hold no other.
    """

    def __init__(self, path: Path, steps: Sequence[str], words: Words) -> None:
        self._path = path
        self._steps = steps
        self._words = words

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A connection that only reads."""
        with self._explained(), closing(self._connect()) as connection:
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
        with self._explained(), closing(self._connect()) as connection:
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


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("pragma user_version").fetchone()[0]
