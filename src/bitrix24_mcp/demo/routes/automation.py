"""Running workflows and triggers (docs/automation)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import workflows as instances
from bitrix24_mcp.demo.calls import Reply, success
from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.errors import GatewayError, bad_params
from bitrix24_mcp.demo.listing import whole
from bitrix24_mcp.demo.routes.generic import no_route
from bitrix24_mcp.demo.search import DURATION_MS
from bitrix24_mcp.demo.values import record

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call, Json
    from bitrix24_mcp.demo.gateway import Gateway

PAGE = 50
_DOCUMENTS = {
    "deal": ("deals", "CCrmDocumentDeal", "DEAL"),
    "lead": ("leads", "CCrmDocumentLead", "LEAD"),
    "contact": ("contacts", "CCrmDocumentContact", "CONTACT"),
    "company": ("companies", "CCrmDocumentCompany", "COMPANY"),
}


def workflows(gateway: Gateway, call: Call) -> Reply:
    """`/v1/workflows`: for administrators only, as the Bitrix24 method behind it."""
    call.key.require(("bizproc",))
    call.key.require_admin()
    match call.method, call.segments[1:]:
        case "GET", ():
            return _list(gateway, call)
        case "POST", ("start",):
            return _start(gateway, call)
        case "POST", ("event",):
            call.key.require_write("bizproc.event.send")
            _require(call.payload, "eventToken")
            return success(data=True)
        case "POST", ("activity-log",):
            call.key.require_write("bizproc.activity.log")
            return success(data=True)
        case "DELETE", (workflow,):
            return _terminate(gateway, call, workflow)
        case _:
            raise no_route()


def _list(gateway: Gateway, call: Call) -> Reply:
    """Fifty a page, newest change first; nothing but template, starter and offset is looked at."""
    entity = gateway.registry["workflows"]
    where = Where()
    for parameter, column in (("templateId", "TEMPLATE_ID"), ("startedBy", "STARTED_BY")):
        if parameter in call.params:
            where &= equals(column, str(whole(call.params, parameter, 0)))
    offset = whole(call.params, "offset", 0)
    names = tuple(entity.by_name)
    order = f"{quote('MODIFIED')} DESC, {quote('ID')}"
    rows = gateway.database.rows(entity.table, names, where, Slice(order, PAGE, offset))
    records = [record(entity, row, names) for row in rows]
    if gateway.switches.workflow_document_list:
        for entry in records:
            entry["DOCUMENT_ID"] = [entry["MODULE_ID"], entry["ENTITY"], entry["DOCUMENT_ID"]]
    total = gateway.database.count(entity.table, where)
    meta = {"total": total, "hasMore": offset + len(rows) < total, "durationMs": DURATION_MS}
    return Reply({"success": True, "data": records, "total": total, "meta": meta})


def _start(gateway: Gateway, call: Call) -> Reply:
    body = call.payload
    call.key.require_write("bizproc.workflow.start")
    _require(body, "templateId", "entityType", "entityId")
    kind = str(body["entityType"])
    if kind not in _DOCUMENTS:
        raise bad_params(f"entityType must be one of {', '.join(_DOCUMENTS)}")
    path, document_class, prefix = _DOCUMENTS[kind]
    template, owner = whole(body, "templateId", 0), whole(body, "entityId", 0)
    if gateway.database.one(gateway.registry[path], owner) is None:
        raise GatewayError("BITRIX_ERROR", "Document not found")
    known = gateway.database.one(gateway.registry["bizproc-templates"], template)
    if known is None or known["entity"] != document_class:
        raise GatewayError("BITRIX_ERROR", "Workflow template not found")
    workflow = instances.start(gateway, call.key.user, template, ("crm", document_class, f"{prefix}_{owner}"))
    return success({"workflowId": workflow}, status=201)


def _terminate(gateway: Gateway, call: Call, workflow: str) -> Reply:
    forced = str(call.params.get("force", "")).lower() == "true"
    call.key.require_write("bizproc.workflow.kill" if forced else "bizproc.workflow.terminate")
    if not instances.end(gateway, workflow, forced=forced):
        raise GatewayError("ENTITY_NOT_FOUND", "Workflow not found")
    return Reply(status=204)


def triggers(gateway: Gateway, call: Call) -> Reply:
    """`GET /v1/triggers`, and firing one."""
    call.key.require(("crm",))
    match call.method, call.segments[1:]:
        case "GET", ():
            entity = gateway.registry["triggers"]
            rows = gateway.database.rows(entity.table, tuple(entity.by_name), Where(), Slice(quote("CODE")))
            return success([{**dict(row), "DOCUMENT_TYPE": json.loads(row["DOCUMENT_TYPE"])} for row in rows])
        case "POST", ("fire",):
            call.key.require_write("crm.automation.trigger.execute")
            _require(call.payload, "entityType", "entityId", "triggerId")
            return success(data=True)
        case _:
            raise no_route()


def _require(body: Json, *names: str) -> None:
    missing = [name for name in names if body.get(name) in (None, "")]
    if missing:
        raise GatewayError("MISSING_PARAMS", f"Missing required parameters: {', '.join(missing)}")
