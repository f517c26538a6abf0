"""What became of writes that nobody answered: looked up in the portal, which only reads.

Found is proof that a write was carried out. Not found is none while the portal may still be working on it: a request
runs for a minute at most there, and may have waited before that (docs: settings/performance/limits, docs/errors).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import anyio

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Record, RecordId
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.writing.along import afterwards
from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Journal, Operation
from bitrix24_mcp.crm.writing.made import created
from bitrix24_mcp.crm.writing.same import same
from bitrix24_mcp.crm.writing.workflow_fate import completed, ended, started

SURELY_OVER = timedelta(minutes=3)
"""After so long no portal works on a request any more."""
PATIENCE = 60.0
"""Seconds that looking up may take; what is not looked up by then stays open."""
_AGAIN = "Looked up: not in the portal yet, and it may still come; look again in 3 minutes before repeating it."
_FOUND = "No answer came; it was found by looking it up."
_NOT_THERE = "No answer came, and the portal does not have it."
_CANNOT_TELL = "No answer came, and the portal keeps nothing by which it could be told from others. Look for it there."

Look = Callable[[Mapping[int, Entry], Metadata], Awaitable[Mapping[int, Entry | None]]]
"""Gives each entry as done where the portal shows it, as it is where the portal does not have it, and None where the
portal cannot tell. All are of one action and entity."""


async def settle(journal: Journal, portal: str, metadata: Metadata) -> list[Operation]:
    """Looks up every write on a portal whose outcome is open; gives the operations with those entries, as they are now.

    What the portal does not answer stays open. Raises PortalError when the journal cannot be used.
    """
    found: list[Operation] = []
    for operation in await journal.open(portal):
        looked_up = await look_up(dict(enumerate(operation.entries)), journal.now(), metadata)
        changed = {place: each for place, each in looked_up.items() if each != operation.entries[place]}
        if changed:
            await journal.learn(operation.number, changed)
        found.append(replace(operation, entries=tuple(looked_up.values())))
    return found


async def look_up(entries: Mapping[int, Entry], now: datetime, metadata: Metadata) -> dict[int, Entry]:
    """Those of the entries that are open, with what the portal shows of them now."""
    waiting = {place: entry for place, entry in entries.items() if entry.state in OPEN}
    looked_up = {place: replace(entry, state="unknown") for place, entry in waiting.items()}
    kinds = dict.fromkeys((entry.action, entry.entity) for entry in waiting.values())
    with anyio.move_on_after(PATIENCE):
        for kind in kinds:
            of_kind = {place: entry for place, entry in waiting.items() if (entry.action, entry.entity) == kind}
            try:
                found = await _LOOKS[kind[0]](of_kind, metadata)
            except PortalError:  # it cannot be asked now
                continue
            looked_up |= {place: _judged(entry, found.get(place), now) for place, entry in of_kind.items()}
    return looked_up


def _judged(entry: Entry, found: Entry | None, now: datetime) -> Entry:
    if found is None:
        return replace(entry, state="unknown", said=_CANNOT_TELL)
    if found.state == "done":
        return replace(found, said=_FOUND, answered_at=now)
    if entry.sent_at is None or now - entry.sent_at > SURELY_OVER:
        return replace(entry, state="not done", said=_NOT_THERE, answered_at=now)
    return replace(entry, state="unknown", said=_AGAIN)


async def _updated(entries: Mapping[int, Entry], metadata: Metadata) -> Mapping[int, Entry | None]:
    entity = await resolve_entity(next(iter(entries.values())).entity, metadata)
    fields = await metadata.fields(entity)
    records = await _records(entity.name, _ids(entries), metadata)
    return {place: _as_held(entry, records.get(entry.record_id or 0), fields) for place, entry in entries.items()}


def _as_held(entry: Entry, record: Record | None, fields: Fields) -> Entry | None:
    if record is None:
        return None
    if _holds(record, entry.values, fields):
        return afterwards(replace(entry, state="done"), entry.before, record, fields)
    return entry if _holds(record, {name: entry.before.get(name) for name in entry.values}, fields) else None


async def _deleted(entries: Mapping[int, Entry], metadata: Metadata) -> Mapping[int, Entry | None]:
    entity = await resolve_entity(next(iter(entries.values())).entity, metadata)
    read = await metadata.portal.records(entity, _ids(entries))
    return {
        place: replace(entry, state="done") if entry.record_id in read.missing else entry
        for place, entry in entries.items()
    }


async def _records(entity: str, ids: list[RecordId] | list[int], metadata: Metadata) -> Mapping[RecordId, Record]:
    return (await metadata.portal.records(await resolve_entity(entity, metadata), ids)).found if ids else {}


def _holds(record: Record, values: Mapping[str, Any], fields: Fields) -> bool:
    return all(name in fields and same(name, record.get(name), value, fields) for name, value in values.items())


def _ids(entries: Mapping[int, Entry]) -> list[RecordId]:
    return [entry.record_id for entry in entries.values() if entry.record_id is not None]


def _one_by_one(look: Callable[[Entry, Metadata], Awaitable[Entry | None]]) -> Look:
    async def all_of_them(entries: Mapping[int, Entry], metadata: Metadata) -> Mapping[int, Entry | None]:
        return {place: await look(entry, metadata) for place, entry in entries.items()}

    return all_of_them


_LOOKS: Mapping[str, Look] = {
    "create": created,
    "update": _updated,
    "delete": _deleted,
    "start": _one_by_one(started),
    "terminate": _one_by_one(ended),
    "complete": _one_by_one(completed),
}
