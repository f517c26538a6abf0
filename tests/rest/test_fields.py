"""The fields of items are told under the names of tools, with what people call them, wherever the portal says that."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.errors import NotFound, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, Option, RecordQuery, Sort
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal

DEALS, CONTACTS = BY_NAME["deals"], BY_NAME["contacts"]
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.respx(base_url="https://portal.example/rest/1/s3cr3t-c0de/"),
    pytest.mark.usefixtures("moments_are_known"),
]


def described(type_: str, title: str = "", **rest: Any) -> dict[str, Any]:
    flags = {"isRequired": False, "isReadOnly": False, "isMultiple": False}
    return {"type": type_, "title": title, **flags, **rest}


def commands(request: httpx.Request) -> list[str]:
    """The methods of a batch."""
    return [command.partition("?")[0] for command in json.loads(request.content)["cmd"].values()]


def batch(*results: Any) -> httpx.Response:
    """The answer to a batch; an error stands for a command that failed."""
    named = {f"c{place}": each for place, each in enumerate(results)}
    failed = {key: each for key, each in named.items() if "error" in each}
    found = {key: each for key, each in named.items() if key not in failed}
    return httpx.Response(200, json={"result": {"result": found, "result_error": failed or []}})


def told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"result": {"fields": fields}}


@pytest.mark.parametrize(
    ("flags", "required", "immutable"),
    [
        ({}, False, False),
        ({"isRequired": True}, True, False),
        ({"isRequired": "Y", "isImmutable": "Y"}, True, True),
        ({"isRequired": "N", "isImmutable": True}, False, True),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("entity", "method", "name", "theirs", "path"),
    [
        (DEALS, "crm.item.fields", "title", "title", "fields"),
        (BY_NAME["tasks"], "tasks.task.getFields", "title", "TITLE", "fields"),
        (BY_NAME["products"], "crm.product.fields", "name", "NAME", ""),
    ],
    ids=["items", "tasks", "products"],
)
async def test_a_field_says_whether_a_record_needs_it_and_may_change_it(
    client: RestClient,
    respx_mock: respx.MockRouter,
    *,
    flags: Mapping[str, Any],
    required: bool,
    immutable: bool,
    entity: Entity,
    method: str,
    name: str,
    theirs: str,
    path: str,
) -> None:
    fields = {theirs: described("string", "T", **flags)}
    respx_mock.post(method).respond(json={"result": {path: fields} if path else fields})
    field = next(each for each in await RestPortal(client).fields(entity) if each.name == name)

    assert (field.required, field.immutable) == (required, immutable)


async def test_a_field_is_told_as_tools_know_it(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """One request; what is no link does not look like one; a user field may name its directory in its settings."""
    route = respx_mock.post("crm.item.fields").respond(
        json=told(
            {
                "id": described("integer", "ID", isReadOnly=True),
                "opportunity": described("double", "Sum"),
                "currencyId": described("crm_currency", "Currency"),
                "stageId": described("crm_status", "Stage", statusType="DEAL_STAGE"),
                "ufCrm_17": described("enumeration", "Tags", isMultiple="Y", items=[{"ID": 5, "VALUE": "VIP"}]),
                "ufCrm_18": described("crm_status", "Line", settings={"ENTITY_TYPE": "INDUSTRY"}),
            }
        )
    )
    assert await RestPortal(client).fields(DEALS) == (
        FieldInfo("id", "integer", "ID", read_only=True),
        FieldInfo("amount", "double", "Sum"),
        FieldInfo("currency", "string", "Currency"),
        FieldInfo("stageId", "crm_status", "Stage", directory="DEAL_STAGE"),
        FieldInfo("UF_CRM_17", "enumeration", "Tags", multiple=True, options=(Option("5", "VIP"),)),
        FieldInfo("UF_CRM_18", "crm_status", "Line", directory="INDUSTRY"),
    )
    assert [json.loads(call.request.content) for call in route.calls] == [{"entityTypeId": 2}]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportUnknownArgumentType] - respx has no types here


async def test_phones_and_mail_are_fields_with_the_titles_of_the_classic_list(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """In the same request; `fm`, which holds them all, is none."""
    items = {"fields": {"name": described("string", "Name"), "fm": described("crm_multifield", "All of them")}}
    route = respx_mock.post("batch").mock(
        return_value=batch(items, {"PHONE": described("crm_multifield", "Phone"), "EMAIL": described("crm_multifield")})
    )
    assert await RestPortal(client).fields(CONTACTS) == (
        FieldInfo("name", "string", "Name"),
        FieldInfo("phone", "crm_multifield", "Phone"),
        FieldInfo("email", "crm_multifield"),
    )
    assert commands(route.calls.last.request) == ["crm.item.fields", "crm.contact.fields"]


async def test_titles_that_are_refused_leave_phones_without_one(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    items = {"fields": {"name": described("string", "Name")}}
    refused = {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    respx_mock.post("batch").mock(return_value=batch(items, refused))
    assert [field.title for field in await RestPortal(client).fields(CONTACTS)] == ["Name", "", ""]


NAMELESS = {
    "ufCrm_17": described("enumeration", "UF_CRM_17", upperName="UF_CRM_17"),
    "ufCrm_18": described("string", "Known", upperName="UF_CRM_18"),
    "ufCrm_19": described("double", upperName="UF_CRM_19"),
}


def labelled(name: str, label: str, *options: Any) -> dict[str, Any]:
    return {"FIELD_NAME": name, "EDIT_FORM_LABEL": label, "LIST": list(options)}


IN_RUSSIAN: Any = [labelled("UF_CRM_17", "Метки", {"ID": "5", "VALUE": "VIP"})]
IN_ENGLISH: Any = [labelled("UF_CRM_17", "Tags"), labelled("UF_CRM_19", "Area")]
REFUSED: Any = {"error": "", "error_description": "Access denied."}
WITHOUT: Any = [labelled("UF_CRM_17", "")]


@pytest.mark.parametrize(
    ("lists", "titles"),
    [
        ((IN_RUSSIAN, IN_ENGLISH), ["Метки", "Known", "Area"]),
        ((REFUSED, WITHOUT), ["UF_CRM_17", "Known", ""]),
    ],
    ids=["told", "refused"],
)
async def test_nameless_user_fields_get_their_labels_from_the_user_field_list(
    client: RestClient, respx_mock: respx.MockRouter, lists: tuple[Any, ...], titles: list[str]
) -> None:
    """In the languages that are asked for; a field that has a name keeps it, one that nobody names stays nameless."""
    respx_mock.post("crm.item.fields").respond(json=told(NAMELESS))
    route = respx_mock.post("batch").mock(return_value=batch(*lists))
    fields = await RestPortal(client).fields(DEALS)
    assert [field.title for field in fields] == titles
    assert fields[0].options == ((Option("5", "VIP"),) if titles[0] == "Метки" else ())
    assert [*json.loads(route.calls.last.request.content)["cmd"].values()] == [
        "crm.deal.userfield.list?filter[LANG]=ru",
        "crm.deal.userfield.list?filter[LANG]=en",
    ]


async def test_nameless_user_fields_of_a_smart_process_belong_to_its_type(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """The number in the field's name is the type's id, by which its fields are listed."""
    fields = {"ufCrm3_17": described("string", "ufCrm3_17", upperName="UF_CRM_3_17")}
    respx_mock.post("crm.item.fields").respond(json=told(fields))
    row = {"fieldName": "UF_CRM_3_17", "editFormLabel": {"ru": "Номер", "en": "Number"}}
    route = respx_mock.post("batch").mock(return_value=batch({"fields": [row]}, {"fields": []}))
    assert await RestPortal(client).fields(CONTRACTS) == (FieldInfo("ufCrm3_17", "string", "Номер"),)
    [first, _] = json.loads(route.calls.last.request.content)["cmd"].values()
    assert (
        first
        == "userfieldconfig.list?moduleId=crm&filter[entityId]=CRM_3&select[0]=%2A&select[language]=ru&order[id]=ASC"
    )


@pytest.mark.parametrize("fields", [{}, [], {"id": "text"}])
async def test_an_empty_field_list_is_an_error(client: RestClient, respx_mock: respx.MockRouter, fields: Any) -> None:
    respx_mock.post("crm.item.fields").respond(json=told(fields))
    with pytest.raises(UnexpectedAnswer, match="empty field list"):
        await RestPortal(client).fields(DEALS)


async def test_a_type_that_is_not_there_is_not_found(client: RestClient, respx_mock: respx.MockRouter) -> None:
    refusal = {"error": "NOT_FOUND", "error_description": "Smart process not found"}
    respx_mock.post("crm.item.fields").respond(400, json=refusal)
    with pytest.raises(NotFound):
        await RestPortal(client).fields(CONTRACTS)


@pytest.mark.parametrize("entity", [DEALS, CONTRACTS])
async def test_values_are_asked_for_and_read_by_what_their_fields_are(
    client: RestClient, respx_mock: respx.MockRouter, entity: Entity
) -> None:
    """Option numbers are texts where tools know them as codes; fields are described once for many searches."""
    name = "UF_CRM_17" if entity is DEALS else "ufCrm_17"
    fields = {
        "id": described("integer"),
        "ufCrm_17": described("enumeration", "Kind", upperName="UF_CRM_17", items=[{"ID": "5", "VALUE": "A"}]),
        "begindate": described("date", "Begin"),
        "opened": described("boolean", "Open"),
    }
    described_once = respx_mock.post("crm.item.fields").respond(json=told(fields))
    row = {"id": 3, "ufCrm_17": 5, "begindate": "2026-07-01T03:00:00+03:00", "opened": "Y"}
    route = respx_mock.post("crm.item.list").respond(json={"result": {"items": [row]}, "total": 1})
    portal = RestPortal(client)
    chosen = (Condition(name, "in", ("5", "6")), Condition("opened", "eq", value=True))
    query = RecordQuery(entity, chosen, (Sort("begindate"),), (name, "begindate", "opened"))
    for _ in range(2):
        page = await portal.search(query)
        assert page.rows == ({"id": 3, name: "5" if entity is DEALS else 5, "begindate": "2026-07-01", "opened": True},)
    assert described_once.call_count == 1
    assert json.loads(route.calls.last.request.content) == {
        "entityTypeId": entity.entity_type_id,
        "filter": {"@ufCrm_17": ["5", "6"], "=opened": "Y"},
        "select": ["id", "ufCrm_17", "begindate", "opened"],
        "order": {"begindate": "ASC"},
        "start": 0,
    }
