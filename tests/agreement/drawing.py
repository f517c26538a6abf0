"""Sequences by chance: each about two kinds of records, so that what is written meets what was written before."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType

from agreement import steps
from agreement.kinds import COMMENTED, KINDS, WITH_WORKFLOWS, Kind
from agreement.troubles import FAULTS, GONE, QUIET, UNHEARD, WITHIN, Circumstances, Part, Trouble

PARTS: tuple[Part, ...] = ("write", "write", "write", "afterwards", "any")
_MANY = 60
"""Records of one call that go out in two parts."""


class Dice:
    """Draws what comes next in one sequence."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._kinds = [random.choice((KINDS[0], *KINDS[:4])), random.choice(KINDS)]

    def sequence(self) -> Sequence[steps.Step]:
        """One sequence: it begins with something new."""
        first = steps.Create(self._kinds[0], 3, self._fragments())
        return [first, *(self._step() for _ in range(self._random.randint(4, 8)))]

    def _step(self) -> steps.Step:
        [kind] = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        return _DRAWN[kind](self)

    def create(self) -> steps.Step:
        """Few records, seldom many."""
        number = self._random.choice((1, 1, 2, 3, 3, 4, 7, _MANY))
        return steps.Create(self._kind(), number, self._fragments(), self.around())

    def update(self) -> steps.Step:
        """Of one to four records."""
        return steps.Update(self._kind(), self._numbers(4), self._fragments(), self.around())

    def delete(self) -> steps.Step:
        """Of one to three records."""
        return steps.Delete(self._kind(), self._numbers(3), self.around())

    def comment(self) -> steps.Step:
        """On any record that takes comments."""
        return steps.Comment(self._random.choice(COMMENTED), self._number(), self.around())

    def start(self) -> steps.Step:
        """On any record that has workflows."""
        return steps.Start(self._random.choice(WITH_WORKFLOWS), self._number(), self.around())

    def terminate(self) -> steps.Step:
        """Of any that runs."""
        return steps.Terminate(self._number(), self._chance(0.5), self.around())

    def undo(self) -> steps.Step:
        """Of one of the latest operations."""
        return steps.Undo(self._random.choice((0, 0, 0, 1, 2, 3)), self._chance(0.3), self._chance(0.25), self.around())

    def repeat(self) -> steps.Step:
        """Of the last write."""
        return steps.Repeat(self.around())

    def passes(self) -> steps.Step:
        """Too little time to be sure, or enough."""
        return steps.Passes(self._random.choice((1, 4)))

    def around(self) -> Circumstances:
        """Mostly something goes wrong."""
        match self._random.randrange(12):
            case 0 | 1 | 2:
                return QUIET
            case 3:
                return Circumstances(meddled=True)
            case 4:
                return Circumstances(twice=True)
            case 5:
                return Circumstances(looked_up=True)
            case 6:
                return Circumstances(given_up=self._random.randint(0, GONE))
            case 7:
                return Circumstances((self._trouble(),), given_up=self._random.randint(0, GONE))
            case 8 | 9:
                return Circumstances((self._trouble(), self._trouble()))
            case _:
                return Circumstances((self._trouble(),))

    def _trouble(self) -> Trouble:
        """Often of the kind that leaves the caller in the dark."""
        [unheard] = self._random.choices(UNHEARD, (4, 4, 3, 1, 1))
        kinds = (
            unheard,
            unheard,
            self._random.choice(WITHIN),
            self._random.choice(FAULTS),
            self._random.choice(FAULTS),
        )
        part = self._random.choice(PARTS)
        after = self._random.choice((0, 0, 0, 1)) if part == "write" else self._random.randrange(4)
        return Trouble(self._random.choice(kinds), part, after, lasting=self._chance(0.2))

    def _kind(self) -> Kind:
        return self._random.choice(self._kinds)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _number(self) -> int:
        return self._random.randrange(1000)

    def _fragments(self) -> tuple[int, ...]:
        """Often such as have consequences, which stand first."""
        return tuple(
            self._random.randrange(6) if self._chance(0.4) else self._number()
            for _ in range(self._random.randint(1, 4))
        )

    def _numbers(self, most: int) -> tuple[int, ...]:
        return tuple(self._number() for _ in range(self._random.randint(1, most)))


_WEIGHTS: Mapping[str, int] = MappingProxyType(
    {"create": 5, "update": 9, "undo": 7, "delete": 3, "comment": 2, "start": 2, "terminate": 1, "repeat": 2,
     "look up": 1, "passes": 2, "restart": 1}
)  # fmt: skip
_DRAWN: Mapping[str, Callable[[Dice], steps.Step]] = MappingProxyType(
    {
        "create": Dice.create,
        "update": Dice.update,
        "undo": Dice.undo,
        "delete": Dice.delete,
        "comment": Dice.comment,
        "start": Dice.start,
        "terminate": Dice.terminate,
        "repeat": Dice.repeat,
        "look up": lambda _: steps.LookUp(),
        "passes": Dice.passes,
        "restart": lambda _: steps.Restart(),
    }
)
