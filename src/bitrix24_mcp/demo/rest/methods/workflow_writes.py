"""`bizproc.workflow.start`, `.terminate`, `.kill`: for portal administrators only (docs: bizproc)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import workflows
from bitrix24_mcp.demo.database import equals
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.methods.workflows import for_administrators
from bitrix24_mcp.demo.rest.parameters import elements, whole
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.schemas.automation import BIZPROC_TEMPLATES

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call

_WRONG_ID = "ERROR_WRONG_WORKFLOW_ID"


def _start(call: Call) -> Result:
    """The id of the instance."""
    for_administrators(call)
    template = _template(call)
    document = _document(call)
    _check_match(call, template, document)
    return Result(workflows.start(call.portal, call.caller.user_id, int(template["id"]), document))


def _template(call: Call) -> Row:
    sent = reading.parameter(call, "template_id")
    if not sent:
        raise RestError(_WRONG_ID, "Empty TEMPLATE_ID")
    row = call.portal.database.one(BIZPROC_TEMPLATES, whole(sent))
    if row is None:
        raise RestError(_WRONG_ID, "Template not found")
    return row


def _document(call: Call) -> tuple[str, str, str]:
    parts = elements(reading.parameter(call, "document_id"))
    if len(parts) != 3 or not all(isinstance(part, str) and part for part in parts):
        raise RestError("", "Wrong DOCUMENT_ID!")
    module, entity, name = (str(part) for part in parts)
    return module, entity, name


def _check_match(call: Call, template: Row, document: tuple[str, str, str]) -> None:
    """Refuse a document that there is none of, or that the template is not made for."""
    module, entity, name = document
    made_for = workflows.document_type(template)
    if module != "crm" or not workflows.known_class(entity):
        if [module, entity] != made_for[:2]:
            raise RestError("", "Incorrect document type!")
        return  # lists and the drive, of which the portal keeps nothing else
    found = workflows.document(call.portal, entity, name)
    if found is None:
        raise RestError("", "Incorrect document type!")
    kind, owner, number = found
    if [module, entity, kind] != made_for:
        raise RestError("", "Template type and DOCUMENT_ID mismatch!")
    if not call.portal.database.count(owner.table, equals("id", number)):
        raise RestError("", "Wrong DOCUMENT_ID!")


def _end(call: Call, *, forced: bool) -> Result:
    for_administrators(call)
    workflow = str(reading.parameter(call, "id") or "")
    if not workflow:
        raise RestError(_WRONG_ID, "Empty workflow instance ID")
    if not workflows.end(call.portal, workflow, forced=forced):
        raise RestError(_WRONG_ID, "Workflow instance not found")
    return Result(True)  # noqa: FBT003 - what the method answers


METHODS = {
    "bizproc.workflow.start": Method(("bizproc",), _start),
    "bizproc.workflow.terminate": Method(("bizproc",), partial(_end, forced=False)),
    "bizproc.workflow.kill": Method(("bizproc",), partial(_end, forced=True)),
}
