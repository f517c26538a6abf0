"""Figures while they grow: one cell for each group, added up in exact decimals."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

Key = tuple[Hashable, ...]
EXACT = Context(prec=80)
"""Digits enough to add amounts of any size to the last decimal."""


@dataclass(slots=True)
class Tally:
    """The figures of one field: how many values it holds, their sum, the least and the greatest."""

    filled: int = 0
    added: Decimal = Decimal(0)
    least: Any = None
    most: Any = None

    def take(self, value: Any, *, numeric: bool) -> None:
        """Adds one value that is not empty."""
        self.filled += 1
        if numeric:
            self.added = EXACT.add(self.added, value)
        self._reach(value, value)

    def join(self, other: "Tally") -> None:
        """Adds the values of another tally."""
        self.filled += other.filled
        self.added = EXACT.add(self.added, other.added)
        self._reach(other.least, other.most)

    def _reach(self, least: Any, most: Any) -> None:
        if least is not None and (self.least is None or least < self.least):
            self.least = least
        if most is not None and (self.most is None or most > self.most):
            self.most = most


@dataclass(slots=True)
class Cell:
    """The figures of one group: its records, and a tally for each measured field."""

    count: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])

    def tally(self, name: str) -> Tally:
        """The tally of a field."""
        return self.tallies.setdefault(name, Tally())

    def join(self, other: "Cell") -> None:
        """Adds another cell's records."""
        self.count += other.count
        for name, tally in other.tallies.items():
            self.tally(name).join(tally)


class Table:
    """Cells by group key."""

    def __init__(self, cells: dict[Key, Cell] | None = None) -> None:
        self.cells: dict[Key, Cell] = cells or {}

    def cell(self, key: Key) -> Cell:
        """The group's cell."""
        found = self.cells.get(key)
        if found is None:
            found = self.cells[key] = Cell()
        return found

    @property
    def count(self) -> int:
        """The records in all cells."""
        return sum(cell.count for cell in self.cells.values())
