"""What can be asked for beside an entity's records, and reading it for several records at once."""

import re
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from bitrix24_mcp.crm.catalogue.entities import BY_NAME, RESERVED
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.choices import OWNER_TYPES
from bitrix24_mcp.crm.errors import InvalidArguments, KeyRefused, PermissionRefused, PortalError, nearest, quoted
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition, RecordId, RecordPage, RecordQuery
from bitrix24_mcp.crm.records.relations import Linked, Listed, Rows, Values
from bitrix24_mcp.crm.records.row_lists import History, Products
from bitrix24_mcp.crm.resolve import resolve_entity

T = TypeVar("T")
Relation = Linked | Listed | Products | History
_PARENT = re.compile(r"parentId(\d+)")
MOST_RECORDS = 20
"""Records for which lists are read in one call, because some lists cost a request for each."""


@dataclass(frozen=True, slots=True)
class Related:
    """By the id of a record, what belongs to it, by the relation's name; `notes` say what could not be read."""

    values: Mapping[RecordId, Mapping[str, Any]]
    notes: tuple[str, ...] = ()


async def resolve_relations(written: Sequence[str], fields: Fields, metadata: Metadata) -> tuple[Relation, ...]:
    """The relations that are meant, by name or by the name of the linked entity.

    Raises InvalidArguments with those that the entity has.
    """
    if not written:
        return ()
    offered = {relation.name: relation for relation in await _offered(fields, metadata)}
    also = {word: name for name, relation in reversed(offered.items()) for word in _other_words(relation)}
    chosen: dict[str, Relation] = {}
    for word in written:
        name = fold(word) if fold(word) in offered else also.get(fold(word), "")
        if not name:
            raise _unknown(word, fields.entity, list(offered))
        chosen[name] = offered[name]
    return tuple(chosen.values())


def check_number(relations: Sequence[Relation], records: int) -> None:
    """Raises InvalidArguments when lists are asked for beside more records than one call reads them for."""
    lists = [relation.name for relation in relations if not isinstance(relation, Linked)]
    if lists and records > MOST_RECORDS:
        raise InvalidArguments(
            f"{quoted(lists).replace(' or ', ' and ')} are read for at most {MOST_RECORDS} records in a call.",
            advice=f"Ask for {MOST_RECORDS} ids at a time, or leave those out.",
            code="INVALID_ARGUMENT",
        )


async def read_related(relations: Sequence[Relation], rows: Rows, metadata: Metadata) -> Related:
    """What belongs to the records; the pages of all relations are asked for together.

    What could not be read is left out, and a note says so. Raises KeyRefused: with that key nothing can be read.
    """
    notes: list[str] = []
    pages = await _pages(relations, rows, metadata)
    values: dict[RecordId, dict[str, Any]] = {record_id: {} for record_id in rows}
    for relation in relations:
        read = await _or_note(relation, _values(relation, rows, pages, metadata, notes), notes)
        for record_id, held in (read or {}).items():
            values[record_id].update(held)
        if read is not None and isinstance(relation, Linked) and (unseen := relation.unseen(rows, read)):
            gone = ", ".join(map(str, unseen))
            notes.append(f"{relation.name} {gone}: there is no such record, or this key may not see it.")
    return Related(values, tuple(notes))


async def _pages(
    relations: Sequence[Relation], rows: Rows, metadata: Metadata
) -> Mapping[str, tuple[RecordPage | PortalError, ...]]:
    """The pages that relations need, by their names, all asked for together."""
    asked: dict[str, list[RecordQuery]] = {}
    failed: dict[str, tuple[PortalError]] = {}
    for relation in relations:
        if isinstance(relation, Linked | Listed):
            try:
                asked[relation.name] = await relation.queries(rows, metadata)
            except KeyRefused:
                raise
            except PortalError as error:
                failed[relation.name] = (error,)
    queries = [query for part in asked.values() for query in part]
    pages = iter(await metadata.portal.searches(queries) if queries else ())
    return {**failed, **{name: tuple(islice(pages, len(part))) for name, part in asked.items()}}


async def _values(
    relation: Relation,
    rows: Rows,
    pages: Mapping[str, tuple[RecordPage | PortalError, ...]],
    metadata: Metadata,
    notes: list[str],
) -> Values:
    if not isinstance(relation, Linked | Listed):
        return await relation.values(rows, metadata)
    read: list[RecordPage] = []
    for page in pages[relation.name]:
        if isinstance(page, PortalError):
            raise page
        read.append(page)
    if isinstance(relation, Listed):
        return await relation.values(rows, read, metadata, notes)
    return await relation.values(rows, read, metadata)


async def _or_note(relation: Relation, reading: Awaitable[T], notes: list[str]) -> T | None:
    try:
        return await reading
    except KeyRefused:
        raise
    except PortalError as error:
        notes.append(f"{relation.name} could not be read: {error.message} [{error.code}]")
        return None


async def _offered(fields: Fields, metadata: Metadata) -> list[Relation]:
    """Everything that can be asked for beside the records of an entity."""
    entity = fields.entity
    linked = [(info.name, target) for info in fields if (target := entity.target(info.name))]
    offered: list[Relation] = []
    for field, target in linked:
        with suppress(InvalidArguments, PermissionRefused):  # a smart process that this key does not see
            offered.append(Linked(_name_of(field), field, await resolve_entity(target, metadata)))
    if entity.name == "deals":
        offered.append(Listed("quotes", BY_NAME["quotes"], "dealId"))
    if entity.has_product_rows:
        offered.append(Products(entity))
    if owner := _timeline_of(entity):
        offered.append(Listed("comments", BY_NAME["timelines"], "entityId", (Condition("entityType", "eq", owner),)))
    if entity.entity_type_id is not None:
        of_type = Condition("ownerTypeId", "eq", entity.entity_type_id)
        offered.append(Listed("activities", BY_NAME["activities"], "ownerId", (of_type,)))
    if entity.has_stage_history:
        offered.append(History(entity))
    return offered


def _name_of(field: str) -> str:
    """`companyId` names a company, `contactIds` contacts, `parentId2` a deal, `parentId174` is called parent174."""
    if parent := _PARENT.fullmatch(field):
        known = RESERVED.get(int(parent[1]))
        return known.singular if known else f"parent{parent[1]}"
    return f"{field.removesuffix('Ids')}s" if field.endswith("Ids") else field.removesuffix("Id")


def _timeline_of(entity: Entity) -> str:
    """What the timeline calls the entity; empty where it keeps no comments (docs/entities/timelines)."""
    if entity.smart_process:
        return f"DYNAMIC_{entity.entity_type_id}"
    return next((code for code, name in OWNER_TYPES.items() if name == entity.name), "")


def _other_words(relation: Relation) -> list[str]:
    """What else people call it: the name of the entity that is read."""
    if not isinstance(relation, Linked | Listed):
        return []
    return [fold(word) for word in (relation.target.name, relation.target.singular, relation.target.title)]


def _unknown(written: str, entity: Entity, offered: Sequence[str]) -> InvalidArguments:
    return InvalidArguments(
        f"{entity.title} have no related “{written[:60]}”.",
        advice=f"include takes {quoted(offered)}." if offered else "Leave include out.",
        code="UNKNOWN_VALUE",
        candidates=nearest(written, offered) or offered,
    )
