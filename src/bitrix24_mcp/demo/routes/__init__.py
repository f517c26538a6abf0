"""Finds the route that a call means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.routes import automation, batch, crm, portal, records, userfields, work
from bitrix24_mcp.demo.routes.generic import entity_route, no_route

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.calls import Call, Reply
    from bitrix24_mcp.demo.gateway import Gateway

_SPECIAL: dict[str, Callable[[Gateway, Call], Reply]] = {
    "categories": crm.categories,
    "deal-categories": crm.deal_categories,
    "guide": portal.guide,
    "items": crm.items,
    "me": portal.me,
    "smart-processes": crm.smart_processes,
    "stage-history": crm.stage_history,
    "tasks": work.tasks,
    "timeline-logs": work.timeline_logs,
    "triggers": automation.triggers,
    "userfields": userfields.userfields,
    "users": work.users,
    "workflows": automation.workflows,
}


def dispatch(gateway: Gateway, call: Call) -> Reply:
    """The answer of the route, or its refusal as an exception."""
    name, *rest = call.segments or ("",)
    if call.method == "POST" and call.segments[-1] == "batch":
        run = batch.batch if len(call.segments) == 1 else records.record_batch
        return run(gateway, call, dispatch)
    special = _SPECIAL.get(name)
    if special is not None:
        return special(gateway, call)
    entity = gateway.registry.get(name)
    if entity is None or not entity.ops:
        raise no_route()
    if rest[1:2] == ["products"]:
        return crm.product_rows(gateway, call, entity, tuple(rest))
    return entity_route(gateway, call, entity, tuple(rest))
