"""The ways to figures, and which is the cheapest exact one."""

from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.figures import counted, native, read
from bitrix24_mcp.crm.figures.cells import Cell, Table
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.reading.progress import Report
from bitrix24_mcp.crm.reading.spending import Purse, reads, requests
from bitrix24_mcp.crm.reading.steadiness import Steady, Watch, calls, for_later, proof_calls, read_steadily, watch

Computed = Steady[Table]
_LIGHTER = 4
"""Readings that weigh more than one count, where both share requests: the portal shows no records for a count."""
_WORTH_LOOKING = 4
"""Counts that must be better than reading before it is asked which there are."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way to the figures and the most requests it takes, the first count not among them.

    `count`: nothing more is needed; `native`: the portal's own groups; `counts per value`: one count for each known
    value; `scan`: every record is read. `otherwise`: the most requests on top where that way leaves something out.
    """

    name: Literal["count", "native", "counts per value", "scan"]
    calls: int
    values: counted.Values | None = None
    otherwise: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan whose records are counted, and the way that is taken."""

    plan: Plan
    first: Watch
    route: Route


def check_possible(plan: Plan, portal: Portal) -> None:
    """Raises InvalidArguments, before anything is counted, when no way leads to these figures."""
    by_portal = plan.by_portal and portal.figures_at_most > 0
    if (plan.groups or not plan.counts_only) and not by_portal and not plan.fields.entity.keyset:
        raise _impossible(plan)


async def prepare(plan: Plan, portal: Portal, metadata: Metadata) -> Prepared:
    """Counts, and chooses the cheapest exact way; raises InvalidArguments when there is none for this entity."""
    first = await watch(plan.fields, plan.conditions, portal)
    return Prepared(plan, first, await _choose(plan, first.total, portal, metadata))


async def compute(prepared: Prepared, portal: Portal, metadata: Metadata, purse: Purse, report: Report) -> Computed:
    """The figures by the way prepared, whose requests are paid; by reading where that way leaves something out."""
    plan, first, route = prepared.plan, prepared.first, prepared.route
    if found := await _counted(prepared, portal, metadata, report):
        return found
    if route.name != "scan":
        purse.take(_reading(plan, first.total, portal).calls, first.total)
    return await read_steadily(first, lambda total: read.compute(plan, total, portal, report), portal, purse)


async def _counted(prepared: Prepared, portal: Portal, metadata: Metadata, report: Report) -> Computed | None:
    """The figures without reading records; None where that is not the way, or it leaves something out."""
    plan, first, route = prepared.plan, prepared.first, prepared.route
    if route.name == "count":
        return Steady(Table({(): Cell(first.total)} if first.total else None), first.total)
    if route.name == "native":
        table = await native.compute(plan, first.total, portal, metadata)
        return Steady(table, first.total) if table else None
    if route.values is None:
        return None
    first = await for_later(first, portal)
    table = await counted.compute(plan, route.values, first.total, portal, report)
    if table is None:
        metadata.unhelpful.add(_by_values(plan))
        return None
    doubt = await first.disturbance(table.count, portal)
    return Steady(table, first.total, doubt, (first.since, portal.now()))


async def _choose(plan: Plan, total: int, portal: Portal, metadata: Metadata) -> Route:
    if total == 0 or (plan.counts_only and not plan.groups):
        return Route("count", 0)
    if await native.usable(plan, total, portal, metadata):
        return Route("native", 1)
    reading, proof = _reading(plan, total, portal), proof_calls(plan.fields)
    if _by_values(plan) in metadata.unhelpful:
        return reading
    looks = counted.looks(plan)
    most = _worth_counting(plan, total, reading.calls - proof - looks, portal)
    if looks and most < _WORTH_LOOKING:
        return reading
    if values := await counted.values_of(plan, most, metadata, look=looks > 0):
        otherwise = 0 if counted.holds_all(plan) else reading.calls
        counts = requests(prod(map(len, values)), portal)
        return Route("counts per value", looks + counts + proof, values, otherwise)
    return replace(reading, calls=reading.calls + looks)


def _worth_counting(plan: Plan, total: int, pages: int, portal: Portal) -> int:
    """How many counts are better than reading all records in so many requests.

    Those that take fewer requests; and where no record can be left out, those that take one more at most and are far
    fewer than the readings that each request is made of.
    """
    fewer = reads(pages - 1, portal)
    if not counted.holds_all(plan):
        return fewer
    readings = -(-total // portal.piece_at_most)
    return max(fewer, min(readings // _LIGHTER, reads(pages + 1, portal)))


def _reading(plan: Plan, total: int, portal: Portal) -> Route:
    if not plan.fields.entity.keyset:
        raise _impossible(plan)
    return Route("scan", calls(plan.fields, total, portal))


def _by_values(plan: Plan) -> tuple[str, ...]:
    """What is remembered where the known values do not hold every record: some have none."""
    return ("values", plan.fields.entity.name, *sorted(group.column for group in plan.groups))


def _impossible(plan: Plan) -> InvalidArguments:
    return InvalidArguments(
        f"The portal neither computes that for {plan.fields.entity.name} nor lets all of them be read.",
        advice="Count them without groups, or read them with search_items.",
        code="NOT_COMPUTABLE",
    )
