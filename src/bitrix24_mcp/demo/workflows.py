"""Business processes as both doors start and end them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import equals

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity

_NEW_CLASS = "Bitrix\\Crm\\Integration\\BizProc\\Document\\"
_CLASSES = {
    "CCrmDocumentLead": ("LEAD", "leads"),
    "CCrmDocumentDeal": ("DEAL", "deals"),
    "CCrmDocumentContact": ("CONTACT", "contacts"),
    "CCrmDocumentCompany": ("COMPANY", "companies"),
    _NEW_CLASS + "Quote": ("QUOTE", "quotes"),
    _NEW_CLASS + "SmartInvoice": ("SMART_INVOICE", "invoices"),
}
_DYNAMIC = _NEW_CLASS + "Dynamic"


def document(portal: Gateway, entity: str, number: str) -> tuple[str, Entity, int] | None:
    """The type of a document of the CRM, `DEAL` or `DYNAMIC_174`, its entity and its id; None for a wrong name."""
    if entity == _DYNAMIC:
        named = re.fullmatch(r"(DYNAMIC_(\d+))_(\d+)", number)
        found = portal.registry.get(f"items/{named[2]}") if named else None
        return (named[1], found, int(named[3])) if named and found else None
    kind, path = _CLASSES.get(entity, ("", ""))
    named = re.fullmatch(rf"{kind}_(\d+)", number) if kind else None
    return (kind, portal.registry[path], int(named[1])) if named else None


def known_class(entity: str) -> bool:
    """Whether documents of the CRM have this class."""
    return entity == _DYNAMIC or entity in _CLASSES


def document_type(template: Row) -> list[str]:
    """What a template is made for: module, class and type."""
    return [str(part) for part in json.loads(template["documentType"])]


def start(portal: Gateway, user: int, template: int, document_id: tuple[str, str, str]) -> str:
    """The id of a new instance."""
    now = times.stored(times.NOW)
    number = next(portal.workflow_numbers)
    workflow = f"{int(times.NOW.timestamp()):x}{number:06x}.{number + 10**7}"
    module, entity, name = document_id
    portal.database.insert(
        "workflows",
        {
            "ID": workflow,
            "MODIFIED": now,
            "OWNED_UNTIL": None,
            "MODULE_ID": module,
            "ENTITY": entity,
            "DOCUMENT_ID": name,
            "STARTED": now,
            "STARTED_BY": str(user),
            "TEMPLATE_ID": str(template),
        },
    )
    return workflow


def end(portal: Gateway, workflow: str, *, forced: bool) -> bool:
    """Whether there was such an instance to end; `forced` removes its data, the tasks it gave, as well."""
    with portal.database.together():
        if not portal.database.delete("workflows", equals("ID", workflow)):
            return False
        if forced:
            portal.database.delete("bizproc_tasks", equals("WORKFLOW_ID", workflow))
    return True
