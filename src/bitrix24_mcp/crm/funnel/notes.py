"""What a reader has to know about a report: doubts first, then what could not be told."""

from collections.abc import Iterator

from bitrix24_mcp.crm.funnel.question import Asked
from bitrix24_mcp.crm.funnel.reading import Read
from bitrix24_mcp.crm.funnel.tally import FunnelTally
from bitrix24_mcp.crm.reading.steadiness import incomplete

_CLOSED = "closed"
"""The field of deals, quotes and invoices that holds whether they are over."""


def notes_on(asked: Asked, found: Read) -> Iterator[str]:
    """The sentences of the note."""
    if found.doubt:
        yield incomplete(found.doubt)
    if not found.total:
        yield "No record matches."
        return
    yield from _on_conversion(asked, found)
    yield from _on_stages(asked, found)
    if not asked.moved_field:
        yield (
            f"The portal keeps no moment of the last stage change of {asked.entity.plural}: how long they have been "
            "in their stage, and which are stuck, is not known."
        )
    if count := found.tally.untimed:
        yield (
            "Records in progress without the moment of their last stage change, which are left out of the times and of "
            f"stuck: {count:,}."
        )
    yield from _on_history(found)


def _on_conversion(asked: Asked, found: Read) -> Iterator[str]:
    conditions = {each.field for each in asked.conditions}
    if conditions & {asked.outcome_field, _CLOSED}:
        yield "The filter asks for an outcome, so conversion says nothing."
    elif asked.stage_field in conditions:
        yield "The filter asks for stages, so conversion says nothing."
    elif any(map(_early, found.tally.funnels.values())):
        yield "Much of it is still in progress, so conversion will rise: judge by win_rate, or by an older period."


def _early(funnel: FunnelTally) -> bool:
    """Whether most of a funnel is still to be won or lost, while some of it is already."""
    closed = funnel.count("won") + funnel.count("lost")
    return closed > 0 and 2 * funnel.count("in progress") > funnel.entered


def _on_stages(asked: Asked, found: Read) -> Iterator[str]:
    known = {(each.funnel, each.code) for each in asked.stages}
    gone = [
        stage
        for number, funnel in found.tally.funnels.items()
        for code, stage in funnel.stages.items()
        if (number, code) not in known
    ]
    if count := sum(stage.records for stage in gone):
        yield f"Records in a stage or funnel that the portal does not show: {count:,}."
    if count := sum(stage.outcomes[""] for stage in gone):
        yield f"Those of them whose outcome is not known: {count:,}."


def _on_history(found: Read) -> Iterator[str]:
    if found.without_history:
        yield found.without_history
    if found.gaps and found.gaps.broken:
        yield (
            "Records whose stage history is empty or does not end at their present stage, so that reached and stays "
            f"miss steps of theirs: {found.gaps.broken:,}."
        )
    if found.gaps and found.gaps.elsewhere:
        yield (
            f"Records that were in another funnel before, whose steps there are not counted: {found.gaps.elsewhere:,}."
        )
