"""Which requests to a portal write: all but those that are known to read."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.recording import RecordedRequest

READING_ROUTES = ("/search", "/aggregate")
"""How routes of the gateway end that are posted to and read; all that are got read as well (docs/entity-api)."""
READING_ACTIONS = frozenset({"get", "list"})
"""What a batch of the gateway may hold (docs/batch)."""
READING_METHODS = frozenset({
    "bizproc.task.list", "bizproc.workflow.instances", "bizproc.workflow.template.list", "calendar.event.get",
    "calendar.event.getbyid", "catalog.catalog.list", "catalog.product.list", "crm.activity.fields",
    "crm.activity.get", "crm.activity.list", "crm.category.list", "crm.company.fields", "crm.contact.fields",
    "crm.currency.fields", "crm.currency.get", "crm.currency.list", "crm.documentgenerator.document.list",
    "crm.documentgenerator.template.list", "crm.item.fields", "crm.item.get", "crm.item.list",
    "crm.item.productrow.list", "crm.lead.fields", "crm.product.fields", "crm.product.get", "crm.product.list",
    "crm.productsection.fields", "crm.productsection.get", "crm.productsection.list",
    "crm.requisite.bankdetail.fields", "crm.requisite.bankdetail.get", "crm.requisite.bankdetail.list",
    "crm.requisite.fields", "crm.requisite.get", "crm.requisite.list", "crm.requisite.preset.fields",
    "crm.requisite.preset.get", "crm.requisite.preset.list", "crm.stagehistory.list", "crm.status.entity.items",
    "crm.status.list", "crm.timeline.comment.fields", "crm.timeline.comment.get", "crm.timeline.comment.list",
    "crm.type.fields", "crm.type.list", "department.get", "disk.file.get", "disk.file.getFields", "disk.folder.get",
    "disk.folder.getFields", "disk.folder.getchildren", "disk.storage.get", "disk.storage.getFields",
    "disk.storage.getlist", "profile", "sale.order.getFields", "sale.order.list", "scope", "sonet_group.get",
    "tasks.task.get", "tasks.task.getFields", "tasks.task.list", "user.fields", "user.get",
})  # fmt: skip
"""Methods of REST that read; each is called by a name of its own."""


def writes(portal: DemoPortal) -> list[str]:
    """What wrote, or tried to, in order: `POST /v1/deals`, `crm.item.update`."""
    return [what for request in list(portal.requests) for what in _writes(request)]


def _writes(request: RecordedRequest) -> Iterator[str]:
    told = f"{request.method} {request.path}"
    if request.path.startswith("/rest/"):
        yield from (method for method in _methods(request) if method not in READING_METHODS)
    elif request.path == "/v1/batch":
        calls = cast("list[Mapping[str, Any]]", _object(request.body).get("calls", []))
        yield from (
            f"{call['action']} {call.get('entity', '')}" for call in calls if call["action"] not in READING_ACTIONS
        )
    elif request.method == "POST":
        if not request.path.endswith(READING_ROUTES):
            yield told
    elif request.method != "GET":
        yield told


def _methods(request: RecordedRequest) -> list[str]:
    method = request.path.rsplit("/", 1)[-1].removesuffix(".json")
    if method != "batch":
        return [method]
    commands = _object(_object(request.body).get("cmd"))
    return [str(command).split("?")[0] for command in commands.values()]


def _object(body: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}
