"""The shapes of `/fields`, directories, types, user fields and what the portal says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .demo_client import Client


def test_deals_describe_their_fields_under_fields(client: Client) -> None:
    data = client.get("/v1/deals/fields")["data"]

    assert (data["include"], data["batch"]) == (["contact", "company", "quote"], ["create", "update", "delete"])
    assert data["fields"]["amount"] == {"type": "number", "isRequired": False, "isReadOnly": False, "title": "Сумма"}
    assert data["fields"]["sourceId"]["statusType"] == "SOURCE"
    assert data["fields"]["UF_CRM_1700000001"] == {
        "type": "enumeration",
        "isRequired": False,
        "isReadOnly": False,
        "title": "Приоритет",
        "items": [
            {"ID": "202", "VALUE": "Высокий"},
            {"ID": "203", "VALUE": "Средний"},
            {"ID": "204", "VALUE": "Низкий"},
        ],
    }
    assert data["fields"]["UF_CRM_1700000004"]["isMultiple"] is True


def test_deals_have_a_user_field_of_every_type(client: Client) -> None:
    types = {row["id"] for row in client.get("/v1/userfields/types")["data"]}
    rows = client.get("/v1/userfields/deals")["data"]

    assert len(types) == 16
    assert {row["userTypeId"] for row in rows} == types
    assert client.get("/v1/userfields/deals?userTypeId=money")["data"] == [
        {
            "id": 382,
            "fieldName": "UF_CRM_1700000003",
            "userTypeId": "money",
            "sort": "300",
            "multiple": "N",
            "mandatory": "N",
            "editFormLabel": {"ru": "Бюджет клиента"},
        }
    ]


def test_items_describe_their_fields_directly(client: Client) -> None:
    data = client.get("/v1/items/156/fields")["data"]

    assert data["ufCrm7_1652689363"]["type"] == "date"
    assert data["opportunity"]["title"] == "Сумма"
    assert "fields" not in data


def test_statuses_describe_their_fields_in_upper_case(client: Client) -> None:
    assert {"ID", "ENTITY_ID", "STATUS_ID", "NAME_INIT"} < set(client.get("/v1/statuses/fields")["data"])


def test_types_describe_their_fields_as_read_only_or_not(client: Client) -> None:
    data = client.get("/v1/smart-processes/fields")["data"]

    assert len(data["fields"]) == 27
    assert data["fields"]["title"] == {"type": "string", "readonly": False, "label": "Название"}


@pytest.mark.parametrize("path", ["departments", "workgroups", "calendar-events", "bizproc-templates"])
def test_some_entities_have_no_fields_route(client: Client, path: str) -> None:
    status = client.send("GET", f"/v1/{path}/fields").status_code

    assert status in (400, 404)
    assert client.code("GET", f"/v1/{path}/fields")[1] in ("NOT_FOUND", "INVALID_PARAMS")


def test_the_list_of_types_is_one_array_without_meta(client: Client) -> None:
    answer = client.get("/v1/smart-processes")

    assert set(answer) == {"success", "data"}
    assert [row["title"] for row in answer["data"]] == ["Закупки", "Contracts", "Оборудование"]


def test_the_type_of_the_documentation_is_there(client: Client) -> None:
    documented = {
        "id": 3,
        "entityTypeId": 174,
        "title": "Contracts",
        "code": None,
        "customSectionId": None,
        "isCategoriesEnabled": True,
        "isStagesEnabled": True,
        "isClientEnabled": True,
        "isLinkWithProductsEnabled": True,
        "isObserversEnabled": True,
        "isSourceEnabled": True,
        "isAutomationEnabled": True,
        "isBizProcEnabled": True,
        "isDocumentsEnabled": True,
        "isRecyclebinEnabled": True,
        "isSetOpenPermissions": True,
        "isUseInUserfieldEnabled": True,
        "createdBy": 1,
        "updatedBy": 1,
        "createdTime": "2021-07-20T16:04:10+03:00",
        "updatedTime": "2024-07-19T14:27:27+03:00",
    }

    assert documented.items() <= client.get("/v1/smart-processes/174")["data"].items()


def test_a_type_is_found_by_its_flags(client: Client) -> None:
    listed = client.get("/v1/smart-processes?filter[isStagesEnabled]=true&sort=title")["data"]
    searched = client.search("smart-processes", filter={"isStagesEnabled": False})["data"]

    assert [row["entityTypeId"] for row in listed] == [174, 156]
    assert [row["entityTypeId"] for row in searched] == [1038]


def test_a_directory_row_has_the_recorded_form(client: Client) -> None:
    rows = client.get("/v1/statuses?filter[entityId]=DEAL_STAGE&order[sort]=asc&limit=500")["data"]

    assert rows[0] == {
        "id": 106,
        "entityId": "DEAL_STAGE",
        "statusId": "NEW",
        "name": "Новая",
        "nameInit": "Новая",
        "sort": 10,
        "system": True,
        "color": "#39A8EF",
        "semantics": None,
        "categoryId": 0,
        "extra": {"SEMANTICS": "process", "COLOR": "#39A8EF"},
    }
    assert [(row["statusId"], row["semantics"]) for row in rows[5:]] == [("WON", "S"), ("LOSE", "F"), ("APOLOGY", "F")]


def test_the_portal_says_whose_key_it_is(client: Client) -> None:
    data = client.get("/v1/me")["data"]

    assert (data["portal"], data["accessMode"], data["currentUser"]) == (
        "demo.bitrix24.ru",
        "READWRITE",
        {"bitrixUserId": 1},
    )
    assert data["rateLimit"] == {"requestsPerSecond": 10}
    assert client.get("/v1/users/me")["data"]["timeZone"] == "Europe/Moscow"
