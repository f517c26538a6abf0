"""REST of the demo portal: directories, smart-process types, funnels, stage history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .demo_client import column, sql
from .rest_asking import CRM_ADMIN, SELLER, ask, refused, rows

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal

DENIED = (400, "ACCESS_DENIED", "Access denied")


def test_a_directory_is_text_with_categories_and_extras_where_there_are_any(portal: DemoPortal) -> None:
    answer = ask(portal, "crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE_5", "SEMANTICS": "F"})
    plain, base, item = (
        rows(portal, "crm.status.list", filter={"ENTITY_ID": directory, "STATUS_ID": code})
        for directory, code in (("SOURCE", "CALL"), ("DEAL_STAGE", "WON"), ("DYNAMIC_174_STAGE_8", "DT174_8:NEW"))
    )

    number = str(column(portal, "SELECT id FROM statuses WHERE statusId = 'C5:LOSE'")[0])
    lost = {
        "ID": number,
        "ENTITY_ID": "DEAL_STAGE_5",
        "STATUS_ID": "C5:LOSE",
        "NAME": "Отказ партнёра",
        "NAME_INIT": "Отказ партнёра",
        "SORT": "70",
        "SYSTEM": "Y",
        "CATEGORY_ID": "5",
        "COLOR": "#FF5752",
        "SEMANTICS": "F",
        "EXTRA": {"SEMANTICS": "failure", "COLOR": "#FF5752"},
    }
    assert (answer["result"][0], answer["total"]) == (lost, 2)
    assert answer["result"][1]["EXTRA"] == {"SEMANTICS": "apology", "COLOR": "#FF5752"}
    assert ("EXTRA" in plain[0], plain[0]["CATEGORY_ID"], plain[0]["SEMANTICS"]) == (False, None, None)
    assert (base[0]["CATEGORY_ID"], base[0]["EXTRA"]["SEMANTICS"]) == (None, "success")
    assert ("EXTRA" in item[0], item[0]["CATEGORY_ID"]) == (False, "8")


def test_all_directories_come_in_one_answer(portal: DemoPortal) -> None:
    answer = ask(portal, "crm.status.list", order={"SORT": "DESC"}, start=50)

    assert [row["ID"] for row in answer["result"]] == [
        str(number) for number in column(portal, "SELECT id FROM statuses ORDER BY sort DESC, id")
    ]
    assert ("next" in answer, answer["total"]) == (False, len(answer["result"]))
    assert answer["total"] > 50


def test_items_of_a_directory_have_three_members(portal: DemoPortal) -> None:
    items = rows(portal, "crm.status.entity.items", SELLER, entityId="DEAL_STAGE_7")

    assert [(item["NAME"], item["SORT"], item["STATUS_ID"]) for item in items] == sql(
        portal, "SELECT name, sort, statusId FROM statuses WHERE entityId = 'DEAL_STAGE_7' ORDER BY sort"
    )
    assert {tuple(item) for item in items} == {("NAME", "SORT", "STATUS_ID")}


@pytest.mark.parametrize("params", [{}, {"entityId": "NOWHERE"}])
def test_a_directory_has_to_be_named(portal: DemoPortal, params: dict[str, str]) -> None:
    text = "The parameter entityId is not defined or invalid."

    assert refused(portal, "crm.status.entity.items", **params) == (400, "", text)


def test_directory_types_say_what_their_stages_belong_to(portal: DemoPortal) -> None:
    types = {entry["ID"]: entry for entry in rows(portal, "crm.status.entity.types", SELLER)}

    assert list(types) == column(portal, "SELECT entityId FROM statuses GROUP BY 1 ORDER BY MIN(id)")
    assert types["SOURCE"] == {"ID": "SOURCE", "NAME": "Источники"}
    assert types["DEAL_STAGE_5"] == {
        "ID": "DEAL_STAGE_5",
        "PARENT_ID": "DEAL_STAGE",
        "NAME": "Стадии сделки (Партнёры)",
        "PREFIX": "C5",
        "CATEGORY_ID": "5",
        "ENTITY_TYPE_ID": 2,
        "FIELD_ATTRIBUTE_SCOPE": "category_5",
        "SEMANTIC_INFO": {
            "START_FIELD": "C5:NEW",
            "FINAL_SUCCESS_FIELD": "C5:WON",
            "FINAL_UNSUCCESS_FIELD": "C5:LOSE",
            "FINAL_SORT": 0,
        },
    }
    assert types["DYNAMIC_174_STAGE_9"] == {
        "ID": "DYNAMIC_174_STAGE_9",
        "NAME": "Contracts (Renewals)",
        "PREFIX": "DT174_9",
        "ENTITY_TYPE_ID": 174,
        "CATEGORY_ID": 9,
        "CATEGORY_NAME": "Renewals",
        "CATEGORY_SORT": 500,
        "IS_DEFAULT_CATEGORY": False,
        "IS_ENABLED": True,
        "FIELD_ATTRIBUTE_SCOPE": "category_9",
        "SEMANTIC_INFO": [],
    }
    assert [types[name]["ENTITY_TYPE_ID"] for name in ("STATUS", "DEAL_STAGE", "QUOTE_STATUS")] == [1, 2, 7]


def test_directory_fields_are_described(portal: DemoPortal) -> None:
    described = ask(portal, "crm.status.fields")["result"]

    assert {name: entry["type"] for name, entry in described.items()} == {
        "ID": "integer",
        "ENTITY_ID": "string",
        "STATUS_ID": "string",
        "SORT": "integer",
        "NAME": "string",
        "NAME_INIT": "string",
        "SYSTEM": "char",
        "CATEGORY_ID": "integer",
        "COLOR": "string",
        "SEMANTICS": "char",
        "EXTRA": "crm_status_extra",
    }


def test_types_have_flags_in_letters_and_are_sorted_by_id_alone(portal: DemoPortal) -> None:
    answer = ask(portal, "crm.type.list", CRM_ADMIN, order={"id": "DESC"})
    without = ask(portal, "crm.type.list", filter={"isStagesEnabled": "N"})["result"]["types"]

    found = [(kind["id"], kind["entityTypeId"], kind["title"]) for kind in answer["result"]["types"]]
    assert found == sql(portal, "SELECT id, entityTypeId, title FROM smart_processes ORDER BY id DESC")
    assert (answer["total"], [kind["entityTypeId"] for kind in without]) == (3, [1038])
    contracts = answer["result"]["types"][-1]
    assert (contracts["code"], contracts["isStagesEnabled"], contracts["isMycompanyEnabled"]) == ("", "Y", "N")
    assert contracts["createdTime"] == "2021-07-20T16:04:10+03:00"
    text = "Unknown field definition `ID` (ID) for \\Bitrix\\Crm\\Model\\Dynamic\\Type Entity."
    assert refused(portal, "crm.type.list", order={"ID": "ASC"}) == (400, 100, text)


def test_types_are_for_administrators_of_the_crm_and_owner_types_for_everybody(portal: DemoPortal) -> None:
    owners = rows(portal, "crm.enum.ownertype", SELLER)

    assert refused(portal, "crm.type.list", SELLER) == DENIED
    assert owners[1] == {"ID": 2, "NAME": "Сделка", "SYMBOL_CODE": "DEAL", "SYMBOL_CODE_SHORT": "D"}
    assert [tuple(owner.values()) for owner in owners if owner["ID"] > 100] == [
        (174, "Contracts", "DYNAMIC_174", "Tae"),
        (156, "Закупки", "DYNAMIC_156", "T9c"),
        (1038, "Оборудование", "DYNAMIC_1038", "T40e"),
    ]


def test_one_type_names_its_relations(portal: DemoPortal) -> None:
    by_number = ask(portal, "crm.type.getByEntityTypeId", SELLER, entityTypeId=174)["result"]["type"]
    by_id = ask(portal, "crm.type.get", id=3)["result"]["type"]

    link = {"isChildrenListEnabled": "Y", "isPredefined": "N"}
    assert by_number == by_id
    assert by_id["relations"] == {"parent": [{"entityTypeId": 2, **link}], "child": [{"entityTypeId": 156, **link}]}
    assert refused(portal, "crm.type.get", id=174) == (400, "0", "SPA not found")


def test_funnels_come_in_their_order_without_the_one_that_is_closed_to_the_caller(portal: DemoPortal) -> None:
    admin, seller = (ask(portal, "crm.category.list", who, entityTypeId=2) for who in (CRM_ADMIN, SELLER))

    origin = {"originId": "", "originatorId": ""}
    common = {"id": 0, "name": "Общая", "sort": 100, "entityTypeId": 2, "isDefault": "Y"}
    partners = {"id": 5, "name": "Партнёры", "sort": 200, "entityTypeId": 2, "isDefault": "N", **origin}
    export = {"id": 7, "name": "Export", "sort": 300, "entityTypeId": 2, "isDefault": "N", **origin}
    assert admin == {"result": {"categories": [common, partners, export]}, "total": 3}
    assert seller == {"result": {"categories": [common, partners]}, "total": 2}
    assert ask(portal, "crm.category.get", entityTypeId=2, id=0) == {"result": {"category": common}}
    assert refused(portal, "crm.category.get", SELLER, entityTypeId=2, id=7) == DENIED
    assert refused(portal, "crm.category.get", entityTypeId=2, id=6) == (400, "NOT_FOUND", "Category not found")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (1, "ENTITY_TYPE_NOT_SUPPORTED"),
        (7, "ENTITY_TYPE_NOT_SUPPORTED"),
        (5, "ENTITY_TYPE_NOT_SUPPORTED"),
        (8, "NOT_FOUND"),
        (999, "NOT_FOUND"),
    ],
)
def test_types_without_funnels_are_refused(portal: DemoPortal, kind: int, error: str) -> None:
    assert refused(portal, "crm.category.list", entityTypeId=kind)[:2] == (400, error)


@pytest.mark.parametrize(("kind", "funnels"), [(3, []), (4, []), (31, [3]), (156, [41]), (174, [8, 9]), (1038, [])])
def test_other_types_have_the_funnels_that_are_theirs(portal: DemoPortal, kind: int, funnels: list[int]) -> None:
    answer = ask(portal, "crm.category.list", entityTypeId=kind)

    assert [funnel["id"] for funnel in answer["result"]["categories"]] == funnels
    assert answer["total"] == len(funnels)


def test_stage_history_is_filtered_by_its_own_names(portal: DemoPortal) -> None:
    wanted = {"OWNER_ID": [3, 4], ">TYPE_ID": 1, ">=CREATED_TIME": "2023-01-01"}
    answer = ask(portal, "crm.stagehistory.list", entityTypeId=2, filter=wanted, order={"ID": "DESC"})

    found = [tuple(move.values()) for move in answer["result"]["items"]]
    assert found == sql(
        portal,
        "SELECT id, typeId, ownerId, strftime('%Y-%m-%dT%H:%M:%S', createdAt, '+3 hours') || '+03:00', categoryId, "
        "stageSemanticId, stageId FROM stage_history WHERE ownerId IN (3, 4) AND typeId > 1 ORDER BY id DESC",
    )
    assert list(answer["result"]["items"][0]) == [
        "ID",
        "TYPE_ID",
        "OWNER_ID",
        "CREATED_TIME",
        "CATEGORY_ID",
        "STAGE_SEMANTIC_ID",
        "STAGE_ID",
    ]
    assert refused(portal, "crm.stagehistory.list", entityTypeId=3)[1] == "ENTITY_TYPE_NOT_SUPPORTED"
    assert ask(portal, "crm.stagehistory.list", entityTypeId=1) == {"result": {"items": []}, "total": 0}


def test_stage_history_shows_only_what_the_caller_may_read(portal: DemoPortal) -> None:
    answer = ask(portal, "crm.stagehistory.list", SELLER, entityTypeId=2, select=["OWNER_ID"])

    own = "SELECT id FROM deals WHERE assignedById = 57 AND categoryId <> 7"
    assert [move["OWNER_ID"] for move in answer["result"]["items"]] == column(
        portal, f"SELECT ownerId FROM stage_history WHERE ownerId IN ({own}) ORDER BY id"
    )
