"""Smart-process types and items, funnels, stage history, product rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import writes
from bitrix24_mcp.demo.calls import Reply, success
from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.errors import GatewayError, bad_params
from bitrix24_mcp.demo.fieldmaps import fields_data
from bitrix24_mcp.demo.listing import MOST_ROWS, listing, whole
from bitrix24_mcp.demo.routes.generic import entity_route, missing, no_route, record_key
from bitrix24_mcp.demo.schemas.items import RESERVED
from bitrix24_mcp.demo.search import DURATION_MS, find
from bitrix24_mcp.demo.values import record

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity

_HISTORY_OF = ("deal", "lead", "quote", "invoice")


def items(gateway: Gateway, call: Call) -> Reply:
    """`/v1/items/:entityTypeId` and below."""
    call.key.require(("crm",))
    _, *rest = call.segments
    if not rest:
        raise no_route()
    entity = items_of(gateway, rest[0], _reserved_code(call))
    below = tuple(rest[1:])
    if below[1:2] == ("products",):
        return product_rows(gateway, call, entity, below)
    return entity_route(gateway, call, entity, below)


def items_of(gateway: Gateway, raw: object, reserved_code: str) -> Entity:
    """The entity of an entityTypeId, or the refusal for one that is malformed, reserved or unknown."""
    text = str(raw)
    if not text.isdecimal() or int(text) == 0:
        raise GatewayError("INVALID_DYNAMIC_PARAM", "entityTypeId must be a positive integer")
    number = int(text)
    if number in RESERVED:
        message = f"entityTypeId {number} has a dedicated API: use /v1/{RESERVED[number]} instead"
        raise GatewayError(reserved_code, message)
    entity = gateway.registry.get(f"items/{number}")
    if entity is None:
        raise GatewayError("ENTITY_NOT_FOUND", f"Smart process with entityTypeId={number} not found")
    return entity


def _reserved_code(call: Call) -> str:
    aggregated = call.method == "DELETE" or call.segments[2:] == ("aggregate",)
    return "INVALID_DYNAMIC_PARAM" if aggregated else "RESERVED_ENTITY_TYPE"


def smart_processes(gateway: Gateway, call: Call) -> Reply:
    """Types: the plain list is one array without `meta` and without paging (docs/entities/smart-processes)."""
    entity = gateway.registry["smart-processes"]
    if call.method != "GET" or len(call.segments) > 1:
        return entity_route(gateway, call, entity, call.segments[1:])
    call.key.require(entity.scope)
    params = {**call.params, "offset": 0, "limit": call.params.get("limit", MOST_ROWS)}
    reply = find(gateway, call, entity, listing(entity, params))
    return success((reply.payload or {})["data"])


def deal_categories(gateway: Gateway, call: Call) -> Reply:
    """Deal funnels; a switch hides the default one, as one live portal did."""
    entity = gateway.registry["deal-categories"]
    if not gateway.switches.deal_category_zero and call.method == "GET" and len(call.segments) == 1:
        given = call.params.get("filter")
        extra = cast("dict[str, object]", given) if isinstance(given, dict) else {}
        call.params["filter"] = {**extra, "!id": 0}
    return entity_route(gateway, call, entity, call.segments[1:])


def categories(gateway: Gateway, call: Call) -> Reply:
    """`/v1/categories/:entityTypeId`: the funnels of any type."""
    entity = gateway.registry["categories"]
    call.key.require(entity.scope)
    _, *rest = call.segments
    if len(rest) != 1 or call.method not in ("GET", "POST"):
        raise no_route()
    number = _known_type(gateway, rest[0])
    if call.method == "POST":
        return writes.create(gateway, call, entity, fixed={"entityTypeId": number})
    names = tuple(entity.by_name)
    where = equals("entityTypeId", number)
    rows = gateway.database.rows(entity.table, names, where, Slice(f"{quote('sort')}, {quote('id')}"))
    return _listed([record(entity, row, names) for row in rows], len(rows), more=False)


def _known_type(gateway: Gateway, raw: str) -> int:
    if raw.isdecimal() and int(raw) in RESERVED:
        return int(raw)
    return items_of(gateway, raw, "INVALID_DYNAMIC_PARAM").entity_type_id


def stage_history(gateway: Gateway, call: Call) -> Reply:
    """`GET /v1/stage-history?entityType=deal&ownerId=…`; only deals have a history in this portal."""
    entity = gateway.registry["stage-history"]
    call.key.require(entity.scope)
    if call.method != "GET" or len(call.segments) > 1:
        raise no_route()
    kind = call.params.get("entityType")
    if not kind:
        raise GatewayError("MISSING_PARAMS", "entityType is required")
    if kind not in _HISTORY_OF:
        raise bad_params(f"entityType must be one of {', '.join(_HISTORY_OF)}")
    where = equals("entityType", str(kind))
    if "ownerId" in call.params:
        where &= equals("ownerId", whole(call.params, "ownerId", 0))
    limit = whole(call.params, "limit", 50, least=1, most=MOST_ROWS)
    offset = whole(call.params, "offset", 0)
    return _page(gateway, entity, where, Slice(quote("id"), limit, offset), without=("entityType",))


def product_rows(gateway: Gateway, call: Call, owner: Entity, rest: tuple[str, ...]) -> Reply:
    """`…/:id/products`, its rows, and their fields."""
    call.key.require(owner.scope)
    if "P" not in owner.ops:
        raise no_route()
    entity = gateway.registry["product-rows"]
    key = record_key(owner, rest[0])
    if gateway.database.one(owner, key) is None:
        raise missing(owner, key)
    fixed = {"ownerType": owner.path, "ownerId": key}
    where = equals("ownerType", owner.path) & equals("ownerId", key)
    match call.method, rest[2:]:
        case "GET", ():
            return _page(gateway, entity, where, Slice(quote("id"), MOST_ROWS), without=("ownerType", "ownerId"))
        case "GET", ("fields",):
            return success(fields_data(entity))
        case "POST", ():
            return writes.create(gateway, call, entity, fixed=fixed)
        case "PUT", ():
            return writes.replace_rows(gateway, call, entity, where, fixed)
        case _, (raw,):
            return entity_row(gateway, call, entity, where, raw)
        case _:
            raise no_route()


def entity_row(gateway: Gateway, call: Call, entity: Entity, where: Where, raw: str) -> Reply:
    """One row of a list that belongs to a record: a product row, a task's comment."""
    key = record_key(entity, raw)
    if not gateway.database.count(entity.table, where & equals(entity.key, key)):
        raise missing(entity, key)
    match call.method:
        case "GET":
            row = gateway.database.one(entity, key)
            if row is None:
                raise missing(entity, key)
            return success(record(entity, row, tuple(entity.by_name)))
        case "PATCH":
            return writes.update(gateway, call, entity, key)
        case "DELETE":
            return writes.delete(gateway, call, entity, key)
        case _:
            raise no_route()


def _page(gateway: Gateway, entity: Entity, where: Where, part: Slice, *, without: tuple[str, ...]) -> Reply:
    names = tuple(name for name in entity.by_name if name not in without)
    rows = gateway.database.rows(entity.table, names, where, part)
    total = gateway.database.count(entity.table, where)
    return _listed([record(entity, row, names) for row in rows], total, more=part.offset + len(rows) < total)


def _listed(data: list[dict[str, object]], total: int, *, more: bool) -> Reply:
    meta = {"total": total, "hasMore": more, "durationMs": DURATION_MS}
    return Reply({"success": True, "data": data, "total": total, "meta": meta})
