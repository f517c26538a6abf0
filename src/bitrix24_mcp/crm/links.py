"""Links to other records: what those are called. Read anew for every answer, since records are never kept."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused, RequestRefused
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordQuery, Sort
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.text import plain

LONGEST_NAME = 80
_AT_ONCE = 500
"""Ids in one condition."""
_KINDS = {"L": "leads", "D": "deals", "C": "contacts", "CO": "companies", "Q": "quotes", "SI": "invoices"}
TYPED = re.compile(r"(?:(L|D|C|CO|Q|SI)|T([0-9a-f]{1,8}))_(\d{1,18})")
"""A record as a user field of the type `crm` holds it: `CO_25`, or the entityTypeId in hex as in `Tae_7`."""


async def link_names(
    held: Mapping[str, Sequence[Any]], entity: Entity, metadata: Metadata
) -> dict[str, dict[str, str]]:
    """For each column with the values it holds: the name of each linked record by its value as text.

    One search per linked entity. What the key may not see, or the portal does not search, has no name.
    """
    meant = {column: dict(_references(entity.target(column), values)) for column, values in held.items()}
    wanted: dict[str, set[int]] = {}
    for references in meant.values():
        for target, record in references.values():
            wanted.setdefault(target, set()).add(record)
    known = {target: await _names_or_none(target, ids, metadata) for target, ids in wanted.items()}
    return {
        column: {value: name for value, (target, record) in found.items() if (name := known[target].get(record))}
        for column, found in meant.items()
    }


async def names_of(target: str, ids: Sequence[int], metadata: Metadata) -> dict[int, str]:
    """What each of these records is called; those that the key may not see are absent.

    `target` is an entity's name or entityTypeId. Raises what the portal raises when it refuses the entity.
    """
    entity = await resolve_entity(target, metadata)
    found: dict[int, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = tuple(ids[start : start + _AT_ONCE])
        query = RecordQuery(
            entity, (Condition("id", "in", some),), (Sort("id"),), ("id", *entity.name_fields), len(some)
        )
        page = await metadata.portal.search(query)
        found.update((int(row["id"]), called(row, entity)) for row in page.rows)
    return found


def called(row: Record, entity: Entity, longest: int = LONGEST_NAME) -> str:
    """What people call a record: its title, or a person's name and last name."""
    return plain(" ".join(str(row[name]) for name in entity.name_fields if row.get(name)), longest)


def _references(target: str, values: Sequence[Any]) -> Iterator[tuple[str, tuple[str, int]]]:
    """The records that the values mean, under each value as text; 0 is how the portal writes “none”."""
    for value in values:
        if isinstance(value, list):
            yield from _references(target, cast("list[Any]", value))
        elif str(value).isdecimal():
            if target and int(value):
                yield str(value), (target, int(value))
        elif found := TYPED.fullmatch(str(value)):
            yield str(value), (_KINDS[found[1]] if found[1] else str(int(found[2], 16)), int(found[3]))


async def _names_or_none(target: str, ids: set[int], metadata: Metadata) -> dict[int, str]:
    try:
        return await names_of(target, sorted(ids), metadata)
    except (InvalidArguments, NotFound, PermissionRefused, RequestRefused):
        return {}
