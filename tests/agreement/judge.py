"""Whether the portal's database, the journal and the answers tell the same of every write."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from agreement.held import holds
from agreement.kinds import BY_ENTITY
from agreement.noted import FINAL, Noted, noted
from agreement.trial import Told, Trial
from agreement.troubles import SURE, Circumstances
from agreement.witness import Event

Key = tuple[int, int]
_UNREAD = "could not be read"


class Judge:
    """Looks at all three sources after each step. `events`: what each entry of the journal did in the portal."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._seen = trial.witness.latest()
        self._sent = 0
        self._known: Mapping[Key, Noted] = {}
        self.events: dict[Key, list[Event]] = {}
        self.held: dict[Key, bool] = {}
        """Whether a record held what was to be written before; of updates that changed nothing."""
        self.untaken: dict[Key, Sequence[str]] = {}
        """The fields of which the caller was told that they do not hold what was sent."""

    @property
    def entries(self) -> Sequence[Noted]:
        """The journal as it was last looked at."""
        return list(self._known.values())

    def of_operation(self, number: int) -> Sequence[Noted]:
        """The entries of one operation."""
        return [each for each in self._known.values() if each.operation == number]

    def look(self, told: Told | None = None, around: Circumstances | None = None) -> Sequence[Noted]:
        """Holds the sources against each other, and gives the entries of the operation that has begun since."""
        entries = noted(self._trial.folder)
        events = self._trial.witness.events(self._seen)
        new = [each for each in entries if each.key not in self._known]
        assert len({each.operation for each in new}) <= 1, "one call began several operations"
        self._seen = self._trial.witness.latest()
        self._attribute(events, new)
        self._check_finality(entries)
        self._known = {each.key: each for each in entries}
        self._check_requests(around)
        if told is not None:
            self._check_answer(told, new)
        for entry in entries:
            self._check_entry(entry)
        return new

    def neither_nor(self, entry: Noted) -> bool:
        """Whether a record holds neither what an update sent nor what it held before: then nobody can tell."""
        row = self._trial.witness.rows(_table(entry)).get(entry.record_id or 0)
        if row is None:
            return True
        untouched = all(holds(name, row[name], entry.before.get(name)) for name in entry.values)
        return bool(_missing(entry, row)) and not untouched

    def _attribute(self, events: Sequence[Event], new: Sequence[Noted]) -> None:
        """Every change in the portal belongs to one entry of the operation that has just been carried out."""
        for entry in new:
            self.events[entry.key] = []
        for event in events:
            owners = [each for each in new if _is_of(event, each)]
            assert owners, f"written, and not in the journal: {event}"
            owner = min(owners, key=lambda each: len(self.events[each.key]))
            self.events[owner.key].append(event)
        for entry in new:
            if entry.action == "update":
                row = self._trial.witness.rows(_table(entry)).get(entry.record_id or 0, {})
                self.held[entry.key] = _missing(entry, row) == []

    def _check_finality(self, entries: Sequence[Noted]) -> None:
        for entry in entries:
            before = self._known.get(entry.key)
            if before is not None and before.state in FINAL:
                assert entry == before, f"what was settled changed again: {before} is now {entry}"

    def _check_entry(self, entry: Noted) -> None:
        """What the journal says of an entry is what the portal's database shows of it."""
        events = self.events[entry.key]
        match entry.state:
            case "planned" | "refused":
                assert not events, f"{entry.state}, and yet written: {entry} did {events}"
            case "not done":  # what a rule of the portal undid at once has left nothing to be found
                assert not any(each.deed != "update" or self._left(each) for each in events), (entry, events)
            case "done":
                self._check_done(entry, events)
            case _:
                assert len(events) <= 1 or entry.action == "update", f"written twice: {entry} did {events}"

    @staticmethod
    def _left(event: Event) -> set[str]:
        """What a change has left in the record, besides what the portal writes itself."""
        return {*event.changed} - next(kind.own for kind in BY_ENTITY.values() if kind.table == event.table)

    def _check_done(self, entry: Noted, events: Sequence[Event]) -> None:
        if entry.action == "update":
            assert events or self.held[entry.key], f"done, and yet not written: {entry}"
            if events:
                self._check_values(entry, events)
            return
        assert len(events) == 1, f"done, and yet written {len(events)} times: {entry} did {events}"
        assert entry.written == events[0].key, f"noted under another id: {entry} did {events}"
        if entry.action == "create":
            self._check_values(entry, events)

    def _check_values(self, entry: Noted, events: Sequence[Event]) -> None:
        """The record held all that was sent, but for what the journal itself notes otherwise."""
        missing = _missing(entry, events[-1].after)
        admitted = [name for name in missing if name in entry.after and entry.after[name] != entry.values[name]]
        assert missing == admitted, f"done, and yet these do not hold it: {missing} of {entry}, which did {events[-1]}"
        for earlier, later in pairwise(events):
            again = {name for name in later.changed if name in entry.values}
            assert again <= set(_missing(entry, earlier.after)), f"written twice: {entry} did {events}"

    def _check_requests(self, around: Circumstances | None) -> None:
        """Nothing was sent before the journal had it, and nothing again that may have been carried out."""
        sent = self._trial.requests.sent[self._sent :]
        self._sent += len(sent)
        early = [each.demand for each in sent if each.entry is None]
        assert not early, f"sent before the journal had it: {early}"
        if around is None or not {each.kind for each in around.troubles} & SURE:
            for key in {each.entry.key for each in sent if each.entry}:
                entries = [each.entry for each in sent if each.entry and each.entry.key == key]
                assert _sent_rightly(entries), f"sent {len(entries)} times: {entries}"

    def _check_answer(self, told: Told, new: Sequence[Noted]) -> None:
        """The caller was told what the journal holds at that moment."""
        assert told.code != "INTERNAL", f"the server failed: {told}"
        if told.given_up:
            return
        if told.error:
            assert all(each.state == "refused" for each in new), f"an error, and yet: {told} {new}"
            assert not new or f"operation {new[0].operation}." in str(told.error["message"]), f"{told} {new}"
            return
        _check_counts(told.content, new)
        for problem in told.content.get("problems", ()):
            self._check_problem(problem, new)
        self._check_taken(told, new)

    def _check_problem(self, problem: Mapping[str, Any], new: Sequence[Noted]) -> None:
        """What is said not to have been taken was not, and what is said to be open or refused is."""
        which = problem.get("id", problem.get("item"))
        found = [each for each in new if which == (each.record_id if "id" in problem else each.place + 1)]
        assert len(found) == 1, f"{problem} of one record belongs to {found}"
        [entry] = found
        if "fields" not in problem:
            assert problem["what"] == ("unknown" if entry.open else "not done"), f"{problem} {entry}"
            return
        row = self._trial.witness.rows(_table(entry))[entry.record_id or 0]
        assert entry.state == "done", f"{problem} {entry}"
        self.untaken[entry.key] = problem["fields"]
        wrong = set(problem["fields"]) ^ set(_missing(entry, row))
        wrong -= {name for name in problem["fields"] if row.get(name) == 0}  # emptied as far as REST can
        assert not wrong, f"{problem}, and {wrong} says otherwise in {row}"

    def _check_taken(self, told: Told, new: Sequence[Noted]) -> None:
        """Every field that a record does not hold is named, unless the answer says that it could not be read."""
        told_of = {each.get("id") for each in told.content.get("problems", ()) if "fields" in each}
        for entry in new:
            if entry.state == "done" and entry.action in {"create", "update"} and entry.record_id not in told_of:
                row = self._trial.witness.rows(_table(entry)).get(entry.record_id or 0, {})
                missing = _missing(entry, row)
                assert not missing or _UNREAD in str(told.content.get("note")), f"{missing} of {entry} unsaid: {told}"


