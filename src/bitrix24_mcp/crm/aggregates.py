"""Figures that can be trusted: counts, sums, averages and extremes that are complete, or say what they miss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.figures import comparison
from bitrix24_mcp.crm.figures.answer import EARLIER, Asked, figure_rows, notes_on
from bitrix24_mcp.crm.figures.comparison import Compare
from bitrix24_mcp.crm.figures.groups import resolve_groups
from bitrix24_mcp.crm.figures.measures import Function, check_currencies, measured, resolve_measures
from bitrix24_mcp.crm.figures.order import resolve_having, resolve_order
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.figures.routes import Computed, check_possible, compute, prepare
from bitrix24_mcp.crm.filters.conditions import resolve_filter, translated
from bitrix24_mcp.crm.filters.conjunction import as_filter
from bitrix24_mcp.crm.labels import with_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.reading.progress import Growing, Report, silent
from bitrix24_mcp.crm.reading.spending import Purse, Spending
from bitrix24_mcp.crm.records.emptiness import why_empty
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.shape import fitting, fitting_in_columns

_DATED = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True)
class FigureQuestion:
    """What is asked, as the caller wrote it; `limit` counts rows, `budget` tokens of the answer.

    `columnar`: the answer names its columns once, which leaves room for more rows.
    """

    entity: str
    measures: Sequence[tuple[Function, str | None]] = ()
    group_by: Sequence[str] = ()
    filter: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sort: Any = ""
    having: Mapping[str, Any] = field(default_factory=dict[str, Any])
    compare: Compare | None = None
    row_filters: bool = False
    columnar: bool = False
    limit: int = 50
    budget: int = 4_000


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` of figures, `total` matching records, whether the figures cover all of them, and what to know.

    `filter_used` are the conditions that mean something else than their words; `as_of` is the time in which the
    records were read, where that took several answers; `compared_with` is the filter that `total_previous` records of
    the other period match.
    """

    rows: list[dict[str, Any]]
    total: int
    complete: bool
    note: str | None = None
    filter_used: dict[str, Any] | None = None
    as_of: str | None = None
    compared_with: dict[str, Any] | None = None
    total_previous: int | None = None


async def aggregate(
    question: FigureQuestion, portal: Portal, metadata: Metadata, spending: Spending, report: Report = silent
) -> Answer:
    """The figures asked for, one row per group and, where money is measured, per currency.

    Raises InvalidArguments before any record is read when the question is wrong or would cost too much.
    """
    asked = await _resolve(question, metadata)
    async with spending.in_time():
        now, before = await _computed(asked, portal, metadata, Purse(spending), report)
    rows = figure_rows(asked, now, before)
    columns = [group.field for group in asked.plan.groups if not group.bucket]
    named = await with_names(rows[: question.limit], asked.plan.fields, columns, metadata)
    shown = (fitting_in_columns if question.columnar else fitting)(named, question.budget)
    notes = notes_on(asked, now, before, rows, shown)
    if now.total == 0:
        notes.append(await why_empty(asked.plan.conditions, asked.plan.fields, portal, metadata))
    if asked.earlier and asked.period and asked.period.end > portal.now().astimezone(asked.plan.zone).date():
        notes.append("The period is not over yet; it is compared with a whole one.")
    return Answer(
        rows=named[:shown],
        total=now.total,
        complete=not now.doubt and not (before and before.doubt),
        note=" ".join(filter(None, notes)) or None,
        filter_used=translated(question.filter, asked.plan.conditions),
        as_of=await _as_of(now, before, metadata),
        compared_with=as_filter(asked.before.conditions) if asked.before else None,
        total_previous=before.total if before else None,
    )


async def explain(question: FigureQuestion, portal: Portal, metadata: Metadata, spending: Spending) -> dict[str, Any]:
    """What would be asked, fully resolved, by which way and with how many requests; records are only counted."""
    asked = await _resolve(question, metadata)
    prepared = [await prepare(plan, portal, metadata) for plan in asked.plans]
    costs: dict[str, Any] = {}
    for each, suffix in zip(prepared, ("", EARLIER), strict=False):
        costs |= {f"total{suffix}": each.first.total, f"route{suffix}": each.route.name}
    costs["calls_at_most"] = sum(1 + each.route.calls for each in prepared)
    return {
        "entity": asked.plan.fields.entity.name,
        "filter": as_filter(asked.plan.conditions),
        **({"compared_with": as_filter(asked.before.conditions)} if asked.before else {}),
        "group_by": [group.column for group in asked.plan.groups],
        "measures": [measure.column for measure in asked.plan.measures],
        **costs,
        "calls_allowed": spending.calls,
        "time_zone": str(await metadata.zone()),
    }


async def _computed(
    asked: Asked, portal: Portal, metadata: Metadata, purse: Purse, report: Report
) -> tuple[Computed, Computed | None]:
    """The figures, and those of the period compared with; both are paid before the first record is read."""
    prepared = [await prepare(plan, portal, metadata) for plan in asked.plans]
    records = sum(each.first.total for each in prepared)
    purse.take(sum(1 + each.route.calls for each in prepared), records)
    growing = Growing(report, records)
    found: list[Computed] = []
    for each in prepared:
        found.append(await compute(each, portal, metadata, purse, growing))
        growing.follow()
    return found[0], found[1] if len(found) > 1 else None


async def _resolve(question: FigureQuestion, metadata: Metadata) -> Asked:
    entity = await resolve_entity(question.entity, metadata)
    fields = await metadata.fields(entity)
    groups, measures = resolve_groups(question.group_by, fields), resolve_measures(question.measures, fields)
    check_currencies(measures, [group.field for group in groups], fields)
    conditions = await resolve_filter(question.filter, fields, metadata)
    dated = any(fields.kind(name) in _DATED for name in [*(group.field for group in groups), *measured(measures)])
    zone = await metadata.zone() if dated or question.compare else UTC
    plan = Plan(fields, conditions, measures, groups, zone)
    check_possible(plan)
    period = comparison.period_of(conditions, fields, plan.zone) if question.compare else None
    if period and any(group.field == period.field for group in groups):
        raise InvalidArguments(
            f"Rows by {period.field} cannot be compared: each belongs to another period.",
            advice="Leave compare out and ask for both periods at once, or group by something else.",
            code="INVALID_COMPARISON",
        )
    earlier = comparison.earlier(period, question.compare) if period and question.compare else None
    columns = Asked.columns_of(plan, compared=earlier is not None)
    return Asked(
        plan,
        resolve_order(question.sort, columns),
        resolve_having(question.having, columns),
        row_filters=question.row_filters,
        period=period,
        earlier=earlier,
    )


async def _as_of(now: Computed, before: Computed | None, metadata: Metadata) -> str | None:
    """From the first to the last look at the records, as an ISO 8601 interval."""
    seen = [moment for each in (now, before) if each and each.seen for moment in each.seen]
    if not seen:
        return None
    zone = await metadata.zone()
    first, last = (dates.written(moment.astimezone(zone)) for moment in (min(seen), max(seen)))
    return first if first == last else f"{first}/{last}"
