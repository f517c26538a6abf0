"""Carrying out a confirmed plan: journal, send, read back, journal; fifty at a time, and never the same twice.

A part that is under way is finished and noted whatever happens meanwhile; between parts it stops when it is cancelled,
when the outcome of something stays unknown, or when the key or the journal fails. What was not sent is noted as such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio.lowlevel

from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_changes import Change, Outcome
from bitrix24_mcp.crm.portal_values import Record, RecordId
from bitrix24_mcp.crm.reading.progress import Report
from bitrix24_mcp.crm.writing.along import afterwards, before_of, not_taken
from bitrix24_mcp.crm.writing.desk import By, Desk
from bitrix24_mcp.crm.writing.fate import look_up
from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Operation
from bitrix24_mcp.crm.writing.plan import Plan
from bitrix24_mcp.crm.writing.same import same

_WORDS = {"create": "created", "update": "changed", "delete": "deleted", "start": "started", "terminate": "ended",
          "complete": "completed"}  # fmt: skip
_READ_AGAIN = ("create", "update")
"""Actions after which the records hold what was sent."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a plan: its number in the journal, its entries as they are noted there.

    `not_taken`: by place, the fields that do not hold what was sent although the portal reported success; `unread`:
    the places of records of which that could not be read. `errors`: by place, why the portal refused. `note`: why it
    stopped before the end, or what else must be known.
    """

    number: int
    entries: tuple[Entry, ...]
    not_taken: Mapping[int, Sequence[str]] = field(default_factory=dict[int, Sequence[str]])
    errors: Mapping[int, PortalError] = field(default_factory=dict[int, PortalError])
    note: str = ""
    unread: frozenset[int] = frozenset()


async def execute(plan: Plan, desk: Desk, by: By, metadata: Metadata, report: Report) -> Written:
    """Carries out a plan that was confirmed, as far as it goes.

    Raises PortalError only while nothing has been sent: the journal cannot be used, or the portal does not say which
    fields there are.
    """
    fields = await metadata.fields(plan.entity) if plan.action in _READ_AGAIN else Fields(plan.entity, ())
    entries = [_entry(each, _mark(plan, place), fields) for place, each in enumerate(plan.changes)]
    identity = await metadata.identity()
    operation = Operation(
        identity.portal, identity.user_id, by.client, by.tool, tuple(entries), desk.journal.now(), plan.undoes
    )
    number = await desk.journal.begin(operation)
    run = _Run(plan, desk, metadata, number, entries)
    size = desk.writer.changes_at_once
    for start in range(0, len(entries), size):
        places = range(start, min(start + size, len(entries)))
        await desk.finishing(partial(run.part, places))
        if run.note:
            break
        await report(places.stop, len(entries), f"records {_WORDS[plan.action]}")
        await anyio.lowlevel.checkpoint()  # here a cancelled call ends
    return Written(number, tuple(run.entries), run.not_taken, run.errors, run.note, frozenset(run.unread))


class _Run:
    """One plan on its way."""

    def __init__(self, plan: Plan, desk: Desk, metadata: Metadata, number: int, entries: list[Entry]) -> None:
        self._plan = plan
        self._desk = desk
        self._metadata = metadata
        self._number = number
        self.entries = entries
        self.not_taken: dict[int, Sequence[str]] = {}
        self.unread: set[int] = set()
        self.errors: dict[int, PortalError] = {}
        self.note = ""
        self._answered: dict[int, Record] = {}

    async def part(self, places: Sequence[int]) -> None:
        """Sends these changes together and notes what became of each."""
        journal = self._desk.journal
        now = journal.now()
        sent = {place: replace(self.entries[place], state="sent", sent_at=now) for place in places}
        try:
            await journal.change(self._number, sent)
        except PortalError as error:
            self.note = f"The journal could not be written, so the rest was not sent. {error}"
            return
        self._keep(sent)
        outcomes = await self._desk.writer.send([self._plan.changes[place] for place in places])
        self._answered = _answered(places, outcomes)
        met = {place: self._met(place, outcome) for place, outcome in zip(places, outcomes, strict=True)}
        self._keep(met)
        await self._note_down(met)  # what the portal said, before anything else is asked
        self._keep(await self._read_back(met))
        await self._note_down({place: self.entries[place] for place in places})
        again = [place for place in places if place in self.not_taken]
        while again:  # as long as fewer fields are left each time: some must be sent apart from all others
            left = {place: len(self.not_taken[place]) for place in again}
            await self._once_more(again)
            await self._note_down({place: self.entries[place] for place in again})
            again = [place for place in again if 0 < len(self.not_taken.get(place, ())) < left[place]]
        self._stop_where_needed(places)

    def _keep(self, entries: Mapping[int, Entry]) -> None:
        for place, entry in entries.items():
            self.entries[place] = entry

    async def _note_down(self, entries: Mapping[int, Entry]) -> None:
        try:
            await self._desk.journal.change(self._number, entries)
        except PortalError as error:
            self.note = f"What was done could not be noted in the journal: {error}"

    def _met(self, place: int, outcome: Outcome) -> Entry:
        entry = replace(self.entries[place], answered_at=self._desk.journal.now())
        if outcome.fate == "done":
            if entry.action == "start":
                return replace(entry, state="done", after={"workflow": outcome.id})
            record_id = outcome.id if entry.action == "create" else entry.record_id
            return replace(entry, state="done", record_id=record_id, after=_after(entry, outcome.record or {}))
        said = str(outcome.error) if outcome.error else ""
        if outcome.error is not None:
            self.errors[place] = outcome.error
        return replace(entry, state="refused" if outcome.fate == "refused" else "unknown", said=said)

    async def _read_back(self, met: Mapping[int, Entry]) -> Mapping[int, Entry]:
        """The entries with what the records hold now, and with what looking up says of the unknown ones."""
        found = await look_up(met, self._desk.journal.now(), self._metadata)
        done = {
            place: entry
            for place, entry in {**met, **found}.items()
            if entry.state == "done" and entry.action in {"create", "update"} and entry.record_id is not None
        }
        records, fields = await self._records(
            [entry.record_id for entry in done.values() if entry.record_id is not None]
        )
        for place, entry in done.items():
            record = records.get(entry.record_id or 0) or self._answered.get(place, {})
            if fields is None or not entry.values.keys() <= record.keys():
                self.unread.add(place)
                continue
            self.unread.discard(place)
            found[place] = afterwards(entry, self._plan.changes[place].before, record, fields)
            self.not_taken.pop(place, None)
            if differing := not_taken(entry, record, fields) + self._moved_along(found[place], record, fields):
                self.not_taken[place] = differing
        return found

    def _moved_along(self, entry: Entry, record: Record, fields: Fields) -> list[str]:
        """Of a reversal, the dates that the portal moved along with what was put back, as the day of closing."""
        if self._plan.undoes is None:
            return []
        return [
            name
            for name, value in entry.before.items()
            if name not in entry.values and fields.kind(name) == "date"
            if not same(name, record.get(name), value, fields)
        ]

    async def _once_more(self, places: Sequence[int]) -> None:
        """Sends by themselves the fields that a portal overwrote when it took the others, as a closing date.

        That repeats nothing: the record was read, and does not hold them.
        """
        if self._plan.action != "update":
            return
        rest = [
            replace(
                self._plan.changes[place],
                values={name: _meant(name, self.entries[place]) for name in self.not_taken[place]},
            )
            for place in places
        ]
        outcomes = await self._desk.writer.send(rest)
        self._answered = _answered(places, outcomes)
        self._keep(await self._read_back({place: self.entries[place] for place in places}))
        for place, outcome in zip(places, outcomes, strict=True):
            if place in self.unread and outcome.fate == "refused":
                self.unread.remove(place)  # what was read before still holds
            elif place in self.unread:
                del self.not_taken[place]

    async def _records(self, ids: Sequence[RecordId]) -> tuple[Mapping[RecordId, Record], Fields | None]:
        """The records by id with their fields; none where they cannot be read, which does not undo what was written."""
        if not ids or self._plan.action not in _READ_AGAIN:
            return {}, None
        try:
            fields = await self._metadata.fields(self._plan.entity)
        except PortalError:
            return {}, None
        try:
            return (await self._metadata.portal.records(self._plan.entity, list(ids))).found, fields
        except PortalError:
            return {}, fields

    def _stop_where_needed(self, places: Sequence[int]) -> None:
        if self.note:
            return
        rest = len(self.entries) - places[-1] - 1
        if not rest:
            return
        if any(self.entries[place].state in OPEN for place in places):
            self.note = f"It stopped there: nobody knows what became of some. {rest} were not sent."
        elif refused := next((e for p, e in self.errors.items() if p in places and isinstance(e, KeyRefused)), None):
            self.note = f"It stopped there: {refused} {rest} were not sent."


def _entry(change: Change, mark: str, fields: Fields) -> Entry:
    before = before_of(change, fields)
    return Entry(change.action, change.entity.name, change.id, dict(change.values), before, mark=mark)


def _answered(places: Sequence[int], outcomes: Sequence[Outcome]) -> dict[int, Record]:
    """The records as the answers showed them, by place."""
    return {place: each.record for place, each in zip(places, outcomes, strict=True) if each.record is not None}


def _after(entry: Entry, record: Record) -> Record:
    """What the journal keeps of a record afterwards: all of a new one, else the fields that were changed."""
    if entry.action == "update":
        return {name: record[name] for name in entry.values if name in record}
    return record


def _meant(name: str, entry: Entry) -> Any:
    """What a field should hold: what was sent, or what it held before."""
    return entry.values[name] if name in entry.values else entry.before[name]


def _mark(plan: Plan, place: int) -> str:
    return plan.marks[place] if place < len(plan.marks) else ""


def unsent(entries: Sequence[Entry]) -> int:
    """How many of the entries were never sent."""
    return sum(entry.state == "planned" for entry in entries)
