"""Figures that can be trusted: counts, sums, averages and extremes that are complete, or say what they miss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from bitrix24_mcp.crm.figures.routes import Computed, Prepared, check_possible, compute, prepare
from bitrix24_mcp.crm.filters.conditions import resolve_filter, translated
from bitrix24_mcp.crm.filters.conjunction import as_filter
from bitrix24_mcp.crm.filters.outcomes import of_one_funnel
from bitrix24_mcp.crm.labels import names_used, with_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.reading.progress import Growing, Report, silent
from bitrix24_mcp.crm.reading.spending import Purse, Spending
from bitrix24_mcp.crm.reading.steadiness import proof_calls
from bitrix24_mcp.crm.records.emptiness import why_empty
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.shape import compact, fitting, fitting_in_columns, tokens

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

    `filter_used` are the conditions that mean something else than their words, `names_used` what their codes are
    called; `as_of` is the time in which the
    records were read, where that took several answers; `compared_with` is the filter that `total_previous` records of
    the other period match.
    """

    rows: list[dict[str, Any]]
    total: int
    complete: bool
    note: str | None = None
    filter_used: dict[str, Any] | None = None
    names_used: dict[str, Any] | None = None
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
        now, before = await _computed(asked, portal, metadata, Purse(spending, _a_look(asked, portal)), report)
    rows = figure_rows(asked, now, before)
    columns = [group.field for group in asked.plan.groups if not group.bucket]
    named = await with_names(rows[: question.limit], asked.plan.fields, columns, metadata)
    used = translated(question.filter, asked.plan.conditions)
    names = await names_used(used, asked.plan.fields, metadata)
    compared = as_filter(asked.before.conditions) if asked.before else None
    beside = tokens(compact([used, names, compared])) if used or compared else 0
    shown = (fitting_in_columns if question.columnar else fitting)(named, question.budget - beside)
    notes = notes_on(asked, now, before, rows, shown)
    notes.append(await of_one_funnel(asked.plan.conditions, used, asked.plan.fields, metadata))
    if now.total == 0:
        notes.append(await why_empty(asked.plan.conditions, asked.plan.fields, portal, metadata))
    if asked.earlier and asked.period and asked.period.end > portal.now().astimezone(asked.plan.zone).date():
        notes.append("The period is not over yet; it is compared with a whole one.")
    return Answer(
        rows=named[:shown],
        total=now.total,
        complete=not now.doubt and not (before and before.doubt),
        note=" ".join(filter(None, notes)) or None,
        filter_used=used,
        names_used=names,
        as_of=await _as_of(now, before, metadata),
        compared_with=compared,
        total_previous=before.total if before else None,
    )


async def explain(question: FigureQuestion, portal: Portal, metadata: Metadata, spending: Spending) -> dict[str, Any]:
    """What would be asked, fully resolved, by which way and with how many requests; records are only counted."""
    asked = await _resolve(question, metadata)
    prepared = [await prepare(plan, portal, metadata) for plan in asked.plans]
    costs: dict[str, Any] = {}
    for each, suffix in zip(prepared, ("", EARLIER), strict=False):
        costs |= {f"total{suffix}": each.first.total, f"route{suffix}": each.route.name}
    planned = _calls(prepared) * _a_look(asked, portal)
    otherwise = sum(each.route.otherwise for each in prepared) * _a_look(asked, portal)
    costs["calls_at_most"] = max(planned, min(planned + otherwise, spending.calls))
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
    purse.take(_calls(prepared), records)
    growing = Growing(report, records)
    if len(prepared) == 1:
        return await compute(prepared[0], portal, metadata, purse, growing), None
    recounted = await portal.count(prepared[0].plan.fields.entity, prepared[0].plan.conditions)
    found: list[Computed] = []
    for each in prepared:
        found.append(await compute(each, portal, metadata, purse, growing))
        growing.follow()
    return await _of_one_moment(prepared[0], found[0], recounted, portal), await _of_one_moment(
        prepared[1], found[1], prepared[1].first.total, portal
    )


async def _of_one_moment(prepared: Prepared, found: Computed, recounted: int, portal: Portal) -> Computed:
    """One of two periods' figures, in doubt unless both are those of the moment when the second was counted.

    That is so if as many records of the first matched then as before, and none of either has changed until now.
    """
    if recounted != prepared.first.total:
        doubt = f"the number of records went from {prepared.first.total:,} to {recounted:,} while they were counted"
        return replace(found, doubt=found.doubt or doubt)
    if found.seen:
        return found
    return replace(found, doubt=await prepared.first.disturbance(found.total, portal))


def _calls(prepared: Sequence[Prepared]) -> int:
    """The most requests; two periods take one more count, and the proof for each."""
    together = 1 + 2 * proof_calls(prepared[0].plan.fields) if len(prepared) > 1 else 0
    return sum(1 + each.route.calls for each in prepared) + together


def _a_look(asked: Asked, portal: Portal) -> int:
    """Requests that a count or a page of these records takes."""
    return portal.requests_a_look(asked.plan.fields.entity, asked.plan.conditions)


async def _resolve(question: FigureQuestion, metadata: Metadata) -> Asked:
    entity = await resolve_entity(question.entity, metadata)
    fields = await metadata.fields(entity)
    groups, measures = resolve_groups(question.group_by, fields), resolve_measures(question.measures, fields)
    check_currencies(measures, [group.field for group in groups], fields)
    conditions = await resolve_filter(question.filter, fields, metadata)
    dated = any(fields.kind(name) in _DATED for name in [*(group.field for group in groups), *measured(measures)])
    zone = await metadata.zone() if dated or question.compare else UTC
    plan = Plan(fields, conditions, measures, groups, zone)
    check_possible(plan, metadata.portal)
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
