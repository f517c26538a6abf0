"""The report on funnels: how many entered, where they are now, what was won, and what has been lying too long."""

from dataclasses import dataclass
from typing import Any

import anyio

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.filters.conjunction import as_filter
from bitrix24_mcp.crm.funnel.answer import Block, blocks_of, shown_blocks
from bitrix24_mcp.crm.funnel.notes import notes_on
from bitrix24_mcp.crm.funnel.question import Asked, FunnelQuestion, resolve
from bitrix24_mcp.crm.funnel.reading import Read, costs, read
from bitrix24_mcp.crm.funnel.stuck import find_stuck, of_any_age
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.reading.progress import Report, silent
from bitrix24_mcp.crm.reading.spending import Purse, Spending
from bitrix24_mcp.crm.records.emptiness import why_empty
from bitrix24_mcp.crm.shape import compact, tokens


@dataclass(frozen=True, slots=True)
class FunnelReport:
    """`funnels` as blocks of figures, `total` matching records, whether the figures are of one moment.

    `created` is the period as a filter, empty for records of any age, `filter_used` what else of the filter means
    something else than its words; `stuck` the records that lie too long, with the filter that lists them, and how
    many do so `of_any_age`, None where no times are known; `as_of` the time in which the records were read, where that
    took several answers.
    """

    entity: str
    created: dict[str, Any]
    funnels: list[Block]
    total: int
    complete: bool
    stuck: dict[str, Any] | None = None
    filter_used: dict[str, Any] | None = None
    note: str | None = None
    as_of: str | None = None


async def funnel_report(
    question: FunnelQuestion, portal: Portal, metadata: Metadata, spending: Spending, report: Report = silent
) -> FunnelReport:
    """The report, one block per funnel. Times are days, quantiles are interpolated linearly.

    Raises InvalidArguments before any record is read when the question is wrong or would cost too much.
    """
    asked, purse = await resolve(question, metadata), Purse(spending)
    async with spending.in_time():
        until = anyio.current_effective_deadline()
        found = await read(asked, portal, purse, report, history=question.history)
    stuck = await find_stuck(asked, found.tally, portal, purse, until)
    beside = tokens(compact([stuck.block, asked.created, asked.filter_used]))
    funnels, cut = shown_blocks(blocks_of(asked, found), question.budget - beside)
    notes = [*notes_on(asked, found), *cut]
    if not found.total:
        notes.append(await why_empty(asked.conditions, asked.fields, portal, metadata))
    notes.append(stuck.missing)
    return FunnelReport(
        entity=asked.entity.name,
        created=asked.created,
        funnels=funnels,
        total=found.total,
        complete=not found.doubt,
        stuck=stuck.block,
        filter_used=asked.filter_used,
        note=" ".join(filter(None, notes)) or None,
        as_of=_as_of(found, asked),
    )


async def explain(question: FunnelQuestion, portal: Portal, metadata: Metadata, spending: Spending) -> dict[str, Any]:
    """What would be asked, fully resolved, and with how many requests; records are only counted."""
    asked = await resolve(question, metadata)
    purse = Purse(spending)
    purse.take(1, 0)
    total = await portal.count(asked.entity, asked.conditions)
    planned = costs(asked, total, portal, purse, history=question.history)
    calls = 1 + planned.reading + planned.history
    calls += calls < spending.calls and of_any_age(asked, by_outcome=True) is not None
    return {
        "entity": asked.entity.name,
        "filter": as_filter(asked.conditions),
        "funnels": [{"id": funnel.id, "name": funnel.name} for funnel in asked.funnels],
        "stuck_before": dates.written(asked.stuck_before),
        "total": total,
        "calls_at_most": calls,
        "calls_allowed": spending.calls,
        "time_zone": str(await metadata.zone()),
        **({"note": planned.without_history} if planned.without_history else {}),
    }


def _as_of(found: Read, asked: Asked) -> str | None:
    """From the first to the last look at the records, as an ISO 8601 interval."""
    if not found.seen:
        return None
    first, last = (dates.written(moment.astimezone(asked.now.tzinfo)) for moment in found.seen)
    return first if first == last else f"{first}/{last}"
