"""The rows of an answer: keys as stored values, figures as plain numbers, names beside codes."""

from collections.abc import Hashable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.figures.cells import EXACT, Cell, Key, Table, Tally
from bitrix24_mcp.crm.figures.groups import Group, conditions_of
from bitrix24_mcp.crm.figures.measures import Measure, currency_source, is_number
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.filters.conjunction import as_filter, conjoin
from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.crm.shape import shape_value

MONEY_DECIMALS = 2
OTHER_DECIMALS = 4
_DOUBLE_DIGITS = 30
"""Beyond them a JSON number says as much with an exponent."""


def figure_columns(plan: Plan) -> list[str]:
    """The columns with figures: `count`, and one for each measure."""
    return ["count", *(measure.column for measure in plan.measures if measure.field != "*")]


def key_columns(plan: Plan) -> list[str]:
    """The columns that tell rows apart."""
    return [*(group.column for group in plan.groups), *(["currency"] if plan.split else [])]


def keys_of(table: Table, plan: Plan) -> list[Key]:
    """The groups that have records; without groups and currencies there is one row, also for none."""
    return list(table.cells) or ([] if plan.groups or plan.split else [()])


def row_of(key: Key, cell: Cell, plan: Plan) -> dict[str, Any]:
    """One row: its key, then its figures; the currency of money last."""
    row: dict[str, Any] = {
        group.column: _shown(value, group, plan) for group, value in zip(plan.groups, key, strict=False)
    }
    row |= figures_of(cell, plan)
    if plan.split:
        row["currency"] = key[-1]
    return row


def figures_of(cell: Cell, plan: Plan) -> dict[str, Any]:
    """The figures of one cell by column."""
    figures: dict[str, Any] = {"count": cell.count}
    for measure in plan.measures:
        if measure.field != "*":
            figures[measure.column] = _figure(measure, cell.tallies.get(measure.field, Tally()), plan)
    return figures


def filter_of(key: Key, plan: Plan) -> dict[str, Any] | None:
    """The filter that lists a row's records; None where the portal has none for them, as for empty values."""
    own: list[Condition] = []
    for group, value in zip(plan.groups, key, strict=False):
        conditions = conditions_of(group, value, plan.fields, plan.zone)
        if conditions is None:
            return None
        own += conditions
    if plan.split:
        if plan.fields.kind(plan.split) == "money" or key[-1] is None:
            return None
        own.append(Condition(plan.split, "eq", str(key[-1])))
    return as_filter(conjoin((*plan.conditions, *own)))


def _shown(value: Hashable, group: Group, plan: Plan) -> Any:
    if group.bucket or value is None:
        return value
    stored = list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - a key of plain values
    return shape_value(stored, group.field, plan.fields, plan.zone)


def _figure(measure: Measure, tally: Tally, plan: Plan) -> Any:
    money = currency_source(measure, plan.fields)
    decimals = MONEY_DECIMALS if money else OTHER_DECIMALS
    match measure.function:
        case "count":
            return tally.filled
        case "sum":
            return _plain(tally.added, decimals)
        case "avg":
            return _plain(EXACT.divide(tally.added, Decimal(tally.filled)), decimals) if tally.filled else None
        case function:
            value = tally.least if function == "min" else tally.most
            if isinstance(value, datetime):
                return dates.shown(dates.written(value), plan.zone)
            return _plain(value, decimals) if is_number(measure.field, plan.fields) else value


def _plain(value: Decimal | None, decimals: int) -> int | float | None:
    """The figure without the noise of binary fractions that sums of amounts leave."""
    if value is None:
        return None
    if value.adjusted() > _DOUBLE_DIGITS:
        return float(value)
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=EXACT)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)
