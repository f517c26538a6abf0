"""Reading the records of a question, and their histories where that can be afforded, and proving that nothing moved."""

from dataclasses import dataclass
from datetime import datetime

from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused, RequestRefused
from bitrix24_mcp.crm.funnel.history import Gaps, read_histories
from bitrix24_mcp.crm.funnel.question import Asked
from bitrix24_mcp.crm.funnel.tally import Tally
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import RecordQuery
from bitrix24_mcp.crm.reading.progress import Growing, Report
from bitrix24_mcp.crm.reading.scan import scan
from bitrix24_mcp.crm.reading.spending import Purse, requests
from bitrix24_mcp.crm.reading.steadiness import Reading, calls, read_steadily, watch

_NO_HISTORY = (InvalidArguments, NotFound, PermissionRefused, RequestRefused)
"""How a portal says that it gives no history; the rest of the report does without."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The most requests: `reading` for the records and the proof, `history` for their histories (0 = not read).

    `without_history` says why those are not read although they were asked for.
    """

    reading: int
    history: int = 0
    without_history: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of `total` counted records. `doubt` says why it may not be of one moment.

    `gaps` are those of the histories, None where they were not read: `without_history` says why, if they were asked
    for. `seen` is from when to when it was read, where that took more than one answer.
    """

    tally: Tally
    total: int
    doubt: str = ""
    gaps: Gaps | None = None
    without_history: str = ""
    seen: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one reading tells: the records counted in, and what their histories lack or why there are none."""

    tally: Tally
    gaps: Gaps | None
    without_history: str


def costs(asked: Asked, total: int, portal: Portal, purse: Purse, *, history: bool) -> Costs:
    """What the question takes for so many records, the first count not among it."""
    alone = calls(asked.fields, total, portal)
    if not history or not total:
        return Costs(alone if total else 0)
    if not asked.entity.has_stage_history:
        return Costs(alone, without_history=f"The portal gives no stage history of {asked.entity.plural}.")
    histories = requests(total, portal)
    with_history = calls(asked.fields, total, portal, beside=histories)
    if not purse.affords(with_history):
        left = max(0, purse.left + histories - with_history)
        return Costs(
            alone,
            without_history=f"Stage history was not read: it takes {histories:,} requests, and {left:,} are left for "
            "it; ask for a shorter period or one funnel.",
        )
    return Costs(with_history - histories, histories)


async def read(asked: Asked, portal: Portal, purse: Purse, report: Report, *, history: bool) -> Read:
    """The records, counted in, with their histories where they are asked for and can be paid."""
    purse.take(1, 0)
    first = await watch(asked.fields, asked.conditions, portal)
    planned = costs(asked, first.total, portal, purse, history=history)
    purse.take(planned.reading + planned.history, first.total)
    if not first.total:
        return Read(Tally(asked, keep_places=False), 0)
    growing = Growing(report, 2 * first.total if planned.history else first.total)

    found = await read_steadily(
        first, lambda total: _told(asked, total, planned, portal, growing), portal, purse, beside=planned.history
    )
    told = found.value
    return Read(told.tally, found.total, found.doubt, told.gaps, told.without_history, found.seen)


async def _told(asked: Asked, total: int, planned: Costs, portal: Portal, growing: Growing) -> Reading[Told]:
    tally = Tally(asked, keep_places=planned.history > 0)
    query = RecordQuery(asked.entity, asked.conditions, select=asked.columns)
    size = await scan(query, total, portal, tally.add, growing)
    if not planned.history:
        return Reading(Told(tally, None, planned.without_history), *size)
    growing.follow()
    try:
        gaps = await read_histories(asked.entity, tally, portal, growing)
        without = "" if gaps else f"The portal has no stage history of these {asked.entity.plural}."
    except _NO_HISTORY as error:
        gaps, without = None, f"Stage history could not be read: {error.message} [{error.code}]"
    return Reading(Told(tally, gaps, without), *size)
