"""User fields that come without the name people gave them get it from the portal's list of user fields."""

from typing import Any

import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_values import FieldInfo
from bitrix24_mcp.vibecode.portal import GatewayPortal

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

DEALS, TASKS = BY_NAME["deals"], BY_NAME["tasks"]
ROW = {"id": 386, "fieldName": "UF_CRM_17", "userTypeId": "string", "editFormLabel": {"ru": "", "en": "Project"}}
MEANINGS: list[tuple[str, dict[str, Any], str]] = [
    ("UF_CRM_17", {"type": "string"}, "Project"),
    ("UF_CRM_17", {"type": "string", "title": "UF_CRM_17"}, "Project"),
    ("ufCrm_17", {"type": "string", "title": ""}, "Project"),
    ("UF_CRM_18", {"type": "string", "title": "UF_CRM_18"}, "UF_CRM_18"),
]


def answer(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data}


@pytest.mark.parametrize(("name", "described", "title"), MEANINGS)
async def test_a_missing_label_is_read_from_the_user_fields(
    name: str, described: dict[str, Any], title: str, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/deals/fields").respond(json=answer({"title": {"type": "string"}, name: described}))
    respx_mock.get("/v1/userfields/deals").respond(json=answer([ROW]))

    assert await portal.fields(DEALS) == (FieldInfo("title", "string"), FieldInfo(name, "string", title))


@pytest.mark.parametrize("label", ["Project", {"en": "Project", "ru": "Проект"}])
async def test_a_label_is_one_text_or_one_for_each_language(
    label: Any, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/deals/fields").respond(json=answer({"UF_CRM_17": {"type": "string"}}))
    respx_mock.get("/v1/userfields/deals").respond(json=answer([{"fieldName": "UF_CRM_17", "editFormLabel": label}]))

    assert await portal.fields(DEALS) == (FieldInfo("UF_CRM_17", "string", "Project"),)


@pytest.mark.parametrize(
    ("entity", "described"),
    [
        (DEALS, {"title": {"type": "string"}, "UF_CRM_17": {"type": "string", "title": "Проект"}}),
        (TASKS, {"UF_AUTO_1": {"type": "string"}}),
    ],
    ids=["all have labels", "no list of user fields"],
)
async def test_nothing_more_is_asked_where_it_cannot_help(
    entity: Entity, described: dict[str, Any], portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(f"/v1/{entity.name}/fields").respond(json=answer(described))

    assert [field.name for field in await portal.fields(entity)] == list(described)


@pytest.mark.parametrize(("status", "code"), [(403, "SCOPE_DENIED"), (404, "NOT_FOUND"), (422, "BITRIX_ERROR")])
async def test_a_refused_list_of_user_fields_leaves_the_fields_as_they_are(
    status: int, code: str, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/deals/fields").respond(json=answer({"UF_CRM_17": {"type": "string"}}))
    refusal = {"success": False, "error": {"code": code, "message": "no"}}
    respx_mock.get("/v1/userfields/deals").respond(status, json=refusal)

    assert await portal.fields(DEALS) == (FieldInfo("UF_CRM_17", "string"),)


@pytest.mark.parametrize(
    "told",
    [
        answer([{"id": 1}]),
        answer("none"),
        {**answer([ROW]), "meta": {"truncated": True}},
        {**answer([ROW]), "meta": {"total": 61}},
    ],
    ids=["another form", "no rows", "truncated", "more than one answer holds"],
)
async def test_labels_that_cannot_be_read_leave_the_fields_as_they_are(
    told: dict[str, Any], portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/deals/fields").respond(json=answer({"UF_CRM_17": {"type": "string"}}))
    respx_mock.get("/v1/userfields/deals").respond(json=told)

    assert await portal.fields(DEALS) == (FieldInfo("UF_CRM_17", "string"),)
