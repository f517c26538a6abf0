"""Records that lie too long in an open stage: how many, of the period asked for and of any age, and their filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError
from bitrix24_mcp.crm.filters.conjunction import as_filter, conjoin
from bitrix24_mcp.crm.filters.syntax import MAX_VALUES
from bitrix24_mcp.crm.funnel.question import Asked
from bitrix24_mcp.crm.funnel.tally import Tally
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.crm.reading.spending import Purse


@dataclass(frozen=True, slots=True)
class Stuck:
    """`block` as an answer shows it, None where no times are known; `missing` says what of it could not be told."""

    block: dict[str, Any] | None = None
    missing: str = ""


async def find_stuck(asked: Asked, tally: Tally, portal: Portal, purse: Purse, until: float) -> Stuck:
    """The stuck records of the period, as they were read, and those of any age, which one request counts.

    The second is left out when it cannot be paid, is refused, or takes longer than `until`, a time of anyio's clock.
    """
    if not asked.moved_field:
        return Stuck()
    by_outcome = not tally.unsaid
    listed = _conditions(asked, asked.conditions, by_outcome=by_outcome)
    block = {
        "days": asked.stuck_days,
        "records": sum(stage.stuck for funnel in tally.funnels.values() for stage in funnel.stages.values()),
        "filter": None if listed is None else as_filter(listed),
    }
    everywhere = of_any_age(asked, by_outcome=by_outcome)
    if everywhere is None:
        return Stuck(block)
    count = await _counted(asked, everywhere, portal, purse, until)
    if isinstance(count, str):
        return Stuck(block, f"How many are stuck of any age was not counted: {count}")
    return Stuck({**block, "of_any_age": {"records": count, "filter": as_filter(everywhere)}})


def of_any_age(asked: Asked, *, by_outcome: bool) -> tuple[Condition, ...] | None:
    """What the stuck records have in common without the period of creation.

    None where no filter says it, or where the question has no period. `by_outcome`: every record says itself whether
    it is in progress; else its stage tells.
    """
    return _conditions(asked, asked.ageless, by_outcome=by_outcome) if asked.created and asked.moved_field else None


def _conditions(asked: Asked, conditions: Sequence[Condition], *, by_outcome: bool) -> tuple[Condition, ...] | None:
    ids = {None, *(funnel.id for funnel in asked.funnels)}
    open_stages = tuple(each.code for each in asked.stages if not each.semantics and each.funnel in ids)
    if by_outcome and asked.outcome_field:
        still_open = Condition(asked.outcome_field, "eq", "P")
    elif 0 < len(open_stages) <= MAX_VALUES:
        still_open = Condition(asked.stage_field, "in", open_stages)
    else:
        return None
    longer = Condition(asked.moved_field, "lt", dates.written(asked.stuck_before))
    try:
        return conjoin((*conditions, still_open, longer))
    except InvalidArguments:  # the question itself leaves out whatever is in progress
        return None


async def _counted(
    asked: Asked, conditions: Sequence[Condition], portal: Portal, purse: Purse, until: float
) -> int | str:
    """How many there are, or a sentence on why that is not known."""
    if not purse.affords(1):
        return "no request was left for it."
    purse.take(1, 0)
    with anyio.CancelScope(deadline=until):
        try:
            return await portal.count(asked.entity, conditions)
        except PortalError as error:
            return f"{error.message} [{error.code}]"
    return "no time was left for it."
