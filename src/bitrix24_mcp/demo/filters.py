"""Filters: the three syntaxes of docs/filtering, checked against the schema, as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.database import Where, quote
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.values import Bound, ValueRefused, comparable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.schema import Entity, Field
    from bitrix24_mcp.demo.values import Column

_SUPPORTED = "$gt, $gte, $lt, $lte, $ne, $contains, $in, $nin, >, >=, <, <=, !, %, !="
_OPERATORS = {
    "$gt": "gt",
    "$gte": "gte",
    "$lt": "lt",
    "$lte": "lte",
    "$ne": "ne",
    "$contains": "contains",
    "$in": "in",
    "$nin": "nin",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "!": "ne",
    "!=": "ne",
    "%": "contains",
}
_PREFIXES = ((">=", "gte"), ("<=", "lte"), (">", "gt"), ("<", "lt"), ("!", "ne"), ("%", "contains"))
_EXISTS = "EXISTS (SELECT 1 FROM json_each({}) AS part WHERE {})"
_SYMBOLS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
# A bound just above what the column can hold: nothing equals it, "at least" becomes "more", "less" becomes "at most".
_ABOVE = {"gt": "gt", "gte": "gt", "lt": "lte", "lte": "lte"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    field: Field
    operator: str
    value: object


def parse(entity: Entity, raw: object) -> tuple[Condition, ...]:
    """The conditions of a request's `filter`."""
    if raw is None:
        return ()
    if not isinstance(raw, dict):
        raise GatewayError("INVALID_FILTER", "filter must be an object")
    entries = cast("dict[str, object]", raw).items()
    return tuple(condition for key, value in entries for condition in _entry(entity, key, value))


def where(conditions: tuple[Condition, ...]) -> Where:
    """All conditions together."""
    clause = Where()
    for condition in conditions:
        clause &= _sql(condition)
    return clause


def _entry(entity: Entity, key: str, value: object) -> Iterator[Condition]:
    if key.startswith("$"):
        yield from _operator_outside(entity, key, value)
        return
    field, operator = _key(entity, key)
    if isinstance(value, dict):
        if operator != "eq":
            raise GatewayError("INVALID_FILTER", f"Field '{field.name}': a prefix excludes an operator object")
        for name, operand in cast("dict[str, object]", value).items():
            yield _condition(field, _operator(name), operand)
    else:
        yield _condition(field, operator, value)


def _operator_outside(entity: Entity, key: str, value: object) -> Iterator[Condition]:
    operator = _operator(key)
    if not isinstance(value, dict):
        raise GatewayError("INVALID_FILTER", f"{key} needs a field")
    for name, operand in cast("dict[str, object]", value).items():
        yield _condition(_field(entity, name), operator, operand)


def _operator(name: str) -> str:
    try:
        return _OPERATORS[name]
    except KeyError:
        message = f"Unknown filter operator: {name}. Supported: {_SUPPORTED}"
        raise GatewayError("INVALID_FILTER_OPERATOR", message) from None


def _key(entity: Entity, key: str) -> tuple[Field, str]:
    for prefix, operator in _PREFIXES:
        if key.startswith(prefix):
            return _field(entity, key.removeprefix(prefix)), operator
    return _field(entity, key), "eq"


def _field(entity: Entity, name: str) -> Field:
    field = entity.find(name)
    if field is None:
        raise GatewayError("INVALID_FILTER_FIELD", f"Unknown filter field: {name}")
    return field


def _condition(field: Field, operator: str, value: object) -> Condition:
    if isinstance(value, list):
        operator = {"eq": "in", "ne": "nin"}.get(operator, operator)
        if operator not in ("in", "nin"):
            raise GatewayError("INVALID_FILTER", f"Field '{field.name}': this operator takes a single value")
    elif operator in ("in", "nin"):
        value = [value]
    return Condition(field, operator, cast("object", value))


def _sql(condition: Condition) -> Where:
    field, operator, value = condition.field, condition.operator, condition.value
    try:
        match operator:
            case "in" | "nin":
                clause = _any(field, cast("list[object]", value))
                return clause if operator == "in" else _negated(clause)
            case "ne":
                return _negated(_equal(field, value))
            case "eq":
                return _equal(field, value)
            case "contains":
                return _element(field, "contains({}, ?)", str(value))
            case "like":  # asked only by REST: the value holds `%` wildcards
                return _element(field, "resembles({}, ?)", str(value))
            case _:
                return _compare(field, operator, comparable(field.element, value))
    except ValueRefused as wrong:
        raise GatewayError("INVALID_FILTER", f"Field '{field.name}': {wrong}") from wrong


def _any(field: Field, values: list[object]) -> Where:
    clauses = [_equal(field, value) for value in values]
    if not clauses:
        return Where(("0",))
    conditions = " OR ".join(clause.conditions[0] for clause in clauses)
    return Where((f"({conditions})",), tuple(value for clause in clauses for value in clause.values))


def _negated(clause: Where) -> Where:
    return Where((f"NOT COALESCE({clause.conditions[0]}, 0)",), clause.values)


def _equal(field: Field, value: object) -> Where:
    if value is None or value == "":
        empty = "'[]'" if field.kind in ("list", "multifield") else "''"
        return Where((f"({quote(field.name)} IS NULL OR {quote(field.name)} = {empty})",))
    if field.kind == "object":
        raise ValueRefused("only emptiness can be asked of this field")
    bound = comparable(field.element, value)
    if not bound.exact and field.element == "datetime":
        return Where(("0",))
    return _element(field, "{} = ?", bound.value)


def _compare(field: Field, operator: str, bound: Bound) -> Where:
    exact = operator if bound.exact else _ABOVE[operator]
    return _element(field, f"{{}} {_SYMBOLS[exact]} ?", bound.value)


def _element(field: Field, test: str, value: Column) -> Where:
    column = quote(field.name)
    match field.kind:
        case "list":
            clause = _EXISTS.format(column, test.format("part.value"))
        case "multifield":
            clause = _EXISTS.format(column, test.format("json_extract(part.value, '$.VALUE')"))
        case _:
            clause = test.format(column)
    return Where((clause,), (value,))
