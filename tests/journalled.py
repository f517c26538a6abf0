"""Operations as tests of the journal write them, and what any journal would answer about them."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Operation, State
from bitrix24_mcp.journal.store import StoredJournal

PORTAL = "portal.example"
MADE_AT = datetime(2026, 7, 15, 9, 0, tzinfo=UTC)
PORTALS = (PORTAL, "other.example", "третий.рф")
CHANGED = Entry(
    "update",
    "deals",
    5,
    {"title": "Кирпич", "opportunity": 100.5},
    {"title": "Brick", "opportunity": 100},
    sent_at=MADE_AT,
)


def operation(
    *entries: Entry,
    portal: str = PORTAL,
    client: str = "Claude Desktop",
    made_at: datetime = MADE_AT,
    undoes: int | None = None,
    number: int = 0,
) -> Operation:
    """An operation of a person's assistant, of one entry if none are given."""
    return Operation(portal, 7, client, "update_items", entries or (CHANGED,), made_at, undoes, number)


def in_states(*states: State) -> tuple[Entry, ...]:
    return tuple(replace(CHANGED, state=state) for state in states)


async def kept(journal: StoredJournal, number: int) -> Operation:
    found = await journal.operation(number)
    assert found is not None
    return found


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


class Model:
    """A journal in memory, as simple as it can be."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []

    def begin(self, begun: Operation) -> int:
        number = len(self._operations) + 1
        self._operations.append(replace(begun, number=number))
        return number

    def change(self, number: int, entries: Mapping[int, Entry]) -> None:
        old = self._operations[number - 1]
        new = tuple(entries.get(place, entry) for place, entry in enumerate(old.entries))
        self._operations[number - 1] = replace(old, entries=new)

    def answers(self) -> list[Any]:
        """What a journal says to every question, each figure and text exactly."""
        newest = self._operations[::-1]
        opened = [each for each in self._operations if any(entry.state in OPEN for entry in each.entries)]
        return [
            repr(self._operations),
            [repr([each for each in newest if each.portal == portal][:2]) for portal in PORTALS],
            repr(newest[:3]),
            [repr([each for each in opened if each.portal == portal]) for portal in PORTALS],
            repr(opened[::-1][:2]),
            [self._undone_by(each.number) for each in self._operations],
        ]

    def _undone_by(self, number: int) -> int | None:
        return max((each.number for each in self._operations if each.undoes == number), default=None)


async def answers(journal: StoredJournal, count: int) -> list[Any]:
    """What a journal of so many operations says to every question, in the order of the model."""
    operations = [await journal.operation(number) for number in range(1, count + 1)]
    return [
        repr(operations),
        [repr(await journal.latest(portal, 2)) for portal in PORTALS],
        repr(await journal.latest_of_all(3)),
        [repr(await journal.open(portal)) for portal in PORTALS],
        repr(await journal.latest_open(2)),
        [await journal.undone_by(number) for number in range(1, count + 1)],
    ]


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_RECORDS = st.dictionaries(st.text(max_size=4), _JSON, max_size=3)
_MOMENTS = st.integers(0, 10**15).map(lambda passed: MADE_AT + timedelta(microseconds=passed))
ENTRIES = st.builds(
    Entry,
    action=st.sampled_from(["create", "update", "delete", "start", "terminate", "complete"]),
    entity=st.text(max_size=8),
    record_id=st.none() | st.integers() | st.text(max_size=4),
    values=_RECORDS,
    before=_RECORDS,
    after=_RECORDS,
    mark=st.text(max_size=4),
    state=st.sampled_from(["planned", "sent", "done", "refused", "unknown", "not done"]),
    said=st.text(max_size=20),
    sent_at=st.none() | _MOMENTS,
    answered_at=st.none() | _MOMENTS,
)
OPERATIONS = st.builds(
    Operation,
    portal=st.sampled_from(PORTALS),
    user_id=st.none() | st.integers(1, 10**9),
    client=st.text(max_size=8),
    tool=st.text(max_size=8),
    entries=st.lists(ENTRIES, max_size=4).map(tuple),
    made_at=_MOMENTS,
    undoes=st.none() | st.integers(1, 4),
)


def states(found: Sequence[Operation]) -> list[list[State]]:
    return [[entry.state for entry in each.entries] for each in found]
