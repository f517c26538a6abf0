"""The routes every entity shares (docs/entity-api)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import writes
from bitrix24_mcp.demo.aggregate import aggregate
from bitrix24_mcp.demo.calls import success
from bitrix24_mcp.demo.errors import GatewayError, bad_params
from bitrix24_mcp.demo.fieldmaps import fields_data
from bitrix24_mcp.demo.includes import add_includes
from bitrix24_mcp.demo.listing import includes, listing
from bitrix24_mcp.demo.search import find
from bitrix24_mcp.demo.values import LARGEST, record

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call, Reply
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity


def entity_route(gateway: Gateway, call: Call, entity: Entity, rest: tuple[str, ...]) -> Reply:
    """The answer of `/v1/{entity}` and what lies directly below it."""
    call.key.require(entity.scope)
    match call.method, rest:
        case "GET", ("fields",):
            _offered(entity, "F")
            return success(fields_data(entity))
        case "POST", ("search",):
            _offered(entity, "S")
            return find(gateway, call, entity, listing(entity, call.payload), windowed=True)
        case "POST", ("aggregate",):
            _offered(entity, "A")
            return _aggregate(gateway, call, entity)
        case _, () | (_,):
            return _record_route(gateway, call, entity, rest)
        case _:
            raise no_route()


def _record_route(gateway: Gateway, call: Call, entity: Entity, rest: tuple[str, ...]) -> Reply:
    match call.method, rest:
        case "GET", ():
            _offered(entity, "L")
            return list_records(gateway, call, entity)
        case "GET", (raw,):
            _offered(entity, "G")
            return get_record(gateway, call, entity, raw)
        case "POST", ():
            _offered(entity, "C")
            return writes.create(gateway, call, entity)
        case "PATCH", (raw,):
            _offered(entity, "U")
            return writes.update(gateway, call, entity, record_key(entity, raw))
        case "DELETE", (raw,):
            _offered(entity, "D")
            return writes.delete(gateway, call, entity, record_key(entity, raw))
        case _:
            raise no_route()


def list_records(gateway: Gateway, call: Call, entity: Entity) -> Reply:
    """A plain list, with the oddities some lists have."""
    reply = find(gateway, call, entity, listing(entity, call.params))
    payload = reply.payload
    if payload is None:
        return reply
    if gateway.switches.total_zero and payload["data"] and isinstance(payload["meta"], dict):
        payload["total"] = 0
        payload["meta"]["total"] = 0
    return reply


def get_record(gateway: Gateway, call: Call, entity: Entity, raw: str) -> Reply:
    """One record."""
    row = gateway.database.one(entity, record_key(entity, raw))
    if row is None:
        raise missing(entity, raw)
    entry = record(entity, row, tuple(entity.by_name))
    names = includes(entity, call.params.get("include"))
    if names:
        add_includes(gateway, entity, [entry], names)
    return success(entry)


def record_key(entity: Entity, raw: str) -> int | str:
    """The id in a path."""
    if entity.text_key:
        return raw
    if not raw.isdecimal():
        raise bad_params("Path parameter :id must be a positive integer")
    return min(int(raw), LARGEST - 1)


def missing(entity: Entity, raw: object) -> GatewayError:
    """The refusal for a record that is not there."""
    if entity.path == "timelines":
        return GatewayError("BITRIX_ERROR", "Not found.")
    if entity.path == "smart-processes":
        return GatewayError(entity.missing, f"Smart process with entityTypeId={raw} not found")
    return GatewayError(entity.missing, "Entity not found")


def no_route() -> GatewayError:
    """The refusal for a path that leads nowhere."""
    return GatewayError("NOT_FOUND", "Route not found")


def _offered(entity: Entity, operation: str) -> None:
    if operation not in entity.ops:
        raise no_route()


def _aggregate(gateway: Gateway, call: Call, entity: Entity) -> Reply:
    refused = entity.path.startswith("items/") and not gateway.switches.items_group_by
    if refused and call.payload.get("groupBy"):
        raise bad_params("groupBy is not supported for this entity")
    return aggregate(gateway, call, entity)
