"""`POST /v1/{entity}/batch`: one action for up to 500 records (docs/batch, docs/optimization)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.calls import Json, Reply, as_list, as_object, success
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.routes.batch import MOST_CALLS
from bitrix24_mcp.demo.routes.crm import items_of
from bitrix24_mcp.demo.routes.disturbance import disturbed
from bitrix24_mcp.demo.routes.generic import no_route
from bitrix24_mcp.demo.routes.single import OPERATIONS, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.calls import Call
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.routes.batch import Dispatch
    from bitrix24_mcp.demo.schema import Entity

MOST_RECORDS = 500
_LISTS = {
    "create": ("items", MOST_RECORDS),
    "update": ("items", MOST_RECORDS),
    "delete": ("ids", MOST_RECORDS),
    "list": ("calls", MOST_CALLS),
    "get": ("calls", MOST_CALLS),
    "fields": ("calls", MOST_CALLS),
}


def record_batch(gateway: Gateway, call: Call, dispatch: Dispatch) -> Reply:
    """The outcome for each record in order; the documentation shows no example of it."""
    entity = _entity(gateway, call.segments[:-1])
    call.key.require(entity.scope)
    calls = _calls(call, entity)
    disturbance = disturbed(call, len(calls))
    results = [_outcome(gateway, one, dispatch, partial(disturbance.strike, place)) for place, one in enumerate(calls)]
    done = sum(1 for result in results if result["success"])
    summary = {"total": len(results), "succeeded": done, "failed": len(results) - done}
    return success({"results": results, "summary": summary})


def _entity(gateway: Gateway, path: tuple[str, ...]) -> Entity:
    if path[0] == "items" and len(path) == 2:
        return items_of(gateway, path[1], "RESERVED_ENTITY_TYPE")
    entity = gateway.registry.get(path[0]) if len(path) == 1 else None
    if entity is None or not entity.ops:
        raise no_route()
    return entity


def _calls(call: Call, entity: Entity) -> list[Call]:
    action = str(call.payload.get("action"))
    if action not in _LISTS or OPERATIONS[action] not in entity.ops:
        raise GatewayError("INVALID_REQUEST", f"Unknown batch action: {action}")
    verb = {"create": "add", "update": "update", "delete": "delete"}.get(action)
    if verb:
        call.key.require_write(f"{entity.method}.{verb}")
    name, most = _LISTS[action]
    entries = as_list(call.payload.get(name))
    if not 1 <= len(entries) <= most:
        raise GatewayError("INVALID_REQUEST", f"{name}: Array must contain 1 to {most} element(s)")
    return [_call(call, entity, action, entry) for entry in entries]


def _call(call: Call, entity: Entity, action: str, entry: object) -> Call:
    content = as_object(entry)
    match action:
        case "create":
            return request(call, entity, action, None, content)
        case "update":
            changes = {name: value for name, value in content.items() if name != entity.key}
            return request(call, entity, action, content.get(entity.key), changes)
        case "delete":
            return replace(request(call, entity, action, entry, {}), params={})
        case _:
            key = content.get("entityId", content.get("id"))
            return request(call, entity, action, key, as_object(content.get("params")))


def _outcome(gateway: Gateway, call: Call, dispatch: Dispatch, disturb: Callable[[], None]) -> Json:
    try:
        disturb()
        data = (dispatch(gateway, call).payload or {}).get("data")
    except GatewayError as error:
        return {"success": False, "error": error.as_json()}
    outcome: Json = {"success": True}
    if call.method != "GET":
        key = as_object(data).get("id", call.segments[-1])
        outcome["id"] = int(key) if isinstance(key, str) and key.isdecimal() else key
    if data is not None:
        outcome["data"] = data
    return outcome
