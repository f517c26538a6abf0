"""What a workflow runs on: Bitrix24's document ids as entity and id.

Document classes and ids: bizproc.workflow.instances and docs/automation/workflows.
"""

import re
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entities import RESERVED

_TYPED = {
    "LEAD": "leads",
    "DEAL": "deals",
    "CONTACT": "contacts",
    "COMPANY": "companies",
    "QUOTE": "quotes",
    "SMART_INVOICE": "invoices",
}
CLASSES = {
    "leads": "CCrmDocumentLead",
    "deals": "CCrmDocumentDeal",
    "contacts": "CCrmDocumentContact",
    "companies": "CCrmDocumentCompany",
    "quotes": "Bitrix\\Crm\\Integration\\BizProc\\Document\\Quote",
    "invoices": "Bitrix\\Crm\\Integration\\BizProc\\Document\\SmartInvoice",
}
"""The document classes by entity; items of every smart process share one class, so they are asked for by document."""
_DYNAMIC = re.compile(r"DYNAMIC_(\d+)_(\d+)")
_PLAIN = re.compile(r"(" + "|".join(_TYPED) + r")_(\d+)")


def document(module: str, document_id: Any) -> dict[str, Any]:
    """`{entity, id}` with the entity as the tools accept it, or `{module, raw}` for what is not a CRM record.

    The id may also come as the list `[module, class, id]`.
    """
    parts = cast("list[Any]", document_id) if isinstance(document_id, list) else [document_id]
    raw = str(parts[-1]) if parts and parts[-1] is not None else ""
    if module in {"crm", ""}:
        if found := _PLAIN.fullmatch(raw):
            return {"entity": _TYPED[found[1]], "id": int(found[2])}
        if found := _DYNAMIC.fullmatch(raw):
            own = RESERVED.get(int(found[1]))
            return {"entity": own.name if own else found[1], "id": int(found[2])}
    return {"module": module, "raw": raw}
