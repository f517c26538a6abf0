"""A database of ours as those see it who keep something there: SQLite in a file, or PostgreSQL for several replicas.

Both take the same SQL, with values by name (`:name`) and moments as texts. Steps that make the tables are written in
SQLite's types.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from bitrix24_mcp.storage.words import Words

Row = dict[str, Any]
"""A row's values by the names of its columns."""


class Connection(Protocol):
    """One transaction."""

    async def fetch(self, query: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of an answer."""
        ...

    async def change(self, statement: str, values: Mapping[str, Any] | None = None) -> int:
        """Carries a statement out; gives how many rows it made, changed or removed."""
        ...

    async def change_all(self, statement: str, values: Sequence[Mapping[str, Any]]) -> int:
        """Carries it out with each of these values; gives how many rows that made, changed or removed."""
        ...


class Database(Protocol):
    """Tables of one kind. Every method raises PortalError, in the words of that kind, when they cannot be used."""

    @property
    def where(self) -> str:
        """Where they are, as people are told; harmless."""
        ...

    async def check(self) -> None:
        """Raises PortalError when they cannot be used."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that only reads."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that alone may write, across all processes; committed at the end, rolled back by an error.

        Waiting for it can be cancelled and holds up nobody else in this process.
        """
        ...


class Place(Protocol):
    """Where tables of any kind can be kept."""

    def database(self, kind: str, steps: Sequence[str], words: Words) -> Database:
        """The tables of a kind, made where they are missing and brought up to date.

        `steps`: statements that make the tables, then for each later version those that bring them up to it. Statements
        end with a semicolon and hold no other. Raises PortalError where it can be told at once that it cannot be used.
        """
        ...
