"""Users, tasks with their comments, and the timeline's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import writes
from bitrix24_mcp.demo.calls import Reply, success
from bitrix24_mcp.demo.database import Slice, equals, quote
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.routes.crm import entity_row
from bitrix24_mcp.demo.routes.generic import entity_route, get_record, missing, no_route, record_key
from bitrix24_mcp.demo.values import record

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call
    from bitrix24_mcp.demo.gateway import Gateway


def users(gateway: Gateway, call: Call) -> Reply:
    """Users; `me` is the one the key acts for, and deleting one only deactivates (docs/entities/users)."""
    entity = gateway.registry["users"]
    rest = call.segments[1:]
    if call.method == "GET" and rest == ("me",):
        call.key.require(entity.scope)
        return get_record(gateway, call, entity, str(call.key.user))
    if call.method == "PATCH" and len(rest) == 1:
        _check_update(call)
    if call.method == "DELETE" and len(rest) == 1:
        return _deactivate(gateway, call, rest[0])
    return entity_route(gateway, call, entity, rest)


def _check_update(call: Call) -> None:
    call.key.require(("user",))
    call.key.require_write("user.update")
    if not call.key.admin:
        raise GatewayError("UPDATE_FAILED", "Only an administrator can change users")
    for name in ("id", "isAdmin", "lastLogin"):
        if name in call.payload:
            raise GatewayError("READONLY_FIELD", f"Field '{name}' is read-only")


def _deactivate(gateway: Gateway, call: Call, raw: str) -> Reply:
    entity = gateway.registry["users"]
    call.key.require(entity.scope)
    call.key.require_write("user.update")
    if not raw.isdecimal():
        raise GatewayError("INVALID_ID", "User id must be a positive integer")
    if not gateway.database.update(entity.table, equals("id", int(raw)), {"active": 0}):
        raise missing(entity, raw)
    row = gateway.database.one(entity, int(raw))
    user = record(entity, row, tuple(entity.by_name)) if row else {}
    return success({"id": int(raw), "active": False, "deactivated": True, "user": user})


def tasks(gateway: Gateway, call: Call) -> Reply:
    """Tasks, and `tasks/:id/comments` below them."""
    entity = gateway.registry["tasks"]
    rest = call.segments[1:]
    if rest[1:2] != ("comments",):
        return entity_route(gateway, call, entity, rest)
    call.key.require(entity.scope)
    task = record_key(entity, rest[0])
    if gateway.database.one(entity, task) is None:
        raise missing(entity, task)
    return _comments(gateway, call, task, rest[2:])


def _comments(gateway: Gateway, call: Call, task: int | str, rest: tuple[str, ...]) -> Reply:
    entity = gateway.registry["task-comments"]
    where = equals("taskId", task)
    match call.method, rest:
        case "GET", ():
            names = tuple(entity.by_name)
            rows = gateway.database.rows(entity.table, names, where, Slice(quote("id")))
            data = [record(entity, row, names) for row in rows]
            return Reply(
                {"success": True, "data": data, "total": len(data), "meta": {"total": len(data), "hasMore": False}}
            )
        case "POST", ():
            return writes.create(gateway, call, entity, fixed={"taskId": task})
        case _, (raw,):
            return entity_row(gateway, call, entity, where, raw)
        case _:
            raise no_route()


def timeline_logs(gateway: Gateway, call: Call) -> Reply:
    """`POST /v1/timeline-logs`."""
    entity = gateway.registry["timeline-logs"]
    call.key.require(entity.scope)
    if call.method != "POST" or len(call.segments) > 1:
        raise no_route()
    return writes.create(gateway, call, entity)
