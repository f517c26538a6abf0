"""What each caller knows of what it has written: the word of the server, to be held against the portal's."""

from dataclasses import dataclass, field
from typing import Literal

Fate = Literal["previewed", "asked", "acknowledged", "refused", "unknown"]
"""`previewed`: never confirmed; `asked`: confirmed, and no answer came; `acknowledged`: told that it is done;
`refused`: told that nothing was written; `unknown`: told that nobody knows."""
DOUBTFUL: frozenset[Fate] = frozenset({"asked", "unknown"})


@dataclass(slots=True)
class Write:
    """One write of one record, which carries `mark` in its comments, and `amount`. `record`: its id, once known."""

    mark: str
    action: Literal["create", "update"]
    amount: int
    record: int | None = None
    fate: Fate = "previewed"
    code: str = ""


@dataclass(slots=True)
class Ledger:
    """One caller's writes, and what it was told that was not its own, or not so (`foreign`, `wrong`)."""

    name: str
    person: str
    writes: list[Write] = field(default_factory=list[Write])
    held: dict[int, Write] = field(default_factory=dict[int, Write])
    """By id the latest write of each record whose state is surely known."""
    listed: set[int] = field(default_factory=set[int])
    """Ids of the records that its operations were listed with."""
    counted: int | None = None
    """How many records it was told last that it has."""
    foreign: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])

    @property
    def title(self) -> str:
        """How the titles of all its records begin, and nobody else's."""
        return f"team {self.name}-"

    def begin(self, action: Literal["create", "update"], record: int | None = None) -> Write:
        """A new write with a mark of its own."""
        number = len(self.writes) + 1
        write = Write(f"{self.title}{number:04}", action, number, record)
        self.writes.append(write)
        return write

    def settle(self, write: Write, fate: Fate, record: int | None = None, code: str = "") -> None:
        """Notes what was told of a write. Of a record that was perhaps changed nothing is known any more."""
        write.fate, write.code = fate, code
        write.record = record or write.record
        if fate == "acknowledged" and write.record is not None:
            self.held[write.record] = write
        if fate in DOUBTFUL and write.record is not None:
            self.held.pop(write.record, None)

    @property
    def created(self) -> int:
        """How many records it was told to have made."""
        return sum(each.action == "create" and each.fate == "acknowledged" for each in self.writes)

    @property
    def perhaps_created(self) -> int:
        """How many more there may be."""
        return sum(each.action == "create" and each.fate in DOUBTFUL for each in self.writes)

    @property
    def amount(self) -> int | None:
        """What the amounts of its records add up to; None where one is in doubt."""
        if any(each.fate in DOUBTFUL for each in self.writes):
            return None
        return sum(each.amount for each in self.held.values())
