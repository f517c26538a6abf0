"""The single request that one entry of a batch stands for (docs/batch)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.calls import Call, Json, as_object
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.keys import may_use
from bitrix24_mcp.demo.routes.crm import items_of

if TYPE_CHECKING:
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity

OPERATIONS = {"list": "L", "get": "G", "create": "C", "update": "U", "delete": "D", "fields": "F", "search": "S"}
_OWN_ROUTES = frozenset({"task-comments", "workflows", "triggers", "userfields", "stage-history", "product-rows"})


def from_batch(gateway: Gateway, outer: Call, raw: object) -> tuple[Call, str]:
    """The request behind one call of `/v1/batch`, and its action."""
    entry = as_object(raw)
    name, action = entry.get("entity"), entry.get("action")
    if not isinstance(name, str) or not isinstance(action, str) or len(str(entry.get("id", ""))) > 64:
        raise GatewayError("INVALID_CALL", "A call needs entity and action; its id has at most 64 characters")
    params = as_object(entry.get("params"))
    entity = _entity(gateway, name, params)
    if OPERATIONS.get(action, "-") not in entity.ops:
        raise GatewayError("ACTION_NOT_SUPPORTED", f"Action '{action}' is not supported for '{name}'")
    if action in ("get", "update", "delete") and entry.get("entityId") in (None, ""):
        raise GatewayError("MISSING_ENTITY_ID", f"Action '{action}' needs entityId")
    if not may_use(outer.key, entity):
        raise GatewayError("SCOPE_NOT_ALLOWED", f"This endpoint requires '{entity.scope[0]}' scope")
    given = {key: value for key, value in params.items() if key != "entityTypeId" or name != "items"}
    return request(outer, entity, action, entry.get("entityId"), given), action


def request(outer: Call, entity: Entity, action: str, key: object, params: Json) -> Call:
    """The request for an action on an entity."""
    path = tuple(entity.path.split("/"))
    one = (*path, str(key))
    match action:
        case "list":
            return replace(outer, method="GET", segments=path, params=params, body=None)
        case "get":
            return replace(outer, method="GET", segments=one, params=params, body=None)
        case "fields":
            return replace(outer, method="GET", segments=(*path, "fields"), params={}, body=None)
        case "search":
            return replace(outer, method="POST", segments=(*path, "search"), params={}, body=params)
        case "create":
            return replace(outer, method="POST", segments=path, params={}, body=params)
        case "update":
            return replace(outer, method="PATCH", segments=one, params={}, body=params)
        case _:
            return replace(outer, method="DELETE", segments=one, params=params, body=None)


def _entity(gateway: Gateway, name: str, params: Json) -> Entity:
    if name == "items":
        if "entityTypeId" not in params:
            raise GatewayError("MISSING_DYNAMIC_PARAM", "params.entityTypeId is required for items")
        return items_of(gateway, params["entityTypeId"], "USE_DEDICATED_ENTITY")
    if name in _OWN_ROUTES:
        raise GatewayError("ENTITY_CUSTOM_ROUTES", f'Entity "{name}" has routes of its own')
    entity = gateway.registry.get(name)
    if entity is None or not entity.ops or "/" in name:
        message = f'Unknown entity "{name}". Check GET /v1/guide for available entities.'
        raise GatewayError("UNKNOWN_ENTITY", message)
    return entity
