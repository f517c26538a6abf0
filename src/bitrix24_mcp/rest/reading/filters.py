"""Conditions and orders in REST's own words: operators as prefixes of the keys (crm.item.list)."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.filters.conjunction import conjoin
from bitrix24_mcp.crm.portal_values import Condition, Operator, Scalar, Sort
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import Column, Dialect
from bitrix24_mcp.rest.reading.values import between_seconds, written

_WORDS: Mapping[Operator, str] = {
    "ne": "“is not”", "gt": "“more than”", "gte": "“at least”", "lt": "“less than”", "lte": "“at most”",
    "contains": "$contains", "in": "a list of values", "nin": "“is none of”", "eq": "“is”",
}  # fmt: skip


def filter_of(
    conditions: Sequence[Condition],
    columns: Columns,
    dialect: Dialect,
    offset: tzinfo | None = None,
    *,
    plain: bool = False,
) -> dict[str, Any]:
    """The filter in which all these conditions hold: `{"@stageId": ["NEW"], ">=opportunity": 1000}`.

    `offset` is the one in which the portal writes moments, `plain` whether it takes them only without one. Raises
    InvalidArguments for what REST cannot be asked.
    """
    keyed: dict[str, Any] = {}
    for condition in conjoin(conditions, columns.multiple):
        column = columns[condition.field]
        if (prefix := dialect.operators.get(condition.operator)) is None or not column.asked:
            raise _cannot_filter(condition)
        if column.numbered:
            _check_numbers(condition)
        if between_seconds(_first(condition), column.form):
            keyed |= _never(columns, dialect) if condition.operator == "eq" else {}
        else:
            keyed[f"{prefix}{column.asked}"] = _operand(condition, column, offset, plain=plain)
    return keyed


def order_of(sort: Sequence[Sort], columns: Columns) -> list[tuple[str, bool]]:
    """The steps of an order under REST's names. Raises InvalidArguments for a field that it cannot sort by."""
    steps: list[tuple[str, bool]] = []
    for step in sort:
        column = columns[step.field]
        if not column.asked or column.multiple:
            raise InvalidArguments(
                f"Bitrix24 does not sort by {step.field}.",
                advice="Sort by a field with a single value, such as id.",
                code="UNSUPPORTED_SORT",
            )
        steps.append((column.asked, step.descending))
    return steps


def _first(condition: Condition) -> Scalar:
    return condition.value[0] if isinstance(condition.value, tuple) else condition.value


def _operand(condition: Condition, column: Column, offset: tzinfo | None, *, plain: bool) -> Any:
    if isinstance(condition.value, tuple):
        return [written(each, column.form, offset, plain=plain) for each in condition.value]
    return written(condition.value, column.form, offset, plain=plain)


def _check_numbers(condition: Condition) -> None:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    if any(not str(each).isdecimal() for each in values if each != ""):
        raise InvalidArguments(
            f"The portal does not say what the values of {condition.field} are called.",
            advice="Give the number of the value; for their names an administrator or the scope userfieldconfig is "
            "needed.",
            code="UNKNOWN_VALUE",
        )


def _never(columns: Columns, dialect: Dialect) -> dict[str, Any]:
    """A condition that no record meets: moments are kept in whole seconds, and no record has the id 0."""
    return {f"{dialect.operators['eq']}{columns['id'].asked}": 0}


def _cannot_filter(condition: Condition) -> InvalidArguments:
    return InvalidArguments(
        f"Bitrix24 cannot be asked for {_WORDS[condition.operator]} of {condition.field}.",
        advice="Give the exact value, or leave that condition out and choose among the records found.",
        code="NOT_OVER_REST",
    )
