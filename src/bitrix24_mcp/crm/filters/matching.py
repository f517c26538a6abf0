"""Conditions and orders applied here, for what a backend cannot filter or sort itself."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.fields import Fields, Kind
from bitrix24_mcp.crm.portal_values import Condition, Record, Sort

_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def matches(row: Record, conditions: Iterable[Condition], fields: Fields) -> bool:
    """Whether a row meets all conditions. An empty value meets only “not equal” and “not in”."""
    return all(_holds(row.get(each.field), each, fields.kind(each.field)) for each in conditions)


def in_order(rows: Iterable[Record], sort: Sequence[Sort], fields: Fields) -> list[Record]:
    """The rows in the order; empty values stand first upwards and last downwards."""
    ordered = list(rows)
    for step in reversed(sort):
        ordered.sort(key=_key(step.field, fields.kind(step.field)), reverse=step.descending)
    return ordered


def order_key(value: Any, kind: Kind) -> tuple[bool, Any]:
    """A sort key for a stored value that puts empty values before all others."""
    comparable = _comparable(value, kind)
    return (False, 0) if comparable is None else (True, comparable)


def _key(field: str, kind: Kind) -> Callable[[Record], tuple[bool, Any]]:
    return lambda row: order_key(row.get(field), kind)


def _holds(value: Any, condition: Condition, kind: Kind) -> bool:
    stored = _comparable(value, kind)
    wanted = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    bounds = [_comparable(each, kind) for each in wanted]
    match condition.operator:
        case "eq" | "in":
            return stored in bounds
        case "ne" | "nin":
            return stored not in bounds
        case "contains":
            return stored is not None and str(bounds[0]).casefold() in str(stored).casefold()
        case ordering:
            return stored is not None and _ORDERINGS[ordering](stored, bounds[0])


def _comparable(value: Any, kind: Kind) -> Any:
    if value is None or value == "":
        return None
    match kind:
        case "datetime":
            return parse_moment(str(value), UTC) or datetime.min.replace(tzinfo=UTC)
        case "integer" | "number" | "user":
            return _number(value)
        case _:
            return str(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
