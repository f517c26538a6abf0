"""REST of the demo portal: product rows, user fields, and the older lists that send text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .demo_client import Client, column, sql
from .rest_asking import SELLER, ask, refused, rows, walked, write

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal


def test_product_rows_belong_to_one_record(own_portal: DemoPortal) -> None:
    owner = column(own_portal, "SELECT ownerId FROM product_rows GROUP BY 1 ORDER BY COUNT(*) DESC")[0]
    write(
        own_portal,
        f"UPDATE product_rows SET price = 190, discount = 5, taxRate = 20, taxIncluded = 0, quantity = 2 "
        f"WHERE ownerId = {owner}",
    )

    answer = ask(own_portal, "crm.item.productrow.list", filter={"=ownerType": "D", "=ownerId": owner})

    found = answer["result"]["productRows"]
    assert [(row["id"], row["productId"], row["productName"]) for row in found] == sql(
        own_portal, "SELECT id, productId, productName FROM product_rows WHERE ownerId = ? ORDER BY id", owner
    )
    amounts = (
        "price",
        "priceExclusive",
        "priceNetto",
        "quantity",
        "discountRate",
        "discountSum",
        "taxRate",
        "taxIncluded",
    )
    assert [found[0][name] for name in amounts] == [190, 190, 200, 2, 5, 10, 20, "N"]
    assert answer["total"] == len(found)


def test_product_rows_need_an_owner_that_the_caller_may_read(portal: DemoPortal) -> None:
    method, foreign = (
        "crm.item.productrow.list",
        column(portal, "SELECT id FROM deals WHERE assignedById <> 57 LIMIT 1")[0],
    )

    refusals = [
        refused(portal, method, SELLER, filter=given)[:2]
        for given in (
            {"=ownerType": "D"},
            {"=ownerType": "X", "=ownerId": 1},
            {"=ownerType": "D", "=ownerId": 99999},
            {"=ownerType": "D", "=ownerId": foreign},
        )
    ]

    assert refusals == [
        (400, "INVALID_ARG_VALUE"),
        (400, "ENTITY_TYPE_NOT_SUPPORTED"),
        (400, "OWNER_NOT_FOUND"),
        (400, "ACCESS_DENIED"),
    ]


@pytest.mark.parametrize("kind", ["deal", "lead", "contact", "company", "quote"])
def test_user_fields_are_those_of_the_gateway_with_labels_on_demand(portal: DemoPortal, kind: str) -> None:
    paths = {"company": "companies"}
    with Client(portal) as client:
        known = client.get(f"/v1/userfields/{paths.get(kind, kind + 's')}")["data"]

    method = f"crm.{kind}.userfield.list"
    bare, labelled = ask(portal, method), ask(portal, method, filter={"LANG": "ru"})

    def told(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["ID"], row["FIELD_NAME"], row["USER_TYPE_ID"], row["MULTIPLE"], row.get("EDIT_FORM_LABEL")

    expected = [
        (str(field["id"]), field["fieldName"], field["userTypeId"], field["multiple"], field["editFormLabel"]["ru"])
        for field in known
    ]
    assert list(map(told, labelled["result"])) == expected
    assert [told(row)[-1] for row in bare["result"]] == [None] * len(known)
    assert (bare["total"], "next" in bare) == (len(known), False)


def test_user_fields_are_filtered_sorted_and_name_their_options(portal: DemoPortal) -> None:
    method = "crm.deal.userfield.list"

    lists = rows(portal, method, filter={"USER_TYPE_ID": "enumeration"}, order={"ID": "DESC"})

    assert [row["FIELD_NAME"] for row in lists] == ["UF_CRM_1700000004", "UF_CRM_1700000001"]
    assert lists[1]["LIST"][0] == {"ID": "202", "SORT": "10", "VALUE": "Высокий", "DEF": "N", "XML_ID": "option-202"}
    assert rows(portal, "crm.requisite.userfield.list") == []


def test_user_fields_of_invoices_and_smart_processes_are_configurations(portal: DemoPortal) -> None:
    method = "userfieldconfig.list"
    params: dict[str, Any] = {"moduleId": "crm", "select": {"0": "*", "language": "ru"}}

    contracts = ask(portal, method, **params, filter={"entityId": "CRM_3"})
    invoices = ask(portal, method, moduleId="crm", filter={"entityId": "CRM_SMART_INVOICE"}, select=["fieldName"])

    kind = contracts["result"]["fields"][0]
    assert (kind["fieldName"], kind["editFormLabel"]) == ("UF_CRM_3_1700000101", {"ru": "Вид договора"})
    assert (contracts["total"], "next" in contracts) == (8, False)
    assert invoices == {"result": {"fields": [{"fieldName": "UF_CRM_SMART_INVOICE_1700000241"}]}, "total": 1}
    assert ask(portal, method, **params, filter={"entityId": "CRM_99"}) == {"result": {"fields": []}, "total": 0}
    assert refused(portal, method, SELLER, **params)[:2] == (401, "insufficient_scope")
    assert refused(portal, method, moduleId="rpa")[:2] == (403, "ACCESS_DENIED")


@pytest.mark.parametrize(
    ("kind", "table"),
    [("lead", "leads"), ("deal", "deals"), ("contact", "contacts"), ("company", "companies"), ("quote", "quotes")],
)
def test_older_lists_send_text(portal: DemoPortal, kind: str, table: str) -> None:
    found = walked(portal, f"crm.{kind}.list", order={"ID": "ASC"}, filter={"nonsense": 1, "logic": "OR"})

    assert [row["ID"] for row in found] == [str(key) for key in column(portal, f"SELECT id FROM {table} ORDER BY id")]
    assert {type(value) for row in found for value in row.values()} <= {str, list, dict, type(None)}


def test_an_older_deal_has_its_older_names(portal: DemoPortal) -> None:
    deal = rows(portal, "crm.deal.list", filter={"ID": 3}, select=["OPPORTUNITY", "DATE_CREATE", "CLOSEDATE", "UF_*"])[
        0
    ]

    expected = sql(
        portal,
        "SELECT CAST(id AS TEXT), printf('%.2f', amount), strftime('%Y-%m-%dT%H:%M:%S', createdAt, '+3 hours') || "
        "'+03:00', closedAt || 'T03:00:00+03:00', CAST(UF_CRM_1700000009 AS TEXT) FROM deals WHERE id = 3",
    )[0]
    names = ("ID", "OPPORTUNITY", "DATE_CREATE", "CLOSEDATE", "UF_CRM_1700000009")
    assert tuple(deal[name] for name in names) == expected
    assert "TITLE" not in deal


def test_older_lists_match_phones_and_mails_exactly(portal: DemoPortal) -> None:
    number, phone, email = sql(
        portal,
        "SELECT id, json_extract(phone, '$[0].VALUE'), json_extract(email, '$[0].VALUE') FROM contacts "
        "WHERE phone <> '[]' AND email <> '[]' LIMIT 1",
    )[0]

    def found(**given: object) -> list[Any]:
        return rows(portal, "crm.contact.list", filter=given, select=["ID", "PHONE"])

    same = [{"ID": "10", "VALUE_TYPE": "MOBILE", "VALUE": phone, "TYPE_ID": "PHONE"}]
    assert found(PHONE=phone) == [{"ID": str(number), "PHONE": same}]
    assert [row["ID"] for row in found(EMAIL=[email, "nobody@example.com"])] == [str(number)]
    assert found(PHONE=phone[:-1]) == []


def test_older_lists_show_only_what_the_caller_may_read(portal: DemoPortal) -> None:
    own = walked(portal, "crm.deal.list", SELLER, order={"ID": "ASC"}, select=["ID"])

    assert [int(row["ID"]) for row in own] == column(
        portal, "SELECT id FROM deals WHERE assignedById = 57 AND categoryId <> 7 ORDER BY id"
    )


def test_older_fields_name_phones_by_themselves_and_keep_labels_of_user_fields_apart(portal: DemoPortal) -> None:
    fields = ask(portal, "crm.contact.fields")["result"]
    own = next(name for name in fields if name.startswith("UF_CRM_"))

    assert (fields["PHONE"]["type"], fields["PHONE"]["title"]) == ("crm_multifield", "Телефон")
    assert (fields["LAST_NAME"]["type"], fields["LAST_NAME"]["title"]) == ("string", "Фамилия")
    assert fields[own]["title"] == own
    assert fields[own]["formLabel"] not in {"", own}
    assert "FM" not in fields
