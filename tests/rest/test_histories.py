"""The stages that a record came to."""

import json

import httpx
import pytest
import respx

from assistants import Sql
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from rest_doors import same, two_doors

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]
DEALS = BY_NAME["deals"]


async def test_histories_are_the_same_through_both_doors(portal: DemoPortal, sql: Sql) -> None:
    owners = [row[0] for row in sql("SELECT DISTINCT ownerId FROM stage_history ORDER BY ownerId LIMIT 25")]
    async with two_doors(portal) as doors:
        for owner in owners:
            history = await doors.rest.stage_history(DEALS, owner)
            assert history
            assert same(history) == same(await doors.gateway.stage_history(DEALS, owner))


@pytest.mark.parametrize("name", ["leads", "quotes", "invoices"])
async def test_records_without_a_history_have_none(portal: DemoPortal, name: str) -> None:
    async with two_doors(portal) as doors:
        assert await doors.rest.stage_history(BY_NAME[name], 1) == ()
        assert await doors.gateway.stage_history(BY_NAME[name], 1) == ()


async def test_leads_call_their_stages_statuses(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Numbers come as text or not, depending on the portal's version."""
    row = {
        "ID": "7",
        "TYPE_ID": 2,
        "OWNER_ID": "33",
        "CREATED_TIME": "2026-07-01T10:00:00+03:00",
        "STATUS_SEMANTIC_ID": "P",
        "STATUS_ID": "IN_PROCESS",
    }
    route = respx_mock.post(f"{HOOK}/crm.stagehistory.list").respond(json={"result": {"items": [row]}, "total": 1})

    assert await RestPortal(client).stage_history(BY_NAME["leads"], 33) == (
        {
            "id": 7,
            "typeId": 2,
            "ownerId": 33,
            "createdAt": "2026-07-01T10:00:00+03:00",
            "categoryId": None,
            "stageSemanticId": "P",
            "stageId": "IN_PROCESS",
        },
    )
    assert json.loads(route.calls.last.request.content) == {
        "entityTypeId": 1,
        "filter": {"OWNER_ID": 33},
        "order": {"ID": "ASC"},
    }


def moves(first: int, count: int) -> list[dict[str, object]]:
    return [
        {"ID": number, "TYPE_ID": 2, "OWNER_ID": 5, "CREATED_TIME": "x", "STAGE_ID": "NEW", "STAGE_SEMANTIC_ID": "P"}
        for number in range(first, first + count)
    ]


async def test_a_long_history_comes_whole(client: RestClient, respx_mock: respx.MockRouter) -> None:
    first = {"result": {"items": moves(1, 50)}, "total": 130, "next": 50}
    respx_mock.post(f"{HOOK}/crm.stagehistory.list").respond(json=first)
    pages = {"c0": {"items": moves(51, 50)}, "c1": {"items": moves(101, 30)}}
    route = respx_mock.post(f"{HOOK}/batch").respond(json={"result": {"result": pages, "result_error": []}})

    history = await RestPortal(client).stage_history(DEALS, 5)
    assert [step["id"] for step in history] == list(range(1, 131))
    commands = json.loads(route.calls.last.request.content)["cmd"].values()
    assert [command.rpartition("&")[2] for command in commands] == ["start=50", "start=100"]


async def test_a_history_that_says_no_total_is_read_to_its_end(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    pages = {0: (moves(1, 50), 50), 50: (moves(51, 50), 100), 100: (moves(101, 5), None)}

    def answer(request: httpx.Request) -> httpx.Response:
        start = json.loads(request.content).get("start", 0)
        rows, following = pages[start]
        return httpx.Response(200, json={"result": {"items": rows}, **({"next": following} if following else {})})

    respx_mock.post(f"{HOOK}/crm.stagehistory.list").mock(side_effect=answer)
    assert len(await RestPortal(client).stage_history(DEALS, 5)) == 105


async def test_a_history_that_never_holds_still_is_an_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Pages that overlap again and again could leave rows out."""
    first = {"result": {"items": moves(1, 50)}, "total": 60, "next": 50}
    second = {"result": {"items": moves(50, 10)}, "total": 60}
    respx_mock.post(f"{HOOK}/crm.stagehistory.list").mock(
        side_effect=[httpx.Response(200, json=body) for body in (first, second) * 3]
    )

    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).stage_history(DEALS, 5)


async def test_a_history_in_another_form_is_an_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/crm.stagehistory.list").respond(json={"result": {"items": [{"ID": "x"}]}, "total": 1})

    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).stage_history(DEALS, 5)
