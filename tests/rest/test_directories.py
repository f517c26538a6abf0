"""Directories with their values and meanings, funnels, currencies."""

import json
from typing import Any

import pytest
import respx

from assistants import Sql
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.crm.errors import PermissionRefused, PortalError, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Currency, Funnel, Status
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from rest_doors import SELLER, methods_asked, rest_door, two_doors

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

Json = dict[str, Any]
REFUSED: Json = {"error": "", "error_description": "Access denied."}
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)


async def test_every_directory_is_the_same_through_both_doors(portal: DemoPortal, sql: Sql) -> None:
    """One by one, whichever method serves it, and all together."""
    async with two_doors(portal) as doors:
        for (directory,) in sql("SELECT DISTINCT entityId FROM statuses"):
            values = await doors.rest.statuses(directory)
            assert values
            assert values == await doors.gateway.statuses(directory)
        assert await doors.rest.statuses(None) == await doors.gateway.statuses(None)


@pytest.mark.parametrize("directory", ["NO_SUCH", "DEAL_STAGE_999", "DYNAMIC_174_STAGE_999"])
async def test_a_directory_that_is_not_there_is_empty(portal: DemoPortal, directory: str) -> None:
    async with rest_door(portal) as rest:
        assert await rest.statuses(directory) == ()


@pytest.mark.parametrize(
    ("directory", "method"),
    [
        ("STATUS", "crm.status.list"),
        ("QUOTE_STATUS", "crm.status.list"),
        ("DEAL_STAGE", "crm.status.list"),
        ("DEAL_STAGE_5", "crm.status.list"),
        ("DYNAMIC_174_STAGE_8", "crm.status.list"),
        ("SOURCE", "crm.status.entity.items"),
        ("DEAL_TYPE", "crm.status.entity.items"),
        ("HONORIFIC", "crm.status.entity.items"),
    ],
)
async def test_stages_come_from_the_list_that_tells_meanings(
    own_portal: DemoPortal, directory: str, method: str
) -> None:
    async with rest_door(own_portal) as rest:
        await rest.statuses(directory)

    assert methods_asked(own_portal) == [method]


@pytest.mark.parametrize(
    ("semantics", "extra", "meaning"),
    [
        ("S", [], "S"),
        ("F", {"SEMANTICS": "apology"}, "F"),
        (None, {"SEMANTICS": "success", "COLOR": "#7BD500"}, "S"),
        (None, {"SEMANTICS": "failure"}, "F"),
        (None, {"SEMANTICS": "apology"}, "F"),
        (None, {"SEMANTICS": "process"}, ""),
        ("", [], ""),
        ("P", {"SEMANTICS": "success"}, ""),
        (None, None, ""),
    ],
)
async def test_a_stages_meaning_is_its_letter_else_its_word(
    client: RestClient, respx_mock: respx.MockRouter, semantics: Any, extra: Any, meaning: str
) -> None:
    row = {
        "ID": "111",
        "ENTITY_ID": "DEAL_STAGE",
        "STATUS_ID": "X",
        "NAME": "Ex",
        "SORT": "60",
        "SEMANTICS": semantics,
        "EXTRA": extra,
    }
    route = respx_mock.post(f"{HOOK}/crm.status.list").respond(json={"result": [row], "total": 1})

    assert await RestPortal(client).statuses("DEAL_STAGE") == (Status("DEAL_STAGE", "X", "Ex", 60, meaning),)
    assert json.loads(route.calls.last.request.content) == {
        "order": {"SORT": "ASC", "ID": "ASC"},
        "filter": {"ENTITY_ID": "DEAL_STAGE"},
    }


