"""Generated documents and their templates (crm.documentgenerator.document.list, .template.list)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import elements
from bitrix24_mcp.demo.rest.rights import sees_all
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.rest.tables.shape import EVERY_PREFIX, Column, Table, columns, fixed
from bitrix24_mcp.demo.schemas.papers import DOC_TEMPLATES, DOCUMENTS

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json

_CRM = ("crm",)
_FILES = "https://demo.bitrix24.ru/rest/crm.documentgenerator"
_PREFIXES = tuple(prefix for prefix in EVERY_PREFIX if "%" not in prefix)
_DOCUMENTS = Table(
    DOCUMENTS,
    (
        *columns({name: name for name in DOCUMENTS.by_name}),
        *fixed(
            {
                "fileId": None,
                "imageId": None,
                "pdfId": None,
                "updatedBy": None,
                "values": [],
                "stampsEnabled": True,
                "downloadUrlMachine": f"{_FILES}.document.download.json?auth=demo-download-secret",
            }
        ),
    ),
    prefixes=_PREFIXES,
    key="id",
)
_TEMPLATES = Table(
    DOC_TEMPLATES,
    (
        *columns({name: name for name in DOC_TEMPLATES.by_name}),
        Column("moduleId", fixed="crm"),
        Column("isDeleted", fixed="N"),
        *fixed(
            {
                "withStamps": "N",
                "download": f"{_FILES}.template.download.json?auth=demo-download-secret",
                "users": ["UA"],
            }
        ),
    ),
    prefixes=_PREFIXES,
    key="id",
)


def _documents(call: Call) -> Result:
    """Documents for those who may read every record; `entityTypeId` can be filtered by, but not selected by name."""
    _for_crm_admins(call, "ACCESS_DENIED")
    if "entityTypeId" in elements(reading.parameter(call, "select")):
        model = "\\Bitrix\\DocumentGenerator\\Model\\Document"
        raise RestError("100", f"Unknown field definition ENTITY_TYPE_ID (ENTITY_TYPE_ID) for {model} Entity")
    return reading.under("documents", reading.listed(call, _DOCUMENTS))


def _templates(call: Call) -> Result:
    """Templates as a map by their ids, for those who may change them."""
    _for_crm_admins(call, "DOCGEN_ACCESS_ERROR")
    asked = elements(reading.parameter(call, "select"))
    everything = not asked or not {"*", "id"}.isdisjoint(map(str, asked))
    named = call if everything else replace(call, params={**call.params, "select": [*asked, "id"]})
    result = reading.listed(named, _TEMPLATES)
    rows = cast("list[Json]", result.result)
    by_id = {str(row["id"]): row if everything else _without_id(row) for row in rows}
    return reading.under("templates", Result(by_id or [], result.total, result.next))


def _without_id(row: Json) -> Json:
    return {name: value for name, value in row.items() if name != "id"}


def _for_crm_admins(call: Call, code: str) -> None:
    if not sees_all(call.caller):
        raise RestError(code, "Access denied")


METHODS = {
    "crm.documentgenerator.document.list": Method(_CRM, _documents),
    "crm.documentgenerator.template.list": Method(_CRM, _templates),
}
