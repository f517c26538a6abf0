"""What was written, before it is sent and after it is answered: the journal that any storage can keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from bitrix24_mcp.crm.portal_changes import Action
from bitrix24_mcp.crm.portal_values import Record, RecordId

State = Literal["planned", "sent", "done", "refused", "unknown", "not done"]
"""`planned`: not sent yet; `sent`: no answer yet, or the program ended before it came; `unknown`: no answer will come;
`not done`: looked up later, and the portal does not have it."""
OPEN: frozenset[State] = frozenset({"sent", "unknown"})
"""States in which nobody knows yet whether the portal carried it out."""


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of an operation: what was asked, what the record was before and is after, what became of it.

    `record_id`: None of a record that is to be created until its id is known. `values` as they were sent. `mark`: the
    word by which a created record can be found again; empty where its kind has no field for one.
    `before` and `after` hold the fields concerned as stored; of what is created or deleted, the whole record. While its
    fate is open, `before` also holds fields that may change along with them.
    `said`: the error's message and code. `sent_at`, `answered_at`: None = it did not come to that.
    """

    action: Action
    entity: str
    record_id: RecordId | None
    values: Mapping[str, Any]
    before: Record = field(default_factory=_nothing)
    after: Record = field(default_factory=_nothing)
    mark: str = ""
    state: State = "planned"
    said: str = ""
    sent_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One confirmed piece of work: who asked for it through which tool, on which portal, and its entries.

    `undoes`: the number of the operation that it reverses. `number` 0 = not kept yet.
    """

    portal: str
    user_id: int | None
    client: str
    tool: str
    entries: tuple[Entry, ...]
    made_at: datetime
    undoes: int | None = None
    number: int = 0


class Journal(Protocol):
    """What keeps operations. Every method raises PortalError when what keeps them cannot be used.

    What a method was given is kept for good when it returns, whatever happens to the program then.
    """

    def now(self) -> datetime:
        """The present moment by this machine's clock, aware."""
        ...

    async def begin(self, operation: Operation) -> int:
        """Keeps a new operation with its entries and gives its number."""
        ...

    async def change(self, number: int, entries: Mapping[int, Entry]) -> None:
        """Puts these in the place of entries of an operation, by their place in it, all or none."""
        ...

    async def learn(self, number: int, entries: Mapping[int, Entry]) -> None:
        """The same for what was found out by looking up: an entry that is not open any more stays as it is."""
        ...

    async def operation(self, number: int) -> Operation | None:
        """The operation with all its entries; None when there is none of that number."""
        ...

    async def latest(self, portal: str, count: int) -> Sequence[Operation]:
        """The latest operations on a portal, newest first."""
        ...

    async def open(self, portal: str) -> Sequence[Operation]:
        """The operations on a portal that have entries in a state of OPEN, oldest first."""
        ...

    async def undone_by(self, number: int) -> int | None:
        """The number of the latest operation that reverses this one; None when none does."""
        ...
