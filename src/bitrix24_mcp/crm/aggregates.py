"""Figures: counts, sums, averages and extremes that are complete, or say what they cover.

The gateway adds up at most 5,000 records, rounds averages and adds money of different currencies together
(docs/entity-api, aggregation). So every question starts with a count, which is exact at any size; money is asked
for one currency at a time; averages are computed here; and what the gateway left out is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bitrix24_mcp.crm.absent import absent
from bitrix24_mcp.crm.conditions import resolve_filter
from bitrix24_mcp.crm.conjunction import as_filter, conjoin
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.labels import with_names
from bitrix24_mcp.crm.measures import Function, Measure, resolve_groups, resolve_measures
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Condition, FigureGroup, Figures, MeasureRequest, Portal
from bitrix24_mcp.crm.progress import Report, silent
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.shape import fitting, shape_value

MONEY_DECIMALS = 2
OTHER_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class FigureQuestion:
    """What is asked, as the caller wrote it; `limit` counts rows, `budget` tokens of the answer."""

    entity: str
    measures: Sequence[tuple[Function, str | None]]
    group_by: Sequence[str]
    filter: Mapping[str, Any] | None
    limit: int
    budget: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` of figures, `total` matching records, whether the figures cover all of them, and what to know if not."""

    rows: list[dict[str, Any]]
    total: int
    complete: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure question resolved: what is read, how it is split, and by which route.

    `split` is the currency field when money is measured or grouped by currency, else empty.
    """

    fields: Fields
    conditions: tuple[Condition, ...]
    measures: tuple[Measure, ...]
    groups: tuple[str, ...]
    split: str

    @property
    def route(self) -> str:
        """`count`: one call, exact at any size; `native`: the gateway's own aggregate."""
        return "count" if not self.groups and all(measure.column == "count" for measure in self.measures) else "native"

    @property
    def asked_groups(self) -> tuple[str, ...]:
        """The group fields that the gateway is asked for; the currency is asked for by filter instead."""
        return tuple(name for name in self.groups if name != self.split)


async def plan(question: FigureQuestion, metadata: Metadata) -> Plan:
    """The resolved question; raises InvalidArguments before any record is read when it is wrong."""
    entity = await resolve_entity(question.entity, metadata)
    fields = await metadata.fields(entity)
    measures = resolve_measures(question.measures, fields)
    groups = resolve_groups(question.group_by, fields)
    conditions = await resolve_filter(question.filter, fields, metadata)
    currency_fields = {fields.currency_of(measure.field) for measure in measures if measure.function != "count"}
    currency_fields |= set(entity.money.values()) & set(groups)
    return Plan(fields, conditions, measures, groups, next(iter(sorted(currency_fields - {""})), ""))


async def explain(question: FigureQuestion, metadata: Metadata) -> dict[str, Any]:
    """What would be asked, fully resolved, and the most calls it takes; no record is read."""
    resolved = await plan(question, metadata)
    parts = len(await _currencies(resolved, metadata)) if resolved.split else 1
    return {
        "entity": resolved.fields.entity.name,
        "filter": as_filter(resolved.conditions),
        "group_by": list(resolved.groups),
        "measures": [measure.column for measure in resolved.measures],
        "route": resolved.route,
        "calls_at_most": 1 + (parts if resolved.route == "native" else 0),
        "time_zone": str(await metadata.zone()),
    }


async def aggregate(question: FigureQuestion, portal: Portal, metadata: Metadata, report: Report = silent) -> Answer:
    """The figures asked for, one row per group and, where money is measured, per currency."""
    resolved = await plan(question, metadata)
    total = await portal.count(resolved.fields.entity, resolved.conditions)
    nobody = await absent(resolved.conditions, resolved.fields, metadata) if total == 0 else ""
    if resolved.route == "count":
        return Answer([{"count": total}], total, complete=True, note=nobody or None)
    if total == 0:
        rows = [] if resolved.groups or resolved.split else [_row(resolved, _nothing(resolved), None, UTC)]
        return Answer(rows, 0, complete=True, note=f"No record matches. {nobody}".strip())
    parts = await _parts(resolved, total, portal, metadata, report)
    moments = any(resolved.fields.kind(name) == "datetime" for name in resolved.groups)
    zone = await metadata.zone() if moments else UTC
    rows = [_row(resolved, group, currency, zone) for currency, figures in parts for group in figures.groups]
    rows.sort(key=lambda row: (-row["count"], *(_order(row[name]) for name in _keys(resolved))))
    notes = _gaps(parts, total, grouped=bool(resolved.groups))
    complete = not notes
    notes += [
        f"{name} holds several values: each combination of them is a group of its own."
        for name in resolved.groups
        if resolved.fields[name].multiple
    ]
    named = await with_names(rows[: question.limit], resolved.fields, resolved.groups, metadata)
    shown = fitting(named, question.budget)
    if hidden := rows[shown:]:
        rest = sum(row["count"] for row in hidden)
        notes.append(
            f"Shown are the {shown} of {len(rows)} rows with the most records; the other {len(hidden)} hold {rest:,}."
        )
    return Answer(named[:shown], total, complete, " ".join(notes) or None)


