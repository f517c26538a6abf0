"""The portal's SQLite file: the only place where SQL text is put together."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from bitrix24_mcp.demo.schema import Entity
    from bitrix24_mcp.demo.values import Column


def quote(name: str) -> str:
    """A column or table name for SQL."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that hold together, with their bound values."""

    conditions: tuple[str, ...] = ()
    values: tuple[Column, ...] = ()

    def __and__(self, other: Where) -> Where:
        return Where(self.conditions + other.conditions, self.values + other.values)

    @property
    def sql(self) -> str:
        """The clause, or nothing."""
        return " WHERE " + " AND ".join(self.conditions) if self.conditions else ""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows of the answer, in which order."""

    order: str
    limit: int = -1
    offset: int = 0


def equals(name: str, value: Column) -> Where:
    """Rows with this value."""
    return Where((f"{quote(name)} = ?",), (value,))


class Database:
    """Reads and writes of one portal; counts are remembered until the next write, whoever writes."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.create_function("contains", 2, _contains, deterministic=True)
        self._connection.create_function("resembles", 2, _resembles, deterministic=True)
        self._connection.create_function("dialled", 1, _dialled, deterministic=True)
        self._connection.create_function("folded", 1, _folded, deterministic=True)
        # The file is a disposable copy: durability would only cost time.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA journal_mode = MEMORY")
        self._counts: dict[tuple[str, Where], int] = {}
        self._highest: dict[tuple[str, str], int] = {}
        self._version = 0

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def rows(self, table: str, names: Sequence[str], where: Where, part: Slice) -> list[sqlite3.Row]:
        """The chosen columns of the matching rows."""
        columns = ", ".join(map(quote, names))
        text = " ".join(
            ("SELECT", columns, "FROM", quote(table) + where.sql, "ORDER BY", part.order, "LIMIT ? OFFSET ?")
        )
        return self._connection.execute(text, (*where.values, part.limit, part.offset)).fetchall()

    def count(self, table: str, where: Where) -> int:
        """How many rows match."""
        version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        if version != self._version:  # another connection, a test's say, has written
            self._counts.clear()
            self._version = version
        known = self._counts.get((table, where))
        if known is not None:
            return known
        text = " ".join(("SELECT COUNT(*) FROM", quote(table) + where.sql))
        number = int(self._connection.execute(text, where.values).fetchone()[0])
        if len(self._counts) > 10_000:
            self._counts.clear()
        self._counts[table, where] = number
        return number

    def first(self, entity: Entity, where: Where, order: str, limit: int) -> Where:
        """The condition that keeps only the first rows in this order."""
        key = quote(entity.key)
        inner = " ".join(("SELECT", key, "FROM", quote(entity.table) + where.sql, "ORDER BY", order, "LIMIT ?"))
        return Where((f"{key} IN ({inner})",), (*where.values, limit))

    def one(self, entity: Entity, key: Column) -> sqlite3.Row | None:
        """The whole row with this key."""
        names = tuple(entity.by_name)
        found = self.rows(entity.table, names, equals(entity.key, key), Slice(quote(entity.key), 1))
        return found[0] if found else None

    def highest(self, table: str, column: str) -> int:
        """The highest number that is known to have stood in this column, that of a deleted row as well."""
        text = " ".join((f"SELECT MAX({quote(column)}) FROM", quote(table)))
        now = int(self._connection.execute(text).fetchone()[0] or 0)
        self._highest[table, column] = max(now, self._highest.get((table, column), 0))
        return self._highest[table, column]

    def next_number(self, table: str, column: str) -> int:
        """A number that no row has or had in this column."""
        number = self.highest(table, column) + 1
        self._highest[table, column] = number
        return number

    def insert(self, table: str, row: Mapping[str, Column]) -> int:
        """Add a row; its integer key is returned."""
        columns = ", ".join(map(quote, row))
        marks = ", ".join("?" * len(row))
        text = " ".join(("INSERT INTO", quote(table), f"({columns}) VALUES ({marks})"))
        return int(self._write(text, tuple(row.values())).lastrowid or 0)

    def update(self, table: str, where: Where, changes: Mapping[str, Column]) -> int:
        """Change the matching rows; how many there were is returned."""
        marks = ", ".join(f"{quote(name)} = ?" for name in changes)
        text = " ".join(("UPDATE", quote(table), "SET", marks + where.sql))
        return self._write(text, (*changes.values(), *where.values)).rowcount

    def delete(self, table: str, where: Where) -> int:
        """Remove the matching rows; how many there were is returned."""
        return self._write(" ".join(("DELETE FROM", quote(table) + where.sql)), where.values).rowcount

    def create(self, entity: Entity) -> None:
        """Create the entity's table and indexes."""
        self._connection.execute(table_sql(entity))
        for text in index_sql(entity):
            self._connection.execute(text)

    def tables(self) -> set[str]:
        """The names of all tables."""
        return {str(row[0]) for row in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    @contextlib.contextmanager
    def together(self) -> Generator[None]:
        """Make several writes visible to other connections at once; within others they belong to those."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._counts.clear()
            raise
        self._connection.execute("COMMIT")

    def _write(self, text: str, values: tuple[Column, ...]) -> sqlite3.Cursor:
        self._counts.clear()
        return self._connection.execute(text, values)


def table_sql(entity: Entity) -> str:
    """The statement that creates the entity's table."""
    columns = [
        quote(field.name) + " " + field.column + (" PRIMARY KEY" if field.name == entity.key else "")
        for field in entity.fields
    ]
    return f"CREATE TABLE {quote(entity.table)} ({', '.join(columns)})" + (" WITHOUT ROWID" if entity.text_key else "")


def index_sql(entity: Entity) -> list[str]:
    """The statements that create the entity's indexes."""
    return [
        f"CREATE INDEX {quote(f'{entity.table}_{name}')} ON {quote(entity.table)} ({quote(name)})"
        for name in entity.indexes
    ]


def _contains(text: Any, part: str) -> bool:
    """Whether the text has the part in it, in any letter case, Cyrillic included."""
    return text is not None and part.casefold() in str(text).casefold()


def _resembles(text: Any, pattern: str) -> bool:
    """Whether the whole text fits a pattern whose `%` stands for anything, in any letter case."""
    expression = ".*".join(map(re.escape, pattern.casefold().split("%")))
    return text is not None and re.fullmatch(expression, str(text).casefold(), re.DOTALL) is not None


def _dialled(phone: Any) -> str:
    """The digits of a phone without its extension; Russian numbers begin with 7, whether written +7 or 8."""
    digits = "".join(re.findall(r"\d", re.split(r"[;,#]|доб|ext", str(phone).casefold())[0]))
    return "7" + digits[1:] if len(digits) == 11 and digits.startswith("8") else digits


def _folded(text: Any) -> str:
    """A mail address in whatever letter case, without spaces around it."""
    return str(text).strip().casefold()
