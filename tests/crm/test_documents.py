"""What a workflow runs on is named as the tools accept it, or kept as it is."""

from typing import Any

import pytest

from bitrix24_mcp.crm.workflows.documents import document


@pytest.mark.parametrize(
    ("module", "document_id", "read"),
    [
        ("crm", "DEAL_5141", {"entity": "deals", "id": 5141}),
        ("crm", "LEAD_1", {"entity": "leads", "id": 1}),
        ("crm", "CONTACT_2", {"entity": "contacts", "id": 2}),
        ("crm", "COMPANY_3", {"entity": "companies", "id": 3}),
        ("crm", "QUOTE_4", {"entity": "quotes", "id": 4}),
        ("crm", "SMART_INVOICE_5", {"entity": "invoices", "id": 5}),
        ("crm", "DYNAMIC_31_5", {"entity": "invoices", "id": 5}),
        ("crm", "DYNAMIC_174_783", {"entity": "174", "id": 783}),
        ("crm", ["crm", "CCrmDocumentDeal", "DEAL_100"], {"entity": "deals", "id": 100}),
        ("", "DEAL_7", {"entity": "deals", "id": 7}),
        ("crm", "DEAL_", {"module": "crm", "raw": "DEAL_"}),
        ("crm", "XDEAL_5", {"module": "crm", "raw": "XDEAL_5"}),
        ("crm", "DEAL_5_6", {"module": "crm", "raw": "DEAL_5_6"}),
        ("lists", "DEAL_5", {"module": "lists", "raw": "DEAL_5"}),
        ("disk", 815, {"module": "disk", "raw": "815"}),
        ("crm", [], {"module": "crm", "raw": ""}),
        ("crm", None, {"module": "crm", "raw": ""}),
    ],
    ids=str,
)
def test_a_document_is_named(module: str, document_id: Any, read: dict[str, Any]) -> None:
    assert document(module, document_id) == read
