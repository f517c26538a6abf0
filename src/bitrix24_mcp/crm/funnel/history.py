"""The stage history of records: which stages they ever reached, and how long they stayed in those that they left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.funnel.tally import Place, Tally
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.reading.progress import Report
from bitrix24_mcp.crm.reading.together import read_each


@dataclass(slots=True)
class Gaps:
    """Records whose history leaves something open.

    `broken`: it is empty, has steps that cannot be read, or does not end where the record is; `elsewhere`: it has
    steps in other funnels.
    """

    broken: int = 0
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    moment: datetime
    number: int
    place: Place


async def read_histories(entity: Entity, tally: Tally, portal: Portal, report: Report) -> Gaps | None:
    """Adds the history of every record to the tally; None when no record has any.

    Raises PortalError, the first there is, and has added nothing then.
    """
    everything = 2 * len(tally.places)
    histories: dict[int, Sequence[Record]] = {}

    async def read(record: int) -> None:
        histories[record] = _of(record, await portal.stage_history(entity, record))
        await report(len(tally.places) + len(histories), everything, "stage histories read")

    await read_each(tally.places, read, portal)
    if not any(histories.values()):
        return None
    gaps = Gaps()
    for record, rows in histories.items():
        _add(rows, tally.places[record], tally, gaps)
    return gaps


def _of(record: int, rows: Sequence[Record]) -> Sequence[Record]:
    if any(str(row.get("ownerId", record)) != str(record) for row in rows):
        raise UnexpectedAnswer(
            "The portal sent the stage history of another record.",
            advice="Ask again without history.",
            code="UNEXPECTED_ANSWER",
        )
    return rows


def _add(rows: Sequence[Record], place: Place, tally: Tally, gaps: Gaps) -> None:
    """Adds the history of one record that is at `place`.

    A stay is over with the next step to another stage. Stays in other funnels count in none.
    """
    steps = _steps(rows, place, tally)
    gaps.broken += len(steps) < len(rows) or not steps or steps[-1].place != place
    gaps.elsewhere += any(step.place.funnel != place.funnel for step in steps)
    funnel = tally.funnel(place.funnel)
    for code in {place.stage, *(step.place.stage for step in steps if step.place.funnel == place.funnel)}:
        funnel.stage(code).reached += 1
    for step, following in pairwise(_moves(steps)):
        if step.place.funnel == place.funnel:
            funnel.stage(step.place.stage).stays.append(int((following.moment - step.moment).total_seconds()))


def _steps(rows: Sequence[Record], place: Place, tally: Tally) -> list[_Step]:
    """The steps in the order in which they were made, without those that name no moment or no stage."""
    steps: list[_Step] = []
    for row in rows:
        moment = parse_moment(str(row.get("createdAt") or ""), UTC)
        if moment is not None and row.get("stageId"):
            number, stage = str(row.get("categoryId")), str(row["stageId"])
            named = place.funnel is not None and number.isdecimal()
            funnel = int(number) if named else _funnel_of(stage, place, tally)
            steps.append(_Step(moment, int(row.get("id") or 0), Place(funnel, stage)))
    return sorted(steps, key=lambda step: (step.moment, step.number))


def _funnel_of(stage: str, place: Place, tally: Tally) -> int | None:
    """The funnel of a step that does not name it: the record's own, unless the stage is known from another one."""
    known = [funnel for funnel, code in tally.known if code == stage]
    return place.funnel if place.funnel in known else next(iter(known), place.funnel)


def _moves(steps: Iterable[_Step]) -> list[_Step]:
    """The steps without those that stay where the record was."""
    moves: list[_Step] = []
    for step in steps:
        if not moves or moves[-1].place != step.place:
            moves.append(step)
    return moves
