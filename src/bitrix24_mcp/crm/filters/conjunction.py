"""Conditions that hold together: at most one of each kind per field, so that none can overwrite another on the way."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_values import Condition, Operator, Scalar

_SIGNS: dict[Operator, str] = {
    "eq": "$in", "ne": "$ne", "gt": "$gt", "gte": "$gte", "lt": "$lt", "lte": "$lte",
    "contains": "$contains", "in": "$in", "nin": "$nin",
}  # fmt: skip
_CLASSES: dict[Operator, str] = {
    "eq": "among", "in": "among", "ne": "not among", "nin": "not among", "gt": "above", "gte": "above",
    "lt": "below", "lte": "below", "contains": "containing",
}  # fmt: skip


def conjoin(conditions: Iterable[Condition], multiple: Collection[str] = ()) -> tuple[Condition, ...]:
    """The same conditions with those of one kind on one field made into one.

    `multiple` are the fields that hold several values: two lists of alternatives there cannot be made into one.
    Raises InvalidArguments when they contradict each other or cannot be made into one.
    """
    joined: dict[tuple[str, str], Condition] = {}
    for condition in conditions:
        place = (condition.field, _CLASSES[condition.operator])
        held = joined.get(place)
        if held is None or held == condition:
            joined[place] = condition
        elif condition.field in multiple and place[1] == "among":
            raise _cannot(condition.field, "ask for two values at once, which the portal cannot")
        else:
            joined[place] = _join(held, condition, place[1])
    for (field, kind), lower in joined.items():
        upper = joined.get((field, "below"))
        if kind == "above" and upper is not None and _crossed(lower, upper):
            raise _cannot(field, "leave nothing between them: the lower bound lies above the upper one")
    return tuple(joined.values())


def as_filter(conditions: Sequence[Condition]) -> dict[str, Any]:
    """Conjoined conditions in the gateway's `$` form: `{"stageId": "NEW", "amount": {"$gte": 1000}}`."""
    written: dict[str, Any] = {}
    by_field: dict[str, list[Condition]] = {}
    for condition in conditions:
        by_field.setdefault(condition.field, []).append(condition)
    for field, held in by_field.items():
        if len(held) == 1 and held[0].operator == "eq":
            written[field] = held[0].value
        else:
            written[field] = {_SIGNS[each.operator]: _operand(each) for each in held}
    return written


def _operand(condition: Condition) -> Any:
    if isinstance(condition.value, tuple):
        return list(condition.value)
    return [condition.value] if condition.operator == "eq" else condition.value


def _join(first: Condition, second: Condition, kind: str) -> Condition:
    match kind:
        case "among":
            others = {_same(value) for value in _values(second)}
            common = tuple(value for value in _values(first) if _same(value) in others)
            if not common:
                raise _cannot(first.field, "contradict each other: no record can match")
            return _among(first.field, common, "eq", "in")
        case "not among":
            return _among(first.field, tuple(dict.fromkeys(_values(first) + _values(second))), "ne", "nin")
        case "above" | "below":
            return _tighter(first, second, above=kind == "above")
        case _:
            raise _cannot(first.field, "ask for two texts at once, which the portal cannot")


def _tighter(first: Condition, second: Condition, *, above: bool) -> Condition:
    left, right = _comparable(first), _comparable(second)
    if left == right:
        return first if first.operator in {"gt", "lt"} else second
    try:
        return first if (left > right) is above else second
    except TypeError:
        raise _cannot(first.field, "hold two bounds that cannot be compared") from None


def _crossed(lower: Condition, upper: Condition) -> bool:
    try:
        return bool(_comparable(lower) > _comparable(upper))
    except (InvalidArguments, TypeError):  # texts, whose order is the portal's own
        return False


def _comparable(condition: Condition) -> Any:
    """The bound as something with an order: a number, or a moment or day; the portal's order of texts is its own."""
    if isinstance(condition.value, int | float):
        return float(condition.value)
    try:
        return datetime.fromisoformat(str(condition.value))
    except ValueError:
        raise _cannot(condition.field, "hold two bounds in the same direction") from None


def _same(value: Scalar) -> object:
    """What two values have in common when they mean the same: one moment can be written in many zones."""
    if isinstance(value, str) and "T" in value:
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return value


def _values(condition: Condition) -> tuple[Scalar, ...]:
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)


def _among(field: str, values: tuple[Scalar, ...], one: Operator, several: Operator) -> Condition:
    return Condition(field, one, values[0]) if len(values) == 1 else Condition(field, several, values)


def _cannot(field: str, what: str) -> InvalidArguments:
    return InvalidArguments(
        f"The conditions on {field} {what}.", advice="Leave one of them out.", code="INVALID_FILTER"
    )
