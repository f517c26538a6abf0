"""Figures a second time: plain Python over the demo portal's rows, in exact decimals, sharing no code with the server.

The database keeps moments as UTC text, days as text, lists as JSON, user-field money as `amount|currency`.
"""

import json
import sqlite3
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from figuring.question import Bucket, Function, Period, Question
from figuring.tables import Column, Table

Row = dict[str, Any]
_EXACT = Context(prec=60)


@dataclass(frozen=True)
class Expected:
    """The rows in order, all of them, how many records match, and how many in the period compared with."""

    rows: list[Row]
    total: int
    total_previous: int | None = None


def expected(question: Question, database: Path) -> Expected:
    """What the answer has to be."""
    now, total = _figures(question, question.period, database)
    if not question.compare or question.period is None:
        return Expected(_chosen([row for _, row in now.values()], question), total)
    before, total_previous = _figures(question, question.period.earlier(question.compare), database)
    rows: list[Row] = []
    for key in dict.fromkeys((*now, *before)):
        keys = now.get(key, before.get(key, ({}, {})))[0]
        figures = now[key][1] if key in now else {**keys, **_row(_Group(), question)}
        earlier = before[key][1] if key in before else {**keys, **_row(_Group(), question)}
        rows.append({**figures, **_compared(figures, earlier, [name for name in figures if name not in keys])})
    return Expected(_chosen(rows, question), total, total_previous)


def _compared(now: Row, before: Row, names: list[str]) -> Row:
    found: Row = {}
    for name in names:
        new, old = now[name], before[name]
        found[f"{name}_previous"] = old
        numbers = isinstance(new, int | float) and isinstance(old, int | float) and old != 0
        found[f"{name}_change_percent"] = round((new - old) / abs(old) * 100, 1) if numbers else None
    return found


@dataclass
class _Group:
    count: int = 0
    values: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])


def _figures(question: Question, period: Period | None, database: Path) -> tuple[dict[Any, tuple[Row, Row]], int]:
    """By key the columns that make it and the whole row; and the number of records."""
    measured = [question.table.by_name[name] for name in dict.fromkeys(name for _, name in question.measures)]
    groups: dict[Any, tuple[Row, _Group]] = {}

    @cache
    def keys_of(parts: tuple[Any, ...]) -> tuple[str, Row]:
        keys = _keys(parts, question)
        return repr(keys), keys

    total = 0
    for parts, values in _records(question, period, database):
        total += 1
        name, keys = keys_of(parts)
        held = groups.setdefault(name, (keys, _Group()))[1]
        held.count += 1
        for column, stored in zip(measured, values, strict=True):
            value = _value(stored, column)
            if value is not None:
                held.values.setdefault(column.name, []).append(value)
    if not groups and not question.groups and not question.split:
        groups["{}"] = ({}, _Group())
    return {key: (keys, {**keys, **_row(group, question)}) for key, (keys, group) in groups.items()}, total


