"""Filters as callers write them, in any of the gateway's three syntaxes, read into (field, operator, value) terms.

Source: docs/filtering. The syntaxes may be mixed; all terms hold together. There is no `$or` in the contract.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from bitrix24_mcp.crm.errors import InvalidArguments, nearest, quoted
from bitrix24_mcp.crm.portal_values import Operator

MAX_TERMS = 50
MAX_VALUES = 500
MAX_TEXT = 2_000

_OPERATORS: dict[str, Operator] = {
    "$eq": "eq",
    "$ne": "ne",
    "$gt": "gt",
    "$gte": "gte",
    "$lt": "lt",
    "$lte": "lte",
    "$contains": "contains",
    "$in": "in",
    "$nin": "nin",
    "=": "eq",
    "!": "ne",
    "!=": "ne",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "%": "contains",
}
WRITTEN = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$contains", "$in", "$nin", "$between")
_PREFIXED = re.compile(r"(>=|<=|!=|!|>|<|%(?! )|=)(.+)", re.DOTALL)
"""Before a space the sign belongs to a label, such as “% скидки”."""
_LISTS: dict[Operator, Operator] = {"eq": "in", "ne": "nin", "in": "in", "nin": "nin"}


@dataclass(frozen=True, slots=True)
class Term:
    """One condition as written: the field's name as the caller spelt it, nothing checked against the portal yet."""

    name: str
    operator: Operator
    value: Any

    @property
    def several(self) -> bool:
        """Whether the value is a list of alternatives."""
        return isinstance(self.value, list)

    @property
    def values(self) -> list[Any]:
        """The alternatives, or the only value."""
        return cast("list[Any]", self.value) if self.several else [self.value]


def parse_filter(raw: Mapping[str, Any] | None) -> list[Term]:
    """The terms of a filter, in the order written.

    Raises InvalidArguments for an unknown operator, alternatives across fields, or a filter beyond all reason.
    """
    terms = list(_terms(raw or {}))
    if len(terms) > MAX_TERMS:
        raise _too_large(f"{len(terms)} conditions, {MAX_TERMS} at most")
    return terms


def _terms(raw: Mapping[str, Any]) -> Iterator[Term]:
    for key, value in raw.items():
        if key.startswith("$"):
            yield from _operator_outside(key, value)
        elif prefixed := _PREFIXED.fullmatch(key):
            yield _term(prefixed[2].strip(), _OPERATORS[prefixed[1]], value)
        elif isinstance(value, dict):
            yield from _operator_keys(key, cast("Mapping[str, Any]", value))
        else:
            yield _term(key, "eq", value)


def _operator_keys(name: str, operators: Mapping[str, Any]) -> Iterator[Term]:
    if not operators:
        raise InvalidArguments(
            f"The condition on “{name[:60]}” is empty.", advice=f"Use {quoted(WRITTEN)}.", code="INVALID_FILTER"
        )
    for written, value in operators.items():
        yield from _operated(name, written, value)


def _operated(name: str, written: str, value: Any) -> Iterator[Term]:
    if written == "$between":
        lower, upper = _bounds(name, value)
        yield _term(name, "gte", lower)
        yield _term(name, "lte", upper)
    else:
        yield _term(name, _operator(written), value)


def _operator_outside(written: str, value: Any) -> Iterator[Term]:
    """`{"$gte": {"createdAt": …}}`, an alias that docs/optimization shows."""
    if written != "$between":
        _operator(written)
    if not isinstance(value, dict):
        raise InvalidArguments(
            f"{written} stands without a field.",
            advice=f'Write the field first, such as {{"amount": {{"{written}": 1000}}}}.',
            code="INVALID_FILTER",
        )
    for name, inner in cast("Mapping[str, Any]", value).items():
        yield from _operated(name, written, inner)


def _operator(written: str) -> Operator:
    if written in {"$or", "$and", "$not", "$nor"}:
        raise InvalidArguments(
            f"The portal has no {written}.",
            advice="All conditions of a filter hold together; alternatives within one field are a list, such as "
            '{"stageId": ["NEW", "WON"]}; across fields, ask once for each.',
            code="UNSUPPORTED_FILTER",
        )
    if operator := _OPERATORS.get(written):
        return operator
    near = nearest(written if written.startswith("$") else f"${written}", WRITTEN, 3)
    raise InvalidArguments(
        f"There is no filter operator “{written[:30]}”.",
        advice=f"The operators are {quoted(WRITTEN)}.",
        code="UNKNOWN_OPERATOR",
        candidates=near,
    )


def _term(name: str, operator: Operator, value: Any) -> Term:
    if isinstance(value, list):
        values = cast("list[Any]", value)
        if len(values) > MAX_VALUES:
            raise _too_large(f"{len(values)} values for one field, {MAX_VALUES} at most")
        if operator not in _LISTS or not values:
            raise InvalidArguments(
                f"The condition on “{name[:60]}” has {'a list' if values else 'an empty list'} where a value belongs.",
                advice="A list means “any of these” and needs at least one value; with other operators give one value.",
                code="INVALID_FILTER",
            )
        for item in values:
            _check_size(item)
        return Term(name, _LISTS[operator], values)
    _check_size(value)
    return Term(name, operator, [value] if operator in {"in", "nin"} else value)


def _bounds(name: str, value: Any) -> tuple[Any, Any]:
    pair = cast("list[Any]", value) if isinstance(value, list) else []
    if len(pair) != 2:
        raise InvalidArguments(
            f"$between on “{name[:60]}” needs two values.",
            advice='Write {"$between": [lowest, highest]}; both belong to the range.',
            code="INVALID_FILTER",
        )
    return pair[0], pair[1]


def _check_size(value: Any) -> None:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise _too_large(f"a text of {len(value):,} characters, {MAX_TEXT:,} at most")


def _too_large(what: str) -> InvalidArguments:
    return InvalidArguments(
        f"The filter is too large ({what}).",
        advice="Narrow it, or split the question into several calls.",
        code="FILTER_TOO_LARGE",
    )
