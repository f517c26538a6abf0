"""Records that may have been made: found by the mark they were given, or surely not there as far as this key can see.

A key whose user sees only some records does not see a new one that was given to somebody else.
"""

from collections.abc import Mapping
from dataclasses import replace

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordId, RecordQuery, Sort
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.writing.journal import Entry


async def created(entries: Mapping[int, Entry], metadata: Metadata) -> Mapping[int, Entry | None]:
    """Each entry as done with its record, as it is where the portal has none, None where that cannot be told.

    Without a mark nobody can tell a record from another of the same name.
    """
    entity = await resolve_entity(next(iter(entries.values())).entity, metadata)
    marked = {place: entry for place, entry in entries.items() if entry.mark}
    if not marked:
        return {}
    ids = await _ids_by_mark(tuple(entry.mark for entry in marked.values()), entity, metadata)
    records: Mapping[RecordId, Record] = {}
    if ids:
        records = (await metadata.portal.records(entity, list(ids.values()))).found
    absent = [entry for entry in marked.values() if entry.mark not in ids]
    seen = {who: await _sees_those_of(who, entity, metadata) for who in {_responsible(each, entity) for each in absent}}
    return {
        place: replace(entry, state="done", record_id=ids[entry.mark], after=records.get(ids[entry.mark], {}))
        if entry.mark in ids
        else (entry if seen[_responsible(entry, entity)] else None)
        for place, entry in marked.items()
    }


async def _ids_by_mark(marks: tuple[str, ...], entity: Entity, metadata: Metadata) -> dict[str, int]:
    field = entity.origin[-1]
    query = RecordQuery(entity, (Condition(field, "in", marks),), (Sort("id"),), ("id", field), len(marks) + 1)
    return {str(row.get(field)): int(row["id"]) for row in (await metadata.portal.search(query)).rows}


def _responsible(entry: Entry, entity: Entity) -> int | None:
    """Whose the record was to be; None where it was left to the portal, which gives it to the key's own user."""
    held = entry.values.get(entity.user_fields[0]) if entity.user_fields else None
    return held if isinstance(held, int) else None


async def _sees_those_of(who: int | None, entity: Entity, metadata: Metadata) -> bool:
    """Whether this key sees records of that person: its own always, those of others where it sees one of them."""
    identity = await metadata.identity()
    if who is None or identity.admin or who == identity.user_id:
        return True
    theirs = Condition(entity.user_fields[0], "eq", who)
    query = RecordQuery(entity, (theirs,), (Sort("id", descending=True),), ("id",), 1, counted=False)
    return bool((await metadata.portal.search(query)).rows)
