"""Whether reversing an operation put every record back exactly as it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from agreement.held import alike
from agreement.judge import Judge
from agreement.kinds import BY_ENTITY
from agreement.noted import Noted
from agreement.witness import Row, Witness


def check_reversed(new: Sequence[Noted], judge: Judge, witness: Witness) -> None:
    """Holds each record that an undo reversed against what it was before the operation, column by column."""
    for entry in new:
        if entry.undoes is not None and entry.state == "done":
            [origin] = [each for each in judge.of_operation(entry.undoes) if each.record_id == entry.record_id]
            row = witness.rows(BY_ENTITY[entry.entity].table).get(entry.record_id or 0)
            if origin.action == "create":
                assert row is None, f"reversed, and still there: {row}"
            else:
                _check_restored(origin, row or {}, judge, entry)


def _check_restored(origin: Noted, row: Row, judge: Judge, entry: Noted) -> None:
    did, undid = judge.events[origin.key], judge.events[entry.key]
    if not did:
        return
    expected = dict(undid[0].before if undid else row)
    expected |= {name: value for name, value in did[0].before.items() if value != did[-1].after[name]}
    untaken = {name for name, value in entry.values.items() if value is None and entry.after.get(name) == 0}
    wrong = differing(origin.entity, expected, row).keys() - {*judge.untaken.get(entry.key, ()), *untaken}
    assert not wrong, f"operation {entry.operation} did not restore {wrong} of {origin.entity} {origin.record_id}"


def reversible(entries: Sequence[Noted], chosen: Sequence[Noted], judge: Judge, witness: Witness) -> str | None:
    """What an undo of these must answer: "" where it reverses them, else its code; None where that is not certain."""
    if entries[0].action not in {"create", "update"}:
        return "CANNOT_UNDO"
    if any(each.open for each in entries):
        return None
    if not chosen:
        return "CANNOT_UNDO"
    found = [moved(each, judge, witness) for each in chosen]
    if None in found or any(found):
        return "RECORD_MOVED_ON"
    own = BY_ENTITY[entries[0].entity].own
    return None if entries[0].action == "create" and own else ""


def moved(entry: Noted, judge: Judge, witness: Witness) -> list[str] | None:
    """What has changed of a record since an entry was carried out, of an update only what that changed.

    None when the record is gone.
    """
    events = judge.events[entry.key]
    row = witness.rows(BY_ENTITY[entry.entity].table).get(entry.record_id or 0)
    if row is None:
        return None
    if not events:
        return []
    after = events[-1].after
    wrong = differing(entry.entity, after, row)
    if entry.action == "create":
        return list(wrong)
    changed = {name for name, value in events[0].before.items() if value != after[name]}
    return [name for name in wrong if name in changed]


def differing(entity: str, expected: Row, row: Row) -> Mapping[str, Any]:
    """The columns that differ, with what they should and what they do hold, without those the portal writes itself."""
    own = BY_ENTITY[entity].own
    return {
        name: (value, row.get(name))
        for name, value in expected.items()
        if name not in own and not alike(value, row.get(name))
    }