async def test_a_directory_longer_than_a_page_comes_whole(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """The list is not paged, whatever its length."""
    rows = [{"ID": str(n), "ENTITY_ID": "STATUS", "STATUS_ID": f"S{n}", "NAME": "", "SORT": "10"} for n in range(120)]
    respx_mock.post(f"{HOOK}/crm.status.list").respond(json={"result": rows, "total": 120})

    assert len(await RestPortal(client).statuses("STATUS")) == 120


async def test_an_unknown_directory_in_another_language_is_looked_up(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """A refusal whose text is not known might mean anything; the list knows whether there is such a directory."""
    refusal = {"error": "", "error_description": "Das Verzeichnis ist nicht angegeben."}
    respx_mock.post(f"{HOOK}/crm.status.entity.items").respond(400, json=refusal)
    route = respx_mock.post(f"{HOOK}/crm.status.list").respond(json={"result": [], "total": 0})

    assert await RestPortal(client).statuses("NO_SUCH") == ()
    assert json.loads(route.calls.last.request.content)["filter"] == {"ENTITY_ID": "NO_SUCH"}


async def test_a_refused_directory_is_no_empty_one(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/crm.status.entity.items").respond(400, json=REFUSED)

    with pytest.raises(PermissionRefused):
        await RestPortal(client).statuses("SOURCE")


async def test_stages_whose_success_is_not_named_stay_refused(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Item-based types have no SEMANTIC_INFO; stages without meanings would pass for open ones."""
    respx_mock.post(f"{HOOK}/crm.status.list").respond(400, json=REFUSED)
    items = [{"NAME": "New", "SORT": 10, "STATUS_ID": "DT174_8:NEW"}]
    respx_mock.post(f"{HOOK}/crm.status.entity.items").respond(json={"result": items})
    types: list[Json] = [{"ID": "DYNAMIC_174_STAGE_8", "ENTITY_TYPE_ID": 174, "SEMANTIC_INFO": []}]
    respx_mock.post(f"{HOOK}/crm.status.entity.types").respond(json={"result": types})

    with pytest.raises(PermissionRefused):
        await RestPortal(client).statuses("DYNAMIC_174_STAGE_8")


async def test_all_directories_stay_refused_together(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/crm.status.list").respond(400, json=REFUSED)

    with pytest.raises(PermissionRefused):
        await RestPortal(client).statuses(None)


@pytest.mark.parametrize("row", [{"NAME": "x", "SORT": 1}, {"STATUS_ID": "A", "NAME": "x", "SORT": "soon"}])
async def test_a_value_in_another_form_is_an_error(client: RestClient, respx_mock: respx.MockRouter, row: Json) -> None:
    respx_mock.post(f"{HOOK}/crm.status.entity.items").respond(json={"result": [row]})

    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).statuses("SOURCE")


@pytest.mark.parametrize("name", ["deals", "leads", "contacts", "companies", "quotes", "invoices"])
async def test_funnels_are_the_same_through_both_doors(portal: DemoPortal, name: str) -> None:
    async with two_doors(portal) as doors:
        assert await doors.rest.funnels(BY_NAME[name]) == await doors.gateway.funnels(BY_NAME[name])


async def test_funnels_of_a_smart_process_are_the_same_through_both_doors(portal: DemoPortal) -> None:
    async with two_doors(portal) as doors:
        funnels = await doors.rest.funnels(CONTRACTS)
        assert funnels == await doors.gateway.funnels(CONTRACTS)
        assert len(funnels) == 2


async def test_an_ordinary_user_sees_fewer_funnels(portal: DemoPortal) -> None:
    """Of those that he may not read REST says nothing, so none is made up for them."""
    async with rest_door(portal, SELLER) as seller, rest_door(portal) as admin:
        shown, every = await seller.funnels(BY_NAME["deals"]), await admin.funnels(BY_NAME["deals"])
    assert set(shown) < set(every)


async def test_funnels_of_an_unknown_type_are_an_error(portal: DemoPortal) -> None:
    async with rest_door(portal) as rest:
        with pytest.raises(PortalError) as caught:
            await rest.funnels(smart_process(9999, "None", stages=True, funnels=True))
    assert caught.value.code == "NOT_FOUND"


async def test_funnels_stand_in_the_order_of_the_portal(client: RestClient, respx_mock: respx.MockRouter) -> None:
    rows = [
        {"id": 9, "name": "Wholesale", "sort": 300, "entityTypeId": 2, "isDefault": "N"},
        {"id": 0, "name": "General", "sort": 100, "entityTypeId": 2, "isDefault": "Y"},
        {"id": 4, "name": "Retail", "sort": 300, "entityTypeId": 2, "isDefault": "N"},
    ]
    route = respx_mock.post(f"{HOOK}/crm.category.list").respond(json={"result": {"categories": rows}, "total": 3})

    assert await RestPortal(client).funnels(BY_NAME["deals"]) == (
        Funnel(0, "General", default=True),
        Funnel(4, "Retail"),
        Funnel(9, "Wholesale"),
    )
    assert json.loads(route.calls.last.request.content) == {"entityTypeId": 2}


async def test_currencies_are_the_same_through_both_doors(portal: DemoPortal) -> None:
    async with two_doors(portal) as doors:
        currencies = await doors.rest.currencies()
        assert currencies == await doors.gateway.currencies()
    assert Currency("RUB", base=True, name="Российский рубль") in currencies


async def test_currencies_may_be_refused(portal: DemoPortal) -> None:
    async with rest_door(portal, SELLER) as rest:
        with pytest.raises(PermissionRefused):
            await rest.currencies()