def _records(
    question: Question, period: Period | None, database: Path
) -> Generator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Of each record what makes its key, moments to the hour, and what is measured."""
    parts = [_to_the_hour(name, bucket, question.table) for name, bucket in question.groups]
    parts += [f'"{question.split}"'] if question.split else []
    measured = dict.fromkeys(f'"{name}"' for _, name in question.measures)
    conditions = [*question.narrowings, *([period.narrowing(question.zone)] if period else [])]
    where = " and ".join(f"({each.sql})" for each in conditions) or "1"
    text = f'select {", ".join([*parts, *measured, "0"])} from "{question.table.name}" where {where}'
    connection = sqlite3.connect(database)
    try:
        connection.create_function("has", 2, _has)
        for row in connection.execute(text, [value for each in conditions for value in each.values]):
            yield row[: len(parts)], row[len(parts) : -1]
    finally:
        connection.close()


def _has(text: str | None, part: str) -> bool:
    return part.casefold() in (text or "").casefold()


def _to_the_hour(name: str, bucket: Bucket | None, table: Table) -> str:
    """All the zones asked about are whole hours away from UTC."""
    moment = bucket is not None and table.by_name[name].kind == "moment"
    return f"""substr("{name}", 1, 13) || ':00:00Z'""" if moment else f'"{name}"'


def _keys(parts: Sequence[Any], question: Question) -> Row:
    keys: Row = {}
    for (name, bucket), value in zip(question.groups, parts, strict=False):
        column = question.table.by_name[name]
        keys[f"{name}_{bucket}" if bucket else name] = (
            _label(value, column, bucket, question.zone) if bucket else _key(value, column)
        )
    if question.split:
        text = str(parts[-1] or "")
        money = question.table.by_name[question.split].kind == "money"
        keys["currency"] = (text.rpartition("|")[2] if money else text) or None
    return keys


def _key(value: Any, column: Column) -> Any:
    match column.kind:
        case "several":
            return json.loads(value or "[]") or None
        case "flag":
            return None if value is None else bool(value)
        case "link":
            return value or None
        case "number":
            return int(value) if isinstance(value, float) and value.is_integer() else value
        case _:
            return None if value == "" else value


def _label(value: str | None, column: Column, bucket: Bucket, zone: ZoneInfo) -> str | None:
    if not value:
        return None
    day = date.fromisoformat(value) if column.kind == "day" else datetime.fromisoformat(value).astimezone(zone).date()
    match bucket:
        case "day":
            return day.strftime("%Y-%m-%d")
        case "week":
            return day.strftime("%G-W%V")
        case "month":
            return day.strftime("%Y-%m")
        case "quarter":
            return f"{day.year}-Q{-(-day.month // 3)}"
        case "year":
            return day.strftime("%Y")


def _value(value: Any, column: Column) -> Any:
    """What is measured; None where nothing is."""
    match column.kind:
        case "number":
            return None if value is None else Decimal(str(value))
        case "money":
            return Decimal(value.partition("|")[0]) if value else None
        case "several":
            return True if json.loads(value or "[]") else None
        case "link":
            return value or None
        case _:
            return None if value == "" else value


def _row(group: _Group, question: Question) -> Row:
    row: Row = {"count": group.count}
    for function, name in question.measures:
        column = question.table.by_name[name]
        row[f"{function}_{name}"] = _figure(function, group.values.get(name, []), column, question.zone)
    return row


def _figure(function: Function, values: list[Any], column: Column, zone: ZoneInfo) -> Any:
    if function == "count":
        return len(values)
    if function == "sum":
        return _number(sum(values, Decimal(0)), column)
    if not values:
        return None
    if function == "avg":
        return _number(sum(values, Decimal(0)) / len(values), column)
    found = min(values) if function == "min" else max(values)
    if column.kind == "moment":
        return datetime.fromisoformat(found).astimezone(zone).isoformat(timespec="seconds")
    return found if column.kind == "day" else _number(found, column)


def _number(value: Decimal, column: Column) -> float:
    unit = Decimal("0.01") if column.currency or column.kind == "money" else Decimal("0.0001")
    return float(value.quantize(unit, ROUND_HALF_UP, _EXACT))


def _chosen(rows: list[Row], question: Question) -> list[Row]:
    if question.having:
        name, operator, bound = question.having
        rows = [row for row in rows if row[name] is not None and _meets(row[name], operator, bound)]
    keys = [f"{name}_{bucket}" if bucket else name for name, bucket in question.groups]
    keys += ["currency"] if question.split else []
    rows = sorted(rows, key=lambda row: (-row["count"], *(_place(row[name]) for name in keys)))
    for name, descending in reversed(question.sort):
        filled = sorted((row for row in rows if row[name] is not None), key=_by(name), reverse=descending)
        rows = [*filled, *(row for row in rows if row[name] is None)]
    return rows


def _by(name: str) -> Any:
    return lambda row: _place(row[name])  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType, reportUnknownVariableType] - a sort key


def _place(value: Any) -> tuple[int, float, str]:
    """Numbers by size, then texts, lists as their text, the empty last."""
    if value is None:
        return (2, 0, "")
    return (0, value, "") if isinstance(value, int | float) else (1, 0, str(value))


def _meets(value: float, operator: str, bound: float) -> bool:
    return {"$gt": value > bound, "$gte": value >= bound, "$lt": value < bound, "$lte": value <= bound}[operator]
