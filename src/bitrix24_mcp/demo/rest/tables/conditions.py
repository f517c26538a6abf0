"""Filters with prefixes before the names, as SQL. A value that does not fit its field matches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.database import Where, quote
from bitrix24_mcp.demo.rest.parameters import elements, entries
from bitrix24_mcp.demo.values import ValueRefused, comparable

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.tables.shape import Column, Table
    from bitrix24_mcp.demo.schema import Kind

_NOTHING = Where(("0",))
_EXISTS = "EXISTS (SELECT 1 FROM json_each({}) AS part WHERE {})"
_TESTS = {
    "=": "{} = ?",
    "@": "{} = ?",
    ">": "{} > ?",
    ">=": "{} >= ?",
    "<": "{} < ?",
    "<=": "{} <= ?",
    "%": "contains({}, ?)",
    "=%": "resembles({}, ?)",
    "%=": "resembles({}, ?)",
}
_TEXT_TESTS = ("%", "=%", "%=")
# A moment between two seconds: nothing equals it, the second before it is the bound.
_BETWEEN_SECONDS = {">=": ">", "<": "<="}


def split(key: str, prefixes: tuple[str, ...]) -> tuple[str, str]:
    """The prefix and the name of a filter's key."""
    prefix = next((prefix for prefix in prefixes if key.startswith(prefix)), "")
    return prefix, key.removeprefix(prefix)


def where(table: Table, raw: object) -> Where:
    """All conditions of a filter on fields that may be filtered; the others are passed over."""
    clause = Where()
    for key, value in entries(raw):
        prefix, name = split(key, table.prefixes)
        column = table.by_name.get(name)
        if column is not None and column.filterable:
            clause &= condition(table, column, prefix, value)
    return clause


def condition(table: Table, column: Column, prefix: str, value: object) -> Where:
    """One condition; several values mean any of them."""
    operator = prefix.removeprefix("!") or "="
    several = elements(cast("object", value)) if isinstance(value, (list, dict)) else [value]
    parts = [_one(table, column, operator, single) for single in several] or [_NOTHING]
    text = "(" + " OR ".join(part.conditions[0] for part in parts) + ")"
    values = tuple(bound for part in parts for bound in part.values)
    return Where((f"NOT COALESCE({text}, 0)" if prefix.startswith("!") else text,), values)


def _one(table: Table, column: Column, operator: str, value: object) -> Where:
    if not column.field:
        return Where(("1",)) if operator == "=" and str(value) == str(column.fixed) else _NOTHING
    field = table.field(column)
    stored = column.expression or quote(field.name)
    many = field.kind == "list" and not column.expression
    if value is None or value == "":
        return Where((f"({stored} IS NULL OR {stored} IN ('', '[]'))",)) if operator in ("=", "@") else _NOTHING
    if operator in _TEXT_TESTS:
        return _tested(stored, _TESTS[operator], str(value), many=many)
    kind: Kind = "integer" if column.numeric else field.element
    try:
        bound = comparable(kind, value)
    except ValueRefused:
        return _NOTHING
    if not bound.exact:
        operator = _BETWEEN_SECONDS.get(operator, operator)
        if operator in ("=", "@"):
            return _NOTHING
    return _tested(stored, _TESTS[operator], bound.value, many=many)


def _tested(stored: str, test: str, bound: str | float | None, *, many: bool) -> Where:
    if many:
        return Where((_EXISTS.format(stored, test.format("part.value")),), (bound,))
    return Where((test.format(stored),), (bound,))
