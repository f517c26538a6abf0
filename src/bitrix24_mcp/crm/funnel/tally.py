"""Records counted as they are read: by funnel, by stage, by outcome; how old in their stage, and for how much won."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from typing import Any, Literal

from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.figures.measures import value_reader
from bitrix24_mcp.crm.funnel.question import Asked
from bitrix24_mcp.crm.metadata import Stage
from bitrix24_mcp.crm.portal_values import Record

Outcome = Literal["in progress", "won", "lost"]
_OUTCOMES: Mapping[str, Outcome] = {"P": "in progress", "S": "won", "F": "lost"}


@dataclass(slots=True)
class StageTally:
    """One stage: its records by outcome, "" where that is not known; times in seconds.

    `ages`: since the records in progress came to it. From the stage history: how many records ever `reached` it, and
    the `stays` that are over.
    """

    outcomes: Counter[Outcome | Literal[""]] = field(default_factory=Counter[Outcome | Literal[""]])
    ages: list[int] = field(default_factory=list[int])
    stuck: int = 0
    reached: int = 0
    stays: list[int] = field(default_factory=list[int])

    @property
    def records(self) -> int:
        """The records that are in it."""
        return self.outcomes.total()


@dataclass(slots=True)
class FunnelTally:
    """One funnel: its stages by code, those with records at least, and the amounts won by currency."""

    stages: dict[str, StageTally] = field(default_factory=dict[str, StageTally])
    won: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    def stage(self, code: str) -> StageTally:
        """The stage's tally."""
        return self.stages.setdefault(code, StageTally())

    def count(self, outcome: Outcome) -> int:
        """The records with this outcome."""
        return sum(stage.outcomes[outcome] for stage in self.stages.values())

    @property
    def entered(self) -> int:
        """All its records."""
        return sum(stage.records for stage in self.stages.values())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is: its funnel, None if it is in none or that is not known, and the code of its stage."""

    funnel: int | None
    stage: str


class Tally:
    """The records read so far, by funnel; `places` by their ids, where those are kept.

    `untimed` are records in progress without the moment of their last move; `unsaid` those that do not say their
    outcome themselves.
    """

    def __init__(self, asked: Asked, *, keep_places: bool) -> None:
        self._asked = asked
        self._keep_places = keep_places
        self._amount = value_reader(asked.money[0], asked.fields)
        self.known: dict[tuple[int | None, str], Stage] = {(each.funnel, each.code): each for each in asked.stages}
        self.funnels: dict[int | None, FunnelTally] = {each.id: FunnelTally() for each in asked.funnels}
        if not asked.entity.has_funnels:
            self.funnels[None] = FunnelTally()
        self.places: dict[int, Place] = {}
        self.untimed = 0
        self.unsaid = 0

    def add(self, rows: Iterable[Record]) -> None:
        """Counts a page of records."""
        for row in rows:
            self._add(row)

    @property
    def read(self) -> int:
        """The records in all funnels."""
        return sum(funnel.entered for funnel in self.funnels.values())

    def funnel(self, number: int | None) -> FunnelTally:
        """The funnel's tally."""
        return self.funnels.setdefault(number, FunnelTally())

    def _add(self, row: Record) -> None:
        place = self._place(row)
        if self._keep_places:
            self.places[int(str(row["id"]))] = place
        funnel = self.funnel(place.funnel)
        stage, outcome = funnel.stage(place.stage), self._outcome(row, place)
        stage.outcomes[outcome] += 1
        if outcome == "won":
            amount, currency = (row.get(name) for name in self._asked.money)
            held = str(currency or "")
            funnel.won[held] = funnel.won.get(held, Decimal(0)) + (self._amount(amount) or 0)
        elif outcome == "in progress" and self._asked.moved_field:
            self._time(row.get(self._asked.moved_field), stage)

    def _time(self, moved: Any, stage: StageTally) -> None:
        moment = parse_moment(str(moved or ""), UTC)
        if moment is None:
            self.untimed += 1
            return
        stage.ages.append(max(0, int((self._asked.now - moment).total_seconds())))
        stage.stuck += moment < self._asked.stuck_before

    def _place(self, row: Record) -> Place:
        stage = str(row.get(self._asked.stage_field) or "")
        number = str(row.get(self._asked.funnel_field))
        return Place(int(number) if number.isdecimal() else _only(self._asked, stage), stage)

    def _outcome(self, row: Record, place: Place) -> Outcome | Literal[""]:
        """What the record says of itself, else what its stage means, if the funnel still has it."""
        said = row.get(self._asked.outcome_field)
        if said in _OUTCOMES:
            return _OUTCOMES[str(said)]
        self.unsaid += 1
        stage = self.known.get((place.funnel, place.stage))
        return meaning(stage) if stage else ""


def meaning(stage: Stage) -> Outcome:
    """What a stage means for its records."""
    return _OUTCOMES[stage.semantics or "P"]


def _only(asked: Asked, stage: str) -> int | None:
    """The funnel of a record that does not name it: the only one, or the only one with that stage."""
    ids: Sequence[int | None] = [funnel.id for funnel in asked.funnels]
    if len(ids) != 1:
        ids = [each.funnel for each in asked.stages if each.code == stage]
    return ids[0] if len(ids) == 1 else None
