"""REST of the demo portal: how items and their fields are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_mcp.demo import DemoPortal, RestSwitches

from .demo_client import Client, column, sql
from .item_asking import TABLES, fields, get, items
from .rest_asking import ADMIN, SELLER, ask, refused, write

if TYPE_CHECKING:
    from collections.abc import Iterator

MULTIFIELD = {
    "type": "crm_multifield",
    "isRequired": False,
    "isReadOnly": False,
    "isImmutable": False,
    "isMultiple": True,
    "isDynamic": False,
    "title": "Контактные данные",
    "upperName": "FM",
}


@pytest.fixture(scope="module")
def broken() -> Iterator[DemoPortal]:
    with DemoPortal.start(deals=300, limits=False, rest=RestSwitches(original_names_broken=True)) as portal:
        yield portal


def test_select_sends_what_it_names_and_multifields_only_with_the_star(portal: DemoPortal) -> None:
    one: dict[str, Any] = {"entityTypeId": 3, "filter": {"id": 1}}
    selects: list[Any] = [["id", "name", "colour", "fm"], ["*"], [], ["entityTypeId"]]
    rows = [ask(portal, "crm.item.list", **one, select=select)["result"]["items"][0] for select in selects]

    named, star, default, number = rows
    assert (named, number) == ({"id": 1, "name": star["name"]}, {"entityTypeId": 3})
    assert default == {name: value for name, value in star.items() if name != "fm"}
    phone, email = column(
        portal,
        "SELECT json_extract(phone, '$[0].VALUE') FROM contacts WHERE id = 1 UNION ALL "
        "SELECT json_extract(email, '$[0].VALUE') FROM contacts WHERE id = 1",
    )
    assert star["fm"] == [
        {"id": 10, "typeId": "PHONE", "valueType": "MOBILE", "value": phone},
        {"id": 11, "typeId": "EMAIL", "valueType": "WORK", "value": email},
    ]


def test_values_are_numbers_flags_options_and_moments_of_the_portal(own_portal: DemoPortal) -> None:
    """A day is midnight UTC in the portal's zone; a file's address for programs holds their credential."""
    write(
        own_portal,
        "UPDATE deals SET UF_CRM_1700000001 = '203', UF_CRM_1700000002 = 12.5, UF_CRM_1700000003 = '1500.50|RUB', "
        "UF_CRM_1700000004 = '[\"301\", \"304\"]', UF_CRM_1700000007 = '2024-04-19', UF_CRM_1700000009 = 1, "
        'UF_CRM_1700000008 = \'2026-02-03T21:30:00Z\', UF_CRM_1700000014 = \'{"id": 9, "urlDownload": "/file/9"}\', '
        "amount = 100.0, closed = 1, createdAt = '2026-02-03T21:30:00Z', closedAt = '2024-04-19', sourceId = NULL "
        "WHERE id = 7",
    )
    expected = {
        "opportunity": 100,
        "closed": "Y",
        "createdTime": "2026-02-04T00:30:00+03:00",
        "closedate": "2024-04-19T03:00:00+03:00",
        "sourceId": None,
        "ufCrm_1700000001": 203,
        "ufCrm_1700000002": 12.5,
        "ufCrm_1700000003": "1500.50|RUB",
        "ufCrm_1700000004": [301, 304],
        "ufCrm_1700000007": "2024-04-19T03:00:00+03:00",
        "ufCrm_1700000008": "2026-02-04T00:30:00+03:00",
        "ufCrm_1700000009": "Y",
        "ufCrm_1700000014": {
            "id": 9,
            "url": "/file/9",
            "urlMachine": f"{own_portal.url}/rest/{ADMIN}/crm.controller.item.getFile.json?fileId=9",
        },
    }

    full = get(own_portal, 2, 7)

    assert {name: full[name] for name in expected} == expected
    assert items(own_portal, 2, select=list(expected), filter={"id": 7}) == [expected]


def test_an_empty_field_is_null_and_an_empty_list_is_one(own_portal: DemoPortal) -> None:
    write(
        own_portal, "UPDATE deals SET UF_CRM_1700000004 = NULL, UF_CRM_1700000002 = NULL, closedAt = NULL WHERE id = 8"
    )

    deal = get(own_portal, 2, 8)

    assert (deal["ufCrm_1700000004"], deal["ufCrm_1700000002"], deal["closedate"]) == ([], None, None)


@pytest.mark.parametrize(
    ("kind", "names", "columns"),
    [
        (1, "title,stageId,opportunity,currencyId,companyTitle", "title,statusId,amount,currency,companyTitle"),
        (2, "opportunity,currencyId,stageSemanticId,typeId", "amount,currency,stageSemanticId,typeId"),
        (3, "name,lastName,typeId,ufCrm_1700000211", "name,lastName,typeId,UF_CRM_1700000211 || 'T03:00:00+03:00'"),
        (4, "title,typeId,revenue,industry", "title,companyType,revenue,industry"),
        (7, "opportunity,dealId,begindate", "amount,dealId,beginDate || 'T03:00:00+03:00'"),
        (31, "stageId,parentId2,ufCrm_SMART_INVOICE_1700000241", "stageId,parentId2,ufCrm_SMART_INVOICE_1700000241"),
        (156, "categoryId,parentId174,ufCrm7_1652689365", "categoryId,parentId174,ufCrm7_1652689365"),
        (1038, "stageId,categoryId,ufCrm11_1700000122", "stageId,categoryId,ufCrm11_1700000122"),
    ],
)
def test_each_type_has_its_own_names(portal: DemoPortal, kind: int, names: str, columns: str) -> None:
    selected = items(portal, kind, select=names.split(","))

    assert [tuple(item.values()) for item in selected] == sql(
        portal, f"SELECT {columns} FROM {TABLES[kind]} ORDER BY id"
    )
    assert list(selected[0]) == names.split(",")


@pytest.mark.parametrize("kind", TABLES)
def test_every_field_of_a_type_can_be_read_filtered_and_sorted(portal: DemoPortal, kind: int) -> None:
    names = [name for name in fields(portal, kind) if name != "fm"]

    item = items(portal, kind)[0]
    answers = [
        ask(portal, "crm.item.list", entityTypeId=kind, select=["id"], filter={name: ""}, order={name: "DESC"})
        for name in names
    ]

    assert [name for name in item if name != "entityTypeId"] == [name for name in names if name != "entityTypeId"]
    assert item["entityTypeId"] == kind
    assert len(answers) == len(names)


@pytest.mark.parametrize(
    ("kind", "added"),
    [
        (1, {"entityTypeId", "observers", "contactIds", "fm"}),
        (2, set[str]()),
        (3, {"entityTypeId", "fm"}),
        (4, {"entityTypeId", "contactIds", "fm"}),
        (7, {"entityTypeId", "observers", "contactIds"}),
        (31, {"entityTypeId", "observers", "contactIds"}),
        (174, {"entityTypeId"}),
    ],
)
def test_one_item_has_more_than_its_fields(portal: DemoPortal, kind: int, added: set[str]) -> None:
    item = get(portal, kind, 3)

    assert set(item) - (set(fields(portal, kind)) - {"fm"}) == added
    assert (item["id"], item["entityTypeId"]) == (3, kind)


def test_the_contacts_of_a_company_are_those_that_name_it(portal: DemoPortal) -> None:
    company = column(portal, "SELECT companyId FROM contacts WHERE companyId > 0 GROUP BY 1 ORDER BY COUNT(*) DESC")[0]

    assert get(portal, 4, company)["contactIds"] == column(
        portal, "SELECT id FROM contacts WHERE companyId = ? ORDER BY id", company
    )


def test_an_item_that_is_not_there_or_not_the_callers_is_refused(portal: DemoPortal) -> None:
    foreign = column(portal, "SELECT id FROM deals WHERE assignedById <> 57 LIMIT 1")[0]

    missing = refused(portal, "crm.item.get", entityTypeId=2, id=99999)
    closed = refused(portal, "crm.item.get", SELLER, entityTypeId=2, id=foreign)

    assert missing == (400, "NOT_FOUND", "Item not found")
    assert closed == (400, "ACCESS_DENIED", "Access denied")


def test_fields_say_what_a_value_is_and_what_it_is_called_elsewhere(portal: DemoPortal) -> None:
    deal, lead, contract = fields(portal, 2), fields(portal, 1), fields(portal, 174)
    plain = {"isRequired": False, "isReadOnly": False, "isImmutable": False, "isMultiple": False, "isDynamic": False}
    custom = plain | {"isDynamic": True}

    assert [deal["stageId"], deal["opportunity"], deal["createdTime"], deal["ufCrm_1700000013"]] == [
        plain | {"type": "crm_status", "title": "Стадия сделки", "upperName": "STAGE_ID", "statusType": "DEAL_STAGE"},
        plain | {"type": "double", "title": "Сумма", "upperName": "OPPORTUNITY"},
        plain | {"type": "datetime", "isReadOnly": True, "title": "Дата создания", "upperName": "DATE_CREATE"},
        custom
        | {
            "type": "crm_status",
            "title": "Отрасль клиента",
            "upperName": "UF_CRM_1700000013",
            "settings": {"ENTITY_TYPE": "INDUSTRY"},
            "statusType": "INDUSTRY",
        },
    ]
    assert (lead["stageId"]["upperName"], lead["fm"]) == ("STATUS_ID", MULTIFIELD)
    assert [contract["parentId2"], contract["ufCrm3_1700000107"]] == [
        plain
        | {
            "type": "crm_entity",
            "title": "Сделка",
            "upperName": "PARENT_ID_2",
            "settings": {"parentEntityTypeId": 2},
        },
        custom
        | {
            "type": "enumeration",
            "isMultiple": True,
            "title": "Приложения",
            "upperName": "UF_CRM_3_1700000107",
            "items": [
                {"ID": "511", "VALUE": "Смета"},
                {"ID": "512", "VALUE": "График"},
                {"ID": "513", "VALUE": "Чертежи"},
            ],
        },
    ]


def test_user_fields_keep_their_original_names_on_request(portal: DemoPortal) -> None:
    params: dict[str, Any] = {
        "useOriginalUfNames": "Y",
        "select": ["id", "UF_CRM_3_1700000102", "ufCrm3_1700000102"],
        "filter": {">UF_CRM_3_1700000102": 10},
        "order": {"UF_CRM_3_1700000102": "DESC", "id": "ASC"},
    }
    expected = sql(
        portal, "SELECT id, ufCrm3_1700000102 FROM items_174 WHERE ufCrm3_1700000102 > 10 ORDER BY 2 DESC, 1"
    )

    assert [tuple(item.values()) for item in items(portal, 174, **params)] == expected
    assert {name for name in fields(portal, 174, useOriginalUfNames="Y") if name.startswith("UF_CRM_3_")} == {
        f"UF_CRM_3_{number}" for number in range(1700000101, 1700000109)
    }
    assert refused(portal, "crm.item.list", entityTypeId=2, useOriginalUfNames="Y", filter={"ufCrm_1700000001": 1}) == (
        400,
        "INVALID_ARG_VALUE",
        "Invalid filter: field 'ufCrm_1700000001' is not allowed in filter",
    )


def test_on_some_portals_original_names_spoil_select(broken: DemoPortal) -> None:
    def first(**params: Any) -> object:
        return ask(broken, "crm.item.list", entityTypeId=2, **params)["result"]["items"][0]

    mixed = first(useOriginalUfNames="Y", select=["id", "UF_CRM_1700000009"])

    assert first(useOriginalUfNames="Y", select=["id", "title"]) == []
    assert mixed in ({"UF_CRM_1700000009": "Y"}, {"UF_CRM_1700000009": "N"})
    assert first(select=["id"]) == {"id": 1}


def test_a_smart_process_made_through_the_gateway_is_served_at_once(own_portal: DemoPortal) -> None:
    with Client(own_portal) as client:
        client.post("/v1/smart-processes", {"title": "Rentals", "entityTypeId": 1040})

    types = ask(own_portal, "crm.type.list", order={"id": "ASC"})["result"]["types"]

    assert (types[-1]["title"], types[-1]["entityTypeId"]) == ("Rentals", 1040)
    assert ask(own_portal, "crm.item.list", entityTypeId=1040) == {"result": {"items": []}, "total": 0}
