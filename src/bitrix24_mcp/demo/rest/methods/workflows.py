"""Business processes, for portal administrators only (bizproc.workflow.instances, bizproc.workflow.template.list)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.calls import Method, RestError
from bitrix24_mcp.demo.rest.parameters import elements
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.rest.tables.shape import COMPARING_PREFIXES, Column, Table, columns, fixed
from bitrix24_mcp.demo.schemas.automation import BIZPROC_TEMPLATES, WORKFLOWS

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json, Result

_INSTANCES = Table(
    WORKFLOWS,
    columns(
        {name: name for name in WORKFLOWS.by_name},
        # The portal keeps these two as numbers, though it sends text.
        Column("STARTED_BY", "STARTED_BY", expression='CAST("STARTED_BY" AS INTEGER)', numeric=True),
        Column("TEMPLATE_ID", "TEMPLATE_ID", expression='CAST("TEMPLATE_ID" AS INTEGER)', numeric=True),
    ),
    prefixes=COMPARING_PREFIXES,
    defaults=("ID", "MODIFIED", "OWNED_UNTIL"),
    order=(("MODIFIED", "DESC"),),
)
_TEMPLATES = Table(
    BIZPROC_TEMPLATES,
    (
        *columns(
            {
                "ID": "id",
                "MODULE_ID": "moduleId",
                "ENTITY": "entity",
                "DOCUMENT_TYPE": "documentType",
                "AUTO_EXECUTE": "autoExecute",
                "NAME": "name",
                "DESCRIPTION": "description",
                "MODIFIED": "modified",
                "IS_MODIFIED": "isModified",
                "USER_ID": "userId",
            },
            Column("DOCUMENT_TYPE", "documentType", expression="json_extract(documentType, '$[2]')"),
        ),
        *fixed({"TEMPLATE": [], "PARAMETERS": [], "VARIABLES": [], "CONSTANTS": [], "SYSTEM_CODE": None}),
    ),
    prefixes=COMPARING_PREFIXES,
    defaults=("ID",),
)


def _instances(call: Call) -> Result:
    """Running instances only, the latest change first."""
    for_administrators(call)
    return reading.listed(call, _INSTANCES)


def _templates(call: Call) -> Result:
    """Templates; a document type is shown by its last part, `DEAL` say."""
    for_administrators(call)
    return reading.each(reading.listed(call, _TEMPLATES), _template)


def _template(row: Json) -> Json:
    parts = elements(row.get("DOCUMENT_TYPE"))
    return {**row, "DOCUMENT_TYPE": parts[-1]} if parts else row


def for_administrators(call: Call) -> None:
    """Refuse everybody else."""
    if not call.caller.admin:
        raise RestError("ACCESS_DENIED", "Access denied!", 403)


_BIZPROC = ("bizproc",)
METHODS = {
    "bizproc.workflow.instances": Method(_BIZPROC, _instances),
    "bizproc.workflow.instance.list": Method(_BIZPROC, _instances),
    "bizproc.workflow.template.list": Method(_BIZPROC, _templates),
}
