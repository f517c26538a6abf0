"""Filters and order of `crm.item.list`: operators before the names, groups joined by `logic` (crm.item.list)."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import filters
from bitrix24_mcp.demo.database import Where, quote
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.rest.calls import RestError
from bitrix24_mcp.demo.rest.parameters import elements, entries

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.items.shape import ItemField
    from bitrix24_mcp.demo.schema import Field

# What each operator asks, the longest first; a leading "not" turns the answer round.
_OPERATORS = (
    ("!=%", "not like"),
    ("!%=", "not like"),
    ("!@", "nin"),
    ("!%", "not contains"),
    ("!=", "ne"),
    ("=%", "like"),
    ("%=", "like"),
    (">=", "gte"),
    ("<=", "lte"),
    ("!", "ne"),
    ("=", "eq"),
    (">", "gt"),
    ("<", "lt"),
    ("@", "in"),
    ("%", "contains"),
    ("", "eq"),
)
_COMPARISONS = frozenset({"gt", "gte", "lt", "lte"})
_ANY_OF = {"eq": "in", "ne": "nin", "in": "in", "nin": "nin"}
_PRINTED_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T.*")


def where(known: dict[str, ItemField], raw: object) -> Where:
    """The conditions of a filter; a numbered key holds a group of its own, in which `logic` may be OR."""
    clauses: list[Where] = []
    joined = " AND "
    for key, value in entries(raw):
        if key.lower() == "logic":
            joined = " OR " if str(value).upper() == "OR" else " AND "
        elif key.isdecimal():
            clauses.append(where(known, value))
        else:
            clauses.append(condition(known, key, value))
    return _together([clause for clause in clauses if clause.conditions], joined)


def order(known: dict[str, ItemField], raw: object) -> str:
    """An ORDER BY that ends in the id."""
    terms: list[str] = []
    for name, direction in entries(raw):
        if name not in known:
            raise _invalid(f"Invalid order: field '{name}' is not allowed in order")
        if str(direction).upper() not in ("ASC", "DESC"):
            raise _invalid(f"Invalid order: allowed sort directions for field '{name}' are ASC, DESC")
        terms.append(f"{quote(known[name].field.name)} {str(direction).upper()}")
    return ", ".join([*terms, f"{quote('id')} ASC"])


def _together(clauses: list[Where], joined: str) -> Where:
    if not clauses:
        return Where()
    texts = ["(" + " AND ".join(clause.conditions) + ")" for clause in clauses]
    return Where(("(" + joined.join(texts) + ")",), tuple(value for clause in clauses for value in clause.values))


def split(key: str) -> tuple[str, str]:
    """The operator and the name of a filter's key."""
    prefix, operator = next((prefix, name) for prefix, name in _OPERATORS if key.startswith(prefix))
    return operator, key.removeprefix(prefix)


def condition(known: dict[str, ItemField], key: str, value: object) -> Where:
    """One condition; an unknown field or a value that does not fit it is refused."""
    operator, name = split(key)
    item = known.get(name)
    if item is None:
        raise _invalid(f"Invalid filter: field '{name}' is not allowed in filter")
    if operator in _COMPARISONS and value == "":
        return Where()  # nothing to compare with: the condition falls away
    try:
        return _asked(item.field, operator, value)
    except (GatewayError, ValueError) as wrong:
        raise _invalid(f"Invalid filter: field '{name}' has invalid value") from wrong


def _asked(field: Field, operator: str, value: object) -> Where:
    negated, _, plain = operator.rpartition(" ")
    several = elements(value)
    if isinstance(value, (list, dict)) or plain in ("in", "nin"):
        plain = _ANY_OF.get(plain, "")
        if not plain:
            raise ValueError("this operator takes a single value")
        condition = filters.Condition(field, plain, [_operand(field, element) for element in several])
    else:
        condition = filters.Condition(field, plain, _operand(field, value))
    clause = filters.where((condition,))
    return Where((f"NOT COALESCE({clause.conditions[0]}, 0)",), clause.values) if negated else clause


def _operand(field: Field, value: object) -> object:
    """The value as the column compares: Y and N of standard flags, 1 and 0 of users' own, a date's calendar part."""
    if value is None or isinstance(value, (bool, list, dict)):
        raise ValueError("no value to compare with")
    if value == "":
        return value
    if field.element == "boolean":
        return {"1": True, "0": False}[_among(value, "10")] if field.custom else _among(value, "YN") == "Y"
    if field.element == "date":
        text = str(value)
        return date.fromisoformat(text[:10] if _PRINTED_DATE.fullmatch(text) else text).isoformat()
    return value


def _among(value: object, allowed: str) -> str:
    text = str(value)
    if len(text) != 1 or text not in allowed:
        raise ValueError(f"one of {', '.join(allowed)} is expected")
    return text


def _invalid(text: str) -> RestError:
    return RestError("INVALID_ARG_VALUE", text)