def _sent_rightly(entries: Sequence[Noted]) -> bool:
    """Whether a change was sent once, and after that only fields which the portal had not taken, fewer each time."""
    first, *others = entries
    return first.open and all(each.state == "done" for each in others) and len(others) <= len(first.values)


def _check_counts(content: Mapping[str, Any], new: Sequence[Noted]) -> None:
    if "preview" in content:
        assert not new, f"only a preview, and yet: {new}"
        return
    states = Counter(each.state for each in new)
    counted = (
        states["done"],
        states["refused"] + states["not done"],
        states["unknown"] + states["sent"],
        states["planned"],
    )
    assert tuple(content.get(name, 0) for name in ("done", "refused", "unknown", "not_sent")) == counted, (content, new)
    assert content.get("ids", []) == [each.written for each in new if each.state == "done"], (content, new)
    assert content.get("operation") == (new[0].operation if new else None), (content, new)
    problems = content.get("problems", ())
    assert sum("fields" not in each for each in problems) == counted[1] + counted[2], (content, new)


def _missing(entry: Noted, row: Mapping[str, Any]) -> list[str]:
    return [name for name, value in entry.values.items() if not holds(name, row.get(name), value)]


def _table(entry: Noted) -> str:
    return BY_ENTITY[entry.entity].table


def _is_of(event: Event, entry: Noted) -> bool:
    """Whether a change in the portal is what an entry asked for."""
    if entry.action in {"start", "terminate"}:
        deed = "create" if entry.action == "start" else "delete"
        on = event.deed == deed and event.table == "workflows"
        if entry.action == "terminate":
            return on and event.key == entry.record_id
        return on and str(event.after["DOCUMENT_ID"]).endswith(f"_{entry.record_id}")
    if (event.deed, event.table) != (entry.action, _table(entry)):
        return False
    if entry.action != "create":
        return event.key == entry.record_id
    name = BY_ENTITY[entry.entity].name
    return event.after[name] == entry.values[name]
