"""The second opinion: filters, orders and figures evaluated in plain Python over rows read once from SQLite.

Shares no code with the package.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

Kind = Literal["number", "whole", "text", "choice", "code", "codes", "flag", "day", "moment"]
Row = Mapping[str, Any]
MOSCOW = timezone(timedelta(hours=3))


@dataclass(frozen=True)
class Field:
    """A field with what it holds; `label` is its title on the portal, empty when it is not unique."""

    name: str
    kind: Kind
    label: str = ""


@dataclass(frozen=True)
class Table:
    """An entity with its rows, moments and lists read into Python's own types."""

    entity: str
    fields: tuple[Field, ...]
    rows: tuple[Row, ...]
    money: str
    currency: str
    created: str

    def values(self, field: Field) -> list[Any]:
        """The different values that records have in a field, without the empty one."""
        held = [row[field.name] for row in self.rows if row[field.name] is not None]
        several = [each for value in held for each in value] if field.kind == "codes" else held
        return sorted(set(several))


@dataclass(frozen=True)
class Condition:
    """One condition; a bare day on a field of moments means that whole day in Moscow."""

    field: Field
    operator: str
    value: Any


def read_table(
    database: Path, entity: str, table: str, fields: Sequence[Field], *, money: str, currency: str, created: str
) -> Table:
    """The table's rows, read once."""
    columns = ", ".join(f'"{field.name}"' for field in fields)
    connection = sqlite3.connect(database)
    try:
        stored = connection.execute(f"select {columns} from {table} order by id").fetchall()
    finally:
        connection.close()
    rows = tuple(
        {field.name: _read(value, field.kind) for field, value in zip(fields, values, strict=True)} for values in stored
    )
    return Table(entity, tuple(fields), rows, money, currency, created)


def matching(rows: Iterable[Row], conditions: Sequence[Condition]) -> list[Row]:
    """The rows that meet all conditions."""
    return [row for row in rows if all(_holds(row[each.field.name], each) for each in conditions)]


def in_order(rows: Iterable[Row], steps: Sequence[tuple[str, bool]]) -> list[Row]:
    """The rows by (field, descending) steps, ties by id; the empty stands first upwards and last downwards."""
    ordered = sorted(rows, key=lambda row: row["id"])
    for name, descending in reversed(steps):
        ordered.sort(key=lambda row: (row[name] is not None, row[name]), reverse=descending)
    return ordered


def figures(rows: Iterable[Row], table: Table, group: str | None) -> list[dict[str, Any]]:
    """Count and sum for each group and currency, in the order and with the names of the tool's rows."""
    found: dict[tuple[Any, str], list[Decimal]] = {}
    for row in rows:
        key = (row[group] if group else None, row[table.currency])
        found.setdefault(key, []).append(Decimal(str(row[table.money])))
    ordered = sorted(found, key=lambda key: (-len(found[key]), key[0] is None, *key))
    return [
        {
            **({group: key} if group else {}),
            "count": len(found[key, currency]),
            f"sum_{table.money}": float(sum(found[key, currency])),
            "currency": currency,
        }
        for key, currency in ordered
    ]


def _read(value: Any, kind: Kind) -> Any:
    if value is None or value == "":
        return None
    match kind:
        case "codes":
            return [str(each) for each in json.loads(value)]
        case "flag":
            return bool(value)
        case "moment":
            return datetime.fromisoformat(value)
        case "day":
            return date.fromisoformat(value)
        case "code":
            return str(value)
        case _:
            return value


def _holds(stored: Any, condition: Condition) -> bool:
    value = condition.value
    match condition.operator:
        case "eq" | "ne":
            return _is(stored, value) is (condition.operator == "eq")
        case "in" | "nin":
            return any(_is(stored, each) for each in value) is (condition.operator == "in")
        case ordering:
            return stored is not None and _orders(stored, ordering, value)


def _orders(stored: Any, operator: str, value: Any) -> bool:
    match operator:
        case "between":
            return not _before(stored, value[0]) and not _behind(stored, value[1])
        case "contains":
            return value.lower() in stored.lower()
        case "gt":
            return _behind(stored, value)
        case "gte":
            return not _before(stored, value)
        case "lt":
            return _before(stored, value)
        case _:
            return not _behind(stored, value)


def _is(stored: Any, value: Any) -> bool:
    if stored is None:
        return False
    if isinstance(stored, list):
        return value in stored
    return not _before(stored, value) and not _behind(stored, value)


def _before(stored: Any, value: Any) -> bool:
    return stored < moment_of(value) if _whole_day(stored, value) else stored < value


def _behind(stored: Any, value: Any) -> bool:
    return stored >= moment_of(value) + timedelta(days=1) if _whole_day(stored, value) else stored > value


def _whole_day(stored: Any, value: Any) -> bool:
    return isinstance(stored, datetime) and not isinstance(value, datetime)


def moment_of(value: Any) -> Any:
    """The midnight in Moscow at which a day starts; any other value as it is."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=MOSCOW)
    return value
