"""Counts by value: one exact count for each known value of the groups, where that is cheaper than reading records."""

from collections.abc import Hashable
from datetime import date, datetime, timedelta
from itertools import product
from math import prod

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.choices import choices
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.figures.cells import Cell, Key, Table
from bitrix24_mcp.crm.figures.ends import LOOKS, days_held
from bitrix24_mcp.crm.figures.groups import Group, conditions_of, labels_between
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.filters.conjunction import conjoin
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.crm.reading.progress import Report
from bitrix24_mcp.crm.reading.together import read_each

Values = list[list[Hashable]]
_CLOSED = frozenset({"stage", "status", "funnel", "list", "currency"})
_NEVER_EMPTY = frozenset({"stage", "funnel", "currency"})


async def values_of(plan: Plan, most: int, metadata: Metadata, *, look: bool = False) -> Values | None:
    """The known values of each group, when their combinations are `most` at most; else None.

    `look`: where a period is grouped by that the filter does not bound, the records are asked for its ends.
    """
    if not plan.counts_only or not plan.groups:
        return None
    found: Values = []
    for group in plan.groups:
        values = await _values(group, plan, most, metadata, look=look)
        if not values:
            return None
        found.append(values)
    return found if prod(map(len, found)) <= most else None


def holds_all(plan: Plan) -> bool:
    """Whether every record surely has one of the known values; a period that is asked for holds all its days."""
    return all(
        _days_asked(group.field, plan) if group.bucket else plan.fields.kind(group.field) in _NEVER_EMPTY
        for group in plan.groups
    )


def looks(plan: Plan) -> int:
    """The most requests for the ends of a period that the filter does not bound; 0 where that does not help."""
    unbounded = [group for group in plan.groups if group.bucket and not _days_asked(group.field, plan)]
    return LOOKS if plan.counts_only and len(unbounded) == 1 and unbounded[0].bucket != "day" else 0


async def compute(plan: Plan, values: Values, total: int, portal: Portal, report: Report) -> Table | None:
    """The counts; None when the known values do not hold all `total` records."""
    table = Table()

    async def count(key: Key) -> None:
        try:
            conditions = _conditions(plan, key)
        except InvalidArguments:  # the filter leaves no record with this value
            return
        if number := await portal.count(plan.fields.entity, conditions):
            table.cells[(*key, key[_place(plan)]) if plan.split else key] = Cell(number)
        await report(table.count, total, "records counted")

    await read_each(product(*values), count, portal)
    return table if table.count == total else None


def _place(plan: Plan) -> int:
    return next(place for place, group in enumerate(plan.groups) if group.field == plan.split)


def _conditions(plan: Plan, key: Key) -> tuple[Condition, ...]:
    own = (conditions_of(group, value, plan.fields, plan.zone) for group, value in zip(plan.groups, key, strict=True))
    return conjoin((*plan.conditions, *(condition for each in own for condition in each or ())))


async def _values(group: Group, plan: Plan, most: int, metadata: Metadata, *, look: bool) -> list[Hashable]:
    kind = plan.fields.kind(group.field)
    if plan.fields[group.field].multiple:
        return []
    if group.bucket:
        days = _days_asked(group.field, plan)
        if not days and look:
            days = await days_held(group.field, plan, metadata.portal)
        return list(labels_between(*days, group.bucket, most)) if days else []
    if kind == "boolean":
        return [True, False]
    if kind in _CLOSED:
        return list(dict.fromkeys(choice.code for choice in await choices(plan.fields, group.field, metadata)))
    return []


def _days_asked(name: str, plan: Plan) -> tuple[date, date] | None:
    """The first day that the filter allows for a date, and the day after the last; None without two bounds."""
    held = {each.operator: str(each.value) for each in plan.conditions if each.field == name}
    first = _day(held.get("gte") or held.get("gt"), plan)
    last = _day(held.get("lte"), plan) or _day(held.get("lt"), plan, before=True)
    return (first, last + timedelta(days=1)) if first and last else None


def _day(bound: str | None, plan: Plan, *, before: bool = False) -> date | None:
    """The day that a bound lies in, or with `before` the last one that lies wholly or partly before it."""
    if bound is None:
        return None
    moment = dates.parse_moment(bound, plan.zone)
    if isinstance(moment, datetime):
        return (moment - timedelta(seconds=before)).astimezone(plan.zone).date()
    day = dates.parse_day(bound)
    return day - timedelta(days=before) if day else None
