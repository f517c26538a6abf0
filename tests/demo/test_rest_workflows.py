"""REST of the demo portal: running business processes and their templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .demo_client import column, sql
from .rest_asking import CRM_ADMIN, ask, refused, rows, walked

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal

NAMES = [
    "ID",
    "MODIFIED",
    "OWNED_UNTIL",
    "MODULE_ID",
    "ENTITY",
    "DOCUMENT_ID",
    "STARTED",
    "STARTED_BY",
    "TEMPLATE_ID",
]
MOMENTS = ("MODIFIED", "OWNED_UNTIL", "STARTED")


def test_the_documented_request_is_answered_as_documented(portal: DemoPortal) -> None:
    """Nine named fields, those started by a person, the latest start first."""
    found = ask(
        portal, "bizproc.workflow.instances", select=NAMES, order={"STARTED": "DESC"}, filter={">STARTED_BY": 0}
    )
    shown = ", ".join(
        f"replace(datetime({name}, '+3 hours'), ' ', 'T') || '+03:00'" if name in MOMENTS else name for name in NAMES
    )
    expected = sql(
        portal,
        f"SELECT {shown} FROM workflows WHERE STARTED_BY <> '0' ORDER BY STARTED DESC, ID LIMIT 50",
    )
    total = column(portal, "SELECT COUNT(*) FROM workflows WHERE STARTED_BY <> '0'")[0]
    result = [dict(zip(NAMES, row, strict=True)) for row in expected]
    assert found == {"result": result, "total": total, "next": 50}


def test_without_parameters_three_fields_come_latest_change_first(portal: DemoPortal) -> None:
    found = ask(portal, "bizproc.workflow.instances")
    assert [list(row) for row in found["result"]] == [["ID", "MODIFIED", "OWNED_UNTIL"]] * 50
    expected = column(portal, "SELECT ID FROM workflows ORDER BY MODIFIED DESC, ID LIMIT 50")
    assert [row["ID"] for row in found["result"]] == expected


def test_all_pages_hold_every_instance_once(portal: DemoPortal) -> None:
    found = walked(portal, "bizproc.workflow.instances", select=["ID"])
    assert [row["ID"] for row in found] == column(portal, "SELECT ID FROM workflows ORDER BY MODIFIED DESC, ID")


def test_the_old_name_takes_the_same_parameters_in_upper_case(portal: DemoPortal) -> None:
    new = ask(portal, "bizproc.workflow.instances", select=["ID"], filter={"TEMPLATE_ID": 57}, order={"ID": "asc"})
    old = ask(
        portal, "bizproc.workflow.instance.list", SELECT=["ID"], FILTER={"TEMPLATE_ID": "57"}, ORDER={"ID": "ASC"}
    )
    assert old == new
    assert [row["ID"] for row in new["result"]] == column(
        portal, "SELECT ID FROM workflows WHERE TEMPLATE_ID = '57' ORDER BY ID"
    )


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({">STARTED_BY": 9}, "CAST(STARTED_BY AS INTEGER) > 9"),
        ({"STARTED_BY": "0"}, "STARTED_BY = '0'"),
        ({"!STARTED_BY": 0, "<=TEMPLATE_ID": 101}, "STARTED_BY <> '0' AND CAST(TEMPLATE_ID AS INTEGER) <= 101"),
        ({"<OWNED_UNTIL": "2026-07-15T11:55:00+03:00"}, "OWNED_UNTIL < '2026-07-15T08:55:00Z'"),
        ({"OWNED_UNTIL": ""}, "OWNED_UNTIL IS NULL"),
        ({"!OWNED_UNTIL": ""}, "OWNED_UNTIL IS NOT NULL"),
        ({">=MODIFIED": "2026-07-12 12:00:00"}, "MODIFIED >= '2026-07-12T09:00:00Z'"),
        ({"MODULE_ID": "lists"}, "MODULE_ID = 'lists'"),
        ({"ENTITY": "CCrmDocumentDeal", "!DOCUMENT_ID": "DEAL_1"}, "ENTITY = 'CCrmDocumentDeal'"),
    ],
)
def test_instances_are_filtered_by_every_prefix(portal: DemoPortal, given: dict[str, object], condition: str) -> None:
    found = walked(portal, "bizproc.workflow.instances", select=["ID"], filter=given, order={"ID": "asc"})
    assert [row["ID"] for row in found] == column(portal, f"SELECT ID FROM workflows WHERE {condition} ORDER BY ID")


@pytest.mark.parametrize(
    "method", ["bizproc.workflow.instances", "bizproc.workflow.instance.list", "bizproc.workflow.template.list"]
)
def test_only_portal_administrators_see_business_processes(portal: DemoPortal, method: str) -> None:
    assert refused(portal, method, CRM_ADMIN) == (403, "ACCESS_DENIED", "Access denied!")


def test_templates_come_with_their_ids_only_unless_more_is_named(portal: DemoPortal) -> None:
    assert ask(portal, "bizproc.workflow.template.list") == {
        "result": [{"ID": str(number)} for number in (1, 12, 57, 101, 140, 212, 301, 713, 802)],
        "total": 9,
    }
    names = ["ID", "NAME", "DOCUMENT_TYPE", "AUTO_EXECUTE", "TEMPLATE"]
    assert rows(portal, "bizproc.workflow.template.list", select=names, filter={"DOCUMENT_TYPE": "DYNAMIC_174"}) == [
        {
            "ID": "713",
            "NAME": "Contract approval",
            "DOCUMENT_TYPE": "DYNAMIC_174",
            "AUTO_EXECUTE": "1",
            "TEMPLATE": [],
        }
    ]
