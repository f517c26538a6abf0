"""One field's value on its way in and out: column, JSON, and what a filter compares with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any, cast

from bitrix24_mcp.demo import times

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Row

    from bitrix24_mcp.demo.schema import Entity, Field, Kind

Column = int | float | str | None
LARGEST = 2**63  # what SQLite takes as an integer
_TRUE = frozenset({"true", "1", "y"})
_FALSE = frozenset({"false", "0", "n"})


class ValueRefused(ValueError):
    """The value does not fit the field's type."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A value to compare a column with; an inexact one lies just above what the column can hold."""

    value: Column
    exact: bool = True


def to_json(entity: Entity, field: Field, value: Any) -> object:
    """The column's value as the API sends it."""
    if value is None:
        return None
    kind = field.kind
    if kind == "datetime":
        return times.in_utc(value) if entity.zone == "utc" else times.in_portal_zone(value)
    if kind == "date" and entity.zone == "utc" and not field.name.startswith("UF"):
        return f"{value}T00:00:00.000Z"  # a deal's closing day was recorded as UTC midnight
    convert = _FROM_COLUMN.get(kind)
    return convert(value) if convert else value


def record(entity: Entity, row: Row, names: tuple[str, ...]) -> dict[str, object]:
    """A row as a record of the API."""
    fields = entity.by_name
    return {name: to_json(entity, fields[name], row[name]) for name in names}


def to_column(field: Field, value: object) -> Column:
    """A written value as the column keeps it."""
    if value is None or (value == "" and field.element != "text"):
        return None
    if field.kind == "list":
        elements = cast("list[object]", value) if isinstance(value, list) else [value]
        return json.dumps([_element(field.element, element) for element in elements], ensure_ascii=False)
    if field.kind == "object":
        return json.dumps(value, ensure_ascii=False)
    return _element(field.element, value)


def _element(kind: Kind, value: object) -> Column:
    return comparable(kind, value).value


def comparable(kind: Kind, value: object) -> Bound:
    """What a filter's value compares as in a column of this kind."""
    if isinstance(value, (dict, list)):
        raise ValueRefused("a single value is expected")
    try:
        return _COMPARABLE.get(kind, _text)(value)
    except (ValueError, OverflowError) as wrong:
        raise ValueRefused(f"{value!r} is not a {kind}") from wrong


def _text(value: object) -> Bound:
    if isinstance(value, bool):
        return Bound("true" if value else "false")
    return Bound(str(value))


def _number(value: object) -> Bound:
    if isinstance(value, bool):
        raise ValueRefused("a number is expected")
    if isinstance(value, float):
        return Bound(value)
    text = str(value).strip()
    number = int(text) if text.lstrip("+-").isdecimal() else float(text)
    return Bound(number if abs(number) < LARGEST else float(number))


def _boolean(value: object) -> Bound:
    text = str(value).strip().lower()
    if text in _TRUE:
        return Bound(1)
    if text in _FALSE:
        return Bound(0)
    raise ValueRefused("true or false is expected")


def _moment(value: object) -> Bound:
    moment = times.parse_moment(str(value))
    return Bound(times.stored(moment), exact=not moment.microsecond)


def _day(value: object) -> Bound:
    text = str(value)
    day = times.parse_date(text)
    at_midnight = times.parse_moment(text).astimezone(times.PORTAL_ZONE).time() == time(0)
    return Bound(day.isoformat(), exact=at_midnight)


def _plain_number(value: float) -> float:
    return int(value) if float(value).is_integer() else value


_FROM_COLUMN: dict[Kind, Callable[[Any], object]] = {
    "boolean": bool,
    "real": _plain_number,
    "list": json.loads,
    "multifield": json.loads,
    "object": json.loads,
}
_COMPARABLE: dict[Kind, Callable[[object], Bound]] = {
    "integer": _number,
    "real": _number,
    "boolean": _boolean,
    "datetime": _moment,
    "date": _day,
}
