"""REST of the demo portal: the older methods change records as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .demo_client import column, sql
from .rest_asking import SELLER, ask, refused

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal


def change(portal: DemoPortal, kind: str, number: int, **fields: Any) -> None:
    assert ask(portal, f"crm.{kind}.update", id=number, fields=fields)["result"] is True


def phones(portal: DemoPortal, number: int) -> list[dict[str, Any]]:
    listed = ask(portal, "crm.contact.list", filter={"ID": number}, select=["ID", "PHONE"])["result"]
    return listed[0]["PHONE"]


@pytest.mark.parametrize(
    ("kind", "table", "name", "stored"),
    [
        ("lead", "leads", "COMPANY_TITLE", "companyTitle"),
        ("deal", "deals", "SOURCE_DESCRIPTION", "sourceDescription"),
        ("contact", "contacts", "POST", "post"),
        ("company", "companies", "ORIGIN_ID", "originId"),
        ("quote", "quotes", "TITLE", "title"),
    ],
)
def test_a_record_of_each_kind_is_changed_by_names_in_capitals(
    own_portal: DemoPortal, kind: str, table: str, name: str, stored: str
) -> None:
    change(own_portal, kind, 3, **{name: "новое", "COLOUR": "red", "ID": 9})

    assert column(own_portal, f"SELECT {stored} FROM {table} WHERE id = 3") == ["новое"]


def test_values_are_written_as_text_and_lists_emptied(own_portal: DemoPortal) -> None:
    change(
        own_portal,
        "deal",
        3,
        OPPORTUNITY="1500.50",
        OPENED="N",
        CLOSEDATE="2026-12-01",
        UF_CRM_1700000001="203",
        UF_CRM_1700000004=["301", "302"],
        UF_CRM_1700000009="1",
    )
    names = "amount, opened, closedAt, UF_CRM_1700000001, UF_CRM_1700000004, UF_CRM_1700000009"
    written = sql(own_portal, f"SELECT {names} FROM deals WHERE id = 3")
    change(own_portal, "deal", 3, UF_CRM_1700000001="", UF_CRM_1700000004=[])
    emptied = sql(own_portal, "SELECT UF_CRM_1700000001, UF_CRM_1700000004 FROM deals WHERE id = 3")

    assert written == [(1500.5, 0, "2026-12-01", "203", '["301", "302"]', 1)]
    assert emptied == [(None, "[]")]


def test_a_deal_does_not_change_its_funnel_this_way(own_portal: DemoPortal) -> None:
    number = column(own_portal, "SELECT id FROM deals WHERE categoryId = 0 LIMIT 1")[0]
    before = sql(own_portal, "SELECT * FROM deals WHERE id = ?", number)

    change(own_portal, "deal", number, CATEGORY_ID=5)

    assert sql(own_portal, "SELECT * FROM deals WHERE id = ?", number) == before


def test_phones_are_added_unless_their_number_is_told(own_portal: DemoPortal) -> None:
    number = column(own_portal, "SELECT id FROM contacts WHERE phone <> '[]' LIMIT 1")[0]
    first = phones(own_portal, number)[0]

    change(own_portal, "contact", number, PHONE=[{"VALUE": "+79160000001", "VALUE_TYPE": "HOME"}])
    added = phones(own_portal, number)
    change(
        own_portal,
        "contact",
        number,
        PHONE=[{"ID": first["ID"], "VALUE": ""}, {"ID": added[1]["ID"], "VALUE": "+79160000002", "VALUE_TYPE": "WORK"}],
    )
    changed = phones(own_portal, number)
    change(own_portal, "contact", number, PHONE=[])

    assert added == [first, {**added[1], "VALUE": "+79160000001", "VALUE_TYPE": "HOME", "TYPE_ID": "PHONE"}]
    assert changed == [{**added[1], "VALUE": "+79160000002", "VALUE_TYPE": "WORK"}] == phones(own_portal, number)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"fields": {}}, "ID is not defined or invalid."),
        ({"id": 99_999, "fields": {}}, "Not found"),
        ({"id": 5}, "Parameter 'fields' must be array."),
        ({"id": 5, "fields": {"STAGE_ID": "C7:NEW"}}, "Stage C7:NEW does not exist in this funnel"),
        ({"id": 5, "fields": {"ASSIGNED_BY_ID": 9_999}}, "User 9999 does not exist"),
        ({"id": 5, "fields": {"OPPORTUNITY": "much"}}, "'much' is not a real"),
    ],
)
def test_a_wrong_change_is_refused_without_a_code(portal: DemoPortal, params: dict[str, Any], text: str) -> None:
    assert refused(portal, "crm.deal.update", **params) == (400, "", text)


def test_ordinary_users_change_what_they_see(own_portal: DemoPortal) -> None:
    foreign = column(own_portal, "SELECT id FROM deals WHERE assignedById <> 57 LIMIT 1")[0]

    assert refused(own_portal, "crm.deal.update", SELLER, id=foreign, fields={"TITLE": "x"}) == (
        400,
        "",
        "Access denied.",
    )
