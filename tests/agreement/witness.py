"""What happened to a demo portal's records, told by triggers in its database: every change, with its rows."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

Deed = Literal["create", "update", "delete"]
Row = Mapping[str, Any]
Key = int | str
TABLES = (
    "deals",
    "leads",
    "contacts",
    "companies",
    "quotes",
    "invoices",
    "tasks",
    "products",
    "timelines",
    "items_174",
    "items_156",
    "items_1038",
    "workflows",
)
"""Tables whose records are written in these tests; the history of stages, which follows from them, is none."""
RULES: tuple[tuple[str, str, Any, Any], ...] = (
    ("deals", "probability", 60, 50),
    ("leads", "post", "Boss", "Head"),
    ("contacts", "post", "Boss", "Head"),
    ("companies", "revenue", 1_000_000, 500_000),
)
"""Rules of the portal's own, as robots are: of a table and a column, a value that is not kept, and the one it gets."""
_LOG = """
create table witnessed (number integer primary key, tbl text, deed text, key text, old text, new text)
"""


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """One change of one record: the rows before and after, empty where there was or is none."""

    number: int
    table: str
    deed: Deed
    key: Key
    before: Row
    after: Row

    def __repr__(self) -> str:
        told = {name: (self.before.get(name), self.after[name]) for name in self.changed}
        return f"<{self.number}: {self.deed} {self.table} {self.key} {told if self.before else dict(self.after)}>"

    @property
    def changed(self) -> Sequence[str]:
        """The columns that hold something else afterwards."""
        return [name for name in self.after if self.before.get(name) != self.after[name]]


class Witness:
    """Sees all that happens in one portal's database. `foreign` are the changes that somebody else made there."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._foreign: set[int] = set()
        with closing(self._connect()) as connection:
            connection.execute("begin")
            connection.execute(_LOG)
            for table in TABLES:
                self._watch(connection, table)
            for rule in RULES:
                _introduce(connection, *rule)
            connection.commit()

    def events(self, since: int = 0) -> list[Event]:
        """What was changed after the change of that number, without what others did."""
        rows = self.sql("select * from witnessed where number > ? order by number", since)
        return _with_rules(_event(row) for row in rows if row[0] not in self._foreign)

    def latest(self) -> int:
        """The number of the latest change of all."""
        return int(self.sql("select coalesce(max(number), 0) from witnessed")[0][0])

    def rows(self, table: str) -> dict[Key, Row]:
        """All records of a table by their keys."""
        with closing(self._connect()) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(f'select * from "{table}"').fetchall()
        return {row[key_of(table)]: dict(row) for row in found}

    def meddle(self, table: str, key: Key, **values: Any) -> None:
        """Somebody else changes a record behind the server's back."""
        before = self.latest()
        marks = ", ".join(f'"{name}" = ?' for name in values)
        self.sql(f'update "{table}" set {marks} where "{key_of(table)}" = ?', *values.values(), key)
        self._foreign.update(range(before + 1, self.latest() + 1))

    def remove(self, table: str, key: Key) -> None:
        """Somebody else deletes a record."""
        before = self.latest()
        self.sql(f'delete from "{table}" where "{key_of(table)}" = ?', key)
        self._foreign.update(range(before + 1, self.latest() + 1))

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Plain SQL over the portal's database."""
        with closing(self._connect()) as connection, connection:
            return connection.execute(text, values).fetchall()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._database, timeout=10)
        connection.execute("pragma synchronous = off")  # the portal is a disposable copy
        return connection

    @staticmethod
    def _watch(connection: sqlite3.Connection, table: str) -> None:
        columns = [str(row[1]) for row in connection.execute(f'pragma table_info("{table}")')]
        old, new = (_as_json(columns, row) for row in ("old", "new"))
        told: Mapping[Deed, tuple[str, str, str, str]] = {
            "create": ("insert", "new", "null", new),
            "update": ("update", "new", old, new),
            "delete": ("delete", "old", old, "null"),
        }
        for deed, (statement, row, before, after) in told.items():
            connection.execute(
                f'create trigger "witness_{table}_{deed}" after {statement} on "{table}" begin '
                "insert into witnessed (tbl, deed, key, old, new) values "
                f"('{table}', '{deed}', {row}.\"{key_of(table)}\", {before}, {after}); end"
            )


def key_of(table: str) -> str:
    """The column by which a table's records are known."""
    return "ID" if table == "workflows" else "id"


def _introduce(connection: sqlite3.Connection, table: str, column: str, written: Any, kept: Any) -> None:
    """A rule as triggers; what they do is witnessed as well."""
    for statement in ("insert", "update"):
        connection.execute(
            f'create trigger "rule_{table}_{column}_{statement}" after {statement} on "{table}" '
            f'when new."{column}" = {written!r} begin update "{table}" set "{column}" = {kept!r} where id = new.id; end'
        )


def _with_rules(events: Iterable[Event]) -> list[Event]:
    """The changes with what rules made of them, which SQLite tells before the change that they follow."""
    found: list[Event] = []
    ruled: dict[tuple[str, Key], Row] = {}
    for event in events:
        record = (event.table, event.key)
        if kept := _by_rule(event):
            ruled[record] = kept
        else:
            found.append(replace(event, after={**event.after, **ruled.pop(record, {})}))
    return found


def _by_rule(event: Event) -> Row:
    """What a rule wrote, if one did: such a value stands in a record for no time at all."""
    for table, column, written, kept in RULES:
        if event.table == table and event.before.get(column) == written and event.changed == [column]:
            return {column: kept}
    return {}


def _as_json(columns: Iterable[str], row: str) -> str:
    return "json_object(" + ", ".join(f"'{name}', {row}.\"{name}\"" for name in columns) + ")"


def _event(told: tuple[Any, ...]) -> Event:
    number, table, deed, key, before, after = told
    return Event(
        number,
        table,
        deed,
        key if table == "workflows" else int(key),
        json.loads(before) if before else {},
        json.loads(after) if after else {},
    )