async def _parts(
    resolved: Plan, total: int, portal: Portal, metadata: Metadata, report: Report
) -> list[tuple[str | None, Figures]]:
    """The gateway's figures, one currency after the other until every counted record has its place."""
    entity, asked = resolved.fields.entity, _asked(resolved)
    if not resolved.split:
        return [(None, await portal.aggregate(entity, resolved.conditions, asked, resolved.asked_groups))]
    parts: list[tuple[str | None, Figures]] = []
    found = 0
    for code, condition in await _currencies(resolved, metadata):
        conditions = conjoin((*resolved.conditions, condition))
        figures = await portal.aggregate(entity, conditions, asked, resolved.asked_groups)
        found += figures.total
        if figures.total:
            parts.append((code, figures))
        await report(found, total, f"records counted up to {code}")
        if found >= total:
            break
    return parts


async def _currencies(resolved: Plan, metadata: Metadata) -> list[tuple[str, Condition]]:
    """Each currency that can match, with its condition; the filter may already have narrowed them."""
    held = [each for each in resolved.conditions if each.field == resolved.split and each.operator in {"eq", "in"}]
    values = held[0].value if held else tuple(currency.code for currency in await metadata.currencies())
    codes = values if isinstance(values, tuple) else (values,)
    return [(str(code), Condition(resolved.split, "eq", code)) for code in codes]


def _asked(resolved: Plan) -> list[MeasureRequest]:
    """What the gateway must compute; an average needs the sum, and for fields that may be empty their number."""
    asked: dict[tuple[str, str], MeasureRequest] = {}
    never_empty = resolved.fields.entity.never_empty
    for measure in resolved.measures:
        if measure.field == "*":
            continue
        if measure.function in {"count", "avg"} and measure.field not in never_empty:
            asked["count", measure.field] = MeasureRequest("count", measure.field)
        if measure.function == "sum" or measure.function == "avg":  # noqa: PLR1714 - a set hides the type from the checker
            asked["sum", measure.field] = MeasureRequest("sum", measure.field)
        elif measure.function != "count":
            asked[measure.function, measure.field] = MeasureRequest(measure.function, measure.field)
    return list(asked.values())


def _row(resolved: Plan, group: FigureGroup, currency: str | None, zone: tzinfo) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: currency if name == resolved.split else shape_value(group.key.get(name), name, resolved.fields, zone)
        for name in resolved.groups
    }
    row["count"] = group.count
    if group.covered != group.count:
        row["covered"] = group.covered
    for measure in resolved.measures:
        if measure.field != "*":
            row[measure.column] = _figure(measure, group, resolved)
    if currency is not None:
        row["currency"] = currency
    return row


def _figure(measure: Measure, group: FigureGroup, resolved: Plan) -> int | float | None:
    never_empty = measure.field in resolved.fields.entity.never_empty
    filled = Decimal(group.covered) if never_empty else group.values.get(("count", measure.field))
    decimals = MONEY_DECIMALS if resolved.fields.currency_of(measure.field) else OTHER_DECIMALS
    match measure.function:
        case "count":
            return group.count if never_empty else _plain(filled, 0)
        case "avg":
            added = group.values.get(("sum", measure.field))
            return _plain(added / filled, decimals) if added is not None and filled else None
        case function:
            return _plain(group.values.get((function, measure.field)), decimals)


def _plain(value: Decimal | None, decimals: int) -> int | float | None:
    """The figure without the noise of binary fractions that the gateway's own arithmetic leaves."""
    if value is None:
        return None
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)


def _nothing(resolved: Plan) -> FigureGroup:
    figures = {(function, measure.field): Decimal(0) for measure in resolved.measures for function in ("count", "sum")}
    return FigureGroup({}, 0, 0, figures)


def _keys(resolved: Plan) -> list[str]:
    return [*resolved.groups, "currency"] if resolved.split else list(resolved.groups)


def _order(key: Any) -> tuple[int, float, str]:
    """Numbers by size, then texts, then the empty key."""
    if key is None:
        return (2, 0, "")
    return (0, key, "") if isinstance(key, int | float) else (1, 0, str(key))


def _gaps(parts: Sequence[tuple[str | None, Figures]], total: int, *, grouped: bool) -> list[str]:
    """What the figures do not cover, in words; empty when they are complete."""
    notes: list[str] = []
    for currency, figures in parts:
        of_what = f" in {currency}" if currency else ""
        if figures.truncated:
            notes.append(
                f"INCOMPLETE: the portal's figures{of_what} cover only {figures.processed:,} of {figures.total:,} "
                "matching records; narrow the filter to 5,000 or fewer for exact ones."
            )
        if figures.groups_truncated:
            notes.append(f"INCOMPLETE: the portal left out some groups{of_what}; group by fewer fields.")
        counted = sum(group.count for group in figures.groups)
        if grouped and not figures.truncated and not figures.groups_truncated and counted != figures.total:
            notes.append(
                f"INCOMPLETE: the groups{of_what} hold {counted:,} records while {figures.total:,} match; ask again."
            )
    found = sum(figures.total for _, figures in parts)
    if found != total:
        notes.append(
            f"INCOMPLETE: the rows cover {found:,} of {total:,} matching records; the others changed meanwhile or have "
            "a currency that the portal does not list."
        )
    return notes
