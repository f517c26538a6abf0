"""Starting and ending workflows, and completing the tasks that they wait for (bizproc.workflow, bizproc.task)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.workflows.documents import CLASSES
from bitrix24_mcp.rest.calling.calls import RestCall

_DYNAMIC = "Bitrix\\Crm\\Integration\\BizProc\\Document\\Dynamic"
"""The document class of items of every smart process (docs: bizproc.workflow.start)."""
_COMPLETED: Mapping[str, str] = MappingProxyType({"status": "STATUS", "comment": "COMMENT", "fields": "FIELDS"})


def has_workflows(entity: Entity) -> bool:
    """Whether a workflow can be started on records of an entity."""
    return entity.smart_process or entity.name in CLASSES


def workflow_call(change: Change) -> RestCall:
    """The call that starts a workflow, ends one, or completes a task of one."""
    values = change.values
    match change.action:
        case "start":
            parameters = {"PARAMETERS": values["parameters"]} if values.get("parameters") else {}
            started = {"TEMPLATE_ID": values.get("templateId"), "DOCUMENT_ID": _document(change), **parameters}
            return RestCall("bizproc.workflow.start", started)
        case "terminate" if values.get("forced"):
            return RestCall("bizproc.workflow.kill", {"ID": change.id})
        case "terminate":
            status = {"STATUS": values["status"]} if values.get("status") else {}
            return RestCall("bizproc.workflow.terminate", {"ID": change.id, **status})
        case _:
            told = {name: values[ours] for ours, name in _COMPLETED.items() if values.get(ours)}
            return RestCall("bizproc.task.complete", {"TASK_ID": change.id, **told})


def _document(change: Change) -> list[Any]:
    """The record as workflows call it: module, class, and a name with its type and its id."""
    entity = change.entity
    if entity.smart_process:
        return ["crm", _DYNAMIC, f"DYNAMIC_{entity.entity_type_id}_{change.id}"]
    kind = "SMART_INVOICE" if entity.name == "invoices" else entity.singular.upper()
    return ["crm", CLASSES[entity.name], f"{kind}_{change.id}"]
