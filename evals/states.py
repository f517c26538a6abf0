"""Whether a portal holds what a task wanted, and nothing else: its database against that of an untouched portal."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks import Expected, Task

PORTAL_WRITES = frozenset(
    {
        "updatedAt", "updatedTime", "updatedBy", "changedDate", "movedTime", "movedBy", "previousStageId",
        "stageSemanticId", "closed", "closedDate", "modified", "MODIFIED",
    }
)  # fmt: skip
"""Columns that a portal fills itself when a record changes."""
FOLLOWS = frozenset({"stage_history"})
"""Tables that a portal fills itself."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that differs: `before` or `after` is empty where there is none."""

    table: str
    before: Row
    after: Row

    def changed(self, free: Sequence[str]) -> dict[str, Any]:
        """The columns that hold something else now, without those that the portal fills and those that are free."""
        return {
            name: value
            for name, value in self.after.items()
            if self.before.get(name) != value and name not in PORTAL_WRITES and name not in free
        }


def verdict(task: Task, untouched: Path, now: Path) -> str:
    """What is wrong with the portal after a task; empty when it is right."""
    left = list(_differences(untouched, now))
    for expected in task.expected:
        problem = _meet(expected, left, untouched)
        if problem:
            return problem
    if left:
        shown = [f"{each.table} {_key(each)}: {each.changed(()) or 'gone'}" for each in left[:3]]
        return f"also changed: {'; '.join(shown)}"
    return ""


def _meet(expected: Expected, left: list[Difference], untouched: Path) -> str:
    """Takes the differences that are expected out of those that are left; what is wrong with them."""
    if expected.kind == "create":
        found = [each for each in left if each.table == expected.table and not each.before]
        wanted = expected.count
    else:
        keys = _chosen(expected, untouched)
        found = [each for each in left if each.table == expected.table and each.before and _key(each) in keys]
        wanted = len(keys)
    if len(found) != wanted:
        return f"{expected.kind} {expected.table}: {len(found)} rows, not {wanted}"
    for difference in found:
        if problem := _wrong(expected, difference):
            return f"{expected.kind} {expected.table} {_key(difference)}: {problem}"
        left.remove(difference)
    return ""


def _wrong(expected: Expected, difference: Difference) -> str:
    if expected.kind == "delete":
        return "still there" if difference.after else ""
    held = {name: difference.after.get(name) for name in expected.set}
    if {name: value or None for name, value in held.items()} != {n: v or None for n, v in expected.set.items()}:
        return f"holds {held}, not {dict(expected.set)}"
    if absent := [name for name, part in expected.has.items() if part not in str(difference.after.get(name))]:
        return f"{', '.join(absent)} without {[expected.has[name] for name in absent]}"
    others = (
        set(difference.changed(expected.free)) - {*expected.set, *expected.has}
        if expected.kind == "change"
        else set[str]()
    )
    return f"changed as well: {sorted(others)}" if others else ""


def _chosen(expected: Expected, untouched: Path) -> set[Any]:
    with closing(_opened(untouched)) as connection:
        key = _key_of(connection, expected.table)
        rows = connection.execute(f'select "{key}" from "{expected.table}" where {expected.where}')  # noqa: S608 - our own file
        return {row[0] for row in rows}


def _differences(untouched: Path, now: Path) -> Iterator[Difference]:
    with closing(_opened(now)) as connection:
        connection.execute("attach ? as untouched", [f"file:{untouched}?mode=ro"])
        for table in _tables(connection):
            if table in FOLLOWS:
                continue
            key = _key_of(connection, table)
            was = _only_in(connection, key, f'untouched."{table}"', f'main."{table}"')
            is_now = _only_in(connection, key, f'main."{table}"', f'untouched."{table}"')
            for each in was.keys() | is_now.keys():
                difference = Difference(table, was.get(each, {}), is_now.get(each, {}))
                if not difference.before or not difference.after or difference.changed(()):
                    yield difference


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def _tables(connection: sqlite3.Connection) -> list[str]:
    names = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name"
    return [row[0] for row in connection.execute(names)]


def _key_of(connection: sqlite3.Connection, table: str) -> str:
    columns = connection.execute(f'pragma table_info("{table}")').fetchall()
    return next((row["name"] for row in columns if row["pk"]), columns[0]["name"])


def _only_in(connection: sqlite3.Connection, key: str, table: str, other: str) -> dict[Any, Row]:
    """The rows of a table that the other one does not hold exactly so, by their key."""
    rows = connection.execute(f"select * from {table} except select * from {other}")  # noqa: S608 - our own files
    return {row[key]: dict(row) for row in rows}


def _key(difference: Difference) -> Any:
    return next(iter((difference.before or difference.after).values()))
