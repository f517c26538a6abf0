"""Related records under `_included` (docs/includes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.values import record

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Json
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity, Include

MOST_RECORDS = 200


def add_includes(gateway: Gateway, entity: Entity, records: list[Json], names: tuple[str, ...]) -> bool:
    """Add the relations to every record; with more than 200 records nothing is added and the answer is no."""
    if len(records) > MOST_RECORDS:
        return False
    chosen = [include for include in entity.includes if include.name in names]
    for entry in records:
        entry["_included"] = {
            include.name + ("s" if include.many else ""): _related(gateway, entity, include, cast("int", entry["id"]))
            for include in chosen
        }
    return True


def _related(gateway: Gateway, entity: Entity, include: Include, owner: int) -> object:
    row = gateway.database.one(entity, owner)
    target = gateway.registry[include.entity]
    if row is None:
        return None
    if include.through:
        ids = cast("list[int]", record(entity, row, (include.through,))[include.through] or [])
        found = [_rows(gateway, target, equals("id", key)) for key in ids]
        return [_linked(rows[0], place) for place, rows in enumerate(found) if rows]
    where = equals(include.remote, row[include.local])
    if include.fixed:
        where &= equals(*include.fixed)
    rows = _rows(gateway, target, where)
    if include.many:
        return rows
    return rows[0] if rows else None


def _rows(gateway: Gateway, target: Entity, where: Where) -> list[Json]:
    names = tuple(target.by_name)
    rows = gateway.database.rows(target.table, names, where, Slice(quote(target.key)))
    return [record(target, row, names) for row in rows]


def _linked(entry: Json, place: int) -> Json:
    return entry | {"isPrimary": place == 0, "sort": (place + 1) * 10, "roleId": 0}
