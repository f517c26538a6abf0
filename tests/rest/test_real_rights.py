"""What real portals let whom see, where they stand, and that no answer of theirs brings the secret back."""

import json
from typing import Any

import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import InvalidArguments, PermissionRefused, PortalError
from bitrix24_mcp.crm.portal_values import Condition, Person, RecordQuery
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from real_answers import batch, described, fields_told

DEALS, USERS = BY_NAME["deals"], BY_NAME["users"]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.respx(base_url="https://portal.example/rest/1/s3cr3t-c0de/"),
    pytest.mark.usefixtures("moments_are_known"),
]


# Rights


async def test_a_type_that_cannot_be_read_one_by_one_is_known_by_its_name(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """A user without rights on a smart process may be told that there is none."""
    respx_mock.post("crm.type.list").respond(
        400, json={"error": "ACCESS_DENIED", "error_description": "Доступ запрещен"}
    )
    types = [
        {"ID": 2, "NAME": "Deal", "SYMBOL_CODE": "DEAL"},
        {"ID": 174, "NAME": "Договоры", "SYMBOL_CODE": "DYNAMIC_174"},
        {"ID": 1038, "NAME": "Склад", "SYMBOL_CODE": "DYNAMIC_1038"},
    ]
    respx_mock.post("crm.enum.ownertype").respond(json={"result": types})
    hidden = {"error": "0", "error_description": "Смарт-процесс не найден"}
    seen = {"type": {"id": 5, "entityTypeId": 1038, "title": "Склад", "isStagesEnabled": "N"}}
    respx_mock.post("batch").respond(json=batch(hidden, seen, [{"ID": "DYNAMIC_174_STAGE_8", "ENTITY_TYPE_ID": 174}]))
    assert await RestPortal(client).smart_processes() == (
        {"entityTypeId": 174, "title": "Договоры", "isStagesEnabled": True},
        {"id": 5, "entityTypeId": 1038, "title": "Склад", "isStagesEnabled": False},
    )


@pytest.mark.parametrize(
    "description", ["Доступ запрещён", "Нет доступа", "Недостаточно прав.", "Access denied.", "Zugriff verweigert"]
)
async def test_a_refusal_without_a_code_is_known_by_its_words(
    client: RestClient, respx_mock: respx.MockRouter, description: str
) -> None:
    """Classic methods send an empty code, and words in the portal's language: no right is not a wrong argument."""
    respx_mock.post("crm.status.list").respond(400, json={"error": "", "error_description": description})
    with pytest.raises(PermissionRefused):
        await RestPortal(client).statuses(None)


async def test_a_filter_on_what_the_scope_hides_is_refused(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """With `user_brief` the portal passes over conditions on addresses and would show everybody."""
    respx_mock.post("user.fields").respond(json={"result": {"ID": "ID", "NAME": "Name"}})
    rows = [{"ID": "1", "NAME": "Ann", "ACTIVE": True}, {"ID": "2", "NAME": "Bo", "ACTIVE": True}]
    respx_mock.post("user.get").respond(json={"result": rows, "total": 2})
    portal = RestPortal(client)
    chosen = (Condition("email", "eq", "ann@firm.example"),)
    with pytest.raises(InvalidArguments, match="email"):
        await portal.search(RecordQuery(USERS, chosen, (), ("name",)))
    with pytest.raises(InvalidArguments, match="email"):
        await portal.count(USERS, chosen)


async def test_users_are_chosen_by_dates_here(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """A date that the portal cannot read matches nobody there, without a word (user.get)."""
    respx_mock.post("user.fields").respond(json={"result": {"ID": "ID"}})
    rows = [
        {"ID": "1", "NAME": "Ann", "DATE_REGISTER": "2024-07-15T00:00:00+00:00"},
        {"ID": "2", "NAME": "Bo", "DATE_REGISTER": "2026-07-15T00:00:00+00:00"},
    ]
    route = respx_mock.post("user.get").respond(json={"result": rows, "total": 2})
    chosen = (Condition("dateRegister", "gte", "2026-01-01T00:00:00+03:00"),)
    page = await RestPortal(client).search(RecordQuery(USERS, chosen, (), ("name",)))
    assert (page.rows, page.total) == (({"id": 2, "name": "Bo"},), 1)
    assert "FILTER" not in json.loads(route.calls.last.request.content)


# Portals on a company's own server


@pytest.mark.parametrize("path", ["/bitrix24", "/intranet/b24"])
def test_a_portal_may_stand_below_a_path(path: str) -> None:
    webhook = Webhook(f"https://portal.example{path}/rest/1/s3cr3t-c0de/profile.json")
    assert (webhook.endpoint, webhook.portal) == (f"https://portal.example{path}/rest/1/s3cr3t-c0de/", "portal.example")


async def test_an_answer_without_working_time_is_an_answer(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """On a company's own server the limiter is off, and seconds may be whole numbers."""
    time = {"start": 1778747192, "finish": 1778747193, "duration": 1, "date_start": "2026-05-14T10:26:32+02:00"}
    respx_mock.post("user.get").respond(json={"result": [{"ID": "1", "NAME": "Ann"}], "total": 1, "time": time})
    assert await RestPortal(client).people() == (Person(1, "Ann", "", "", active=True),)


# The secret


async def test_a_webhook_never_comes_back_in_a_record(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Bitrix24 puts the whole address into links for programs (`urlMachine`), and people paste them anywhere."""
    fields_told(respx_mock, comments=described("text"), ufCrm_1=described("file", "Offer", upperName="UF_CRM_1"))
    link = "https://portal.example/rest/1/s3cr3t-c0de/crm.controller.item.getFile/?token=crm%7Cx"
    row = {"id": 3, "comments": f"see {link}", "ufCrm_1": {"id": 9, "urlMachine": link}}
    respx_mock.post("crm.item.get").respond(json={"result": {"item": row}})
    assert "s3cr3t-c0de" not in repr(await RestPortal(client).records(DEALS, [3]))


async def test_a_token_never_comes_back_in_a_record(application: RestClient, account: Any) -> None:
    account.number = 12345
    link = "https://portal.example/rest/crm.controller.item.getFile.json?auth=t0ken-12345&token=crm%7Cx"
    with respx.mock(base_url="https://portal.example/rest/") as portal:
        portal.post("crm.item.get").respond(json={"result": {"item": {"id": 3, "file": {"urlMachine": link}}}})
        answer = await application.call("crm.item.get", {"entityTypeId": 2, "id": 3})
    assert "t0ken" not in repr(answer)


# Batches


async def test_each_call_of_a_batch_keeps_its_own_refusal(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """A spent method, a missing scope, an unknown one and an answer stand side by side."""
    respx_mock.post("batch").respond(
        json=batch(
            {"error": "OPERATION_TIME_LIMIT", "error_description": "Method is blocked due to operation time limit."},
            {"error": "insufficient_scope", "error_description": "The request requires higher privileges"},
            {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"},
            [{"ID": "SOURCE", "NAME": "Sources"}],
        )
    )
    methods = ("crm.item.list", "user.get", "sonet_group.get", "crm.status.entity.types")
    outcomes = await client.batch([RestCall(method) for method in methods])
    codes = [each.code if isinstance(each, PortalError) else "" for each in outcomes]
    assert codes == ["OPERATION_TIME_LIMIT", "INSUFFICIENT_SCOPE", "ERROR_METHOD_NOT_FOUND", ""]
