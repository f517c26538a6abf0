"""What all generators share: sizes, the clock, chance, and who may own records."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from bitrix24_mcp.demo.times import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bitrix24_mcp.demo.values import Column

DAY = 86_400
NOW_SECONDS = int(NOW.timestamp())
LAST_CHANGE_SECONDS = NOW_SECONDS - 30
"""Nobody has changed a record since then, so whoever watches for changes from now on sees only new ones."""
FIRST_SECONDS = int(datetime(2023, 7, 17, 6, 0, tzinfo=UTC).timestamp())

Row = dict[str, "Column"]
_Choice = TypeVar("_Choice")


class Dice(random.Random):
    """Chance built on `random()` alone, whose sequence is the same in every Python version."""

    def pick(self, choices: Sequence[_Choice]) -> _Choice:
        """One of the choices."""
        return choices[int(self.random() * len(choices))]

    def often(self, share: float) -> bool:
        """True in this share of the calls."""
        return self.random() < share

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))


@dataclass(slots=True)
class World:
    """One portal to be made."""

    deals: int
    seed: int
    deal_ids: list[int] = field(default_factory=list[int])

    def dice(self, purpose: str) -> Dice:
        """Chance of its own for one purpose, so that a change elsewhere does not shift it."""
        return Dice(f"{self.seed}/{purpose}")

    def scaled(self, share: float, least: int) -> int:
        """How many records an entity has beside the deals."""
        return max(least, round(self.deals * share))

    @property
    def leads(self) -> int:
        """Leads have the ids 1 to this."""
        return self.scaled(1 / 3, 60)

    @property
    def contacts(self) -> int:
        """Contacts have the ids 1 to this."""
        return self.scaled(1 / 2, 60)

    @property
    def companies(self) -> int:
        """Companies have the ids 1 to this."""
        return self.scaled(5 / 24, 40)

    @property
    def quotes(self) -> int:
        """Quotes have the ids 1 to this."""
        return self.scaled(3 / 40, 20)

    @property
    def invoices(self) -> int:
        """Invoices have the ids 1 to this."""
        return self.scaled(1 / 8, 30)


def iso(seconds: int) -> str:
    """Seconds as the database keeps a moment."""
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}Z"  # five times as fast as strftime


def iso_day(seconds: int) -> str:
    """The day of these seconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:10]


def spread(dice: Dice, number: int, total: int) -> int:
    """The moment record `number` of `total` was created: ascending days, mostly in office hours of Moscow."""
    share = (number + dice.random()) / total
    moment = FIRST_SECONDS + int(share * (NOW_SECONDS - FIRST_SECONDS))
    day = moment - moment % DAY
    second = dice.between(0, DAY - 1) if dice.often(0.06) else dice.between(6 * 3600, 16 * 3600)
    return min(day + second, NOW_SECONDS - dice.between(60, 5400))


def money(dice: Dice, top: int) -> float:
    """An amount with kopecks, small ones more often than large ones, about 3 % nothing at all."""
    if dice.often(0.03):
        return 0.0
    share = dice.random()
    kopecks = int(share * share * share * top * 100) + 250_000
    return (kopecks if dice.often(0.6) else kopecks - kopecks % 10_000) / 100
