"""What is sent for everything that is no item of the CRM, and how its rare answers are read."""

import json
from typing import Any

import httpx
import pytest
import respx

from assistants import Sql
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import InvalidArguments, PermissionRefused, PortalError
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, RecordQuery, Sort
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from entity_questions import CATALOGUE_NUMBER, required
from rest_doors import methods_asked, rest_door

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]


@pytest.mark.parametrize(
    ("name", "conditions", "sort", "methods"),
    [
        ("tasks", (Condition("status", "eq", 5),), (Sort("deadline"), Sort("id")), ["tasks.task.list"]),
        ("users", (Condition("lastName", "contains", "ов"),), (Sort("id"),), ["user.get"]),
        ("workgroups", (Condition("active", "eq", value=True),), (Sort("name"), Sort("id")), ["sonet_group.get"]),
        ("storages", (), (Sort("name"),), ["disk.storage.getlist"]),
        ("currencies", (Condition("base", "eq", value=True),), (), ["crm.currency.list"]),
    ],
)
async def test_a_page_takes_one_request(
    own_portal: DemoPortal, name: str, conditions: tuple[Condition, ...], sort: tuple[Sort, ...], methods: list[str]
) -> None:
    """Once the fields are known."""
    entity = BY_NAME[name]
    async with rest_door(own_portal) as rest:
        await rest.fields(entity)
        own_portal.requests.clear()
        await rest.search(RecordQuery(entity, conditions, sort, ("id",), 10))

    assert methods_asked(own_portal) == methods


async def test_a_condition_that_a_method_would_pass_over_is_never_sent(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """It would give every task, and their number."""
    respx_mock.post(f"{HOOK}/tasks.task.getFields").respond(json={"result": {"fields": {}}})
    tasks = [{"id": "1", "timeEstimate": "60"}, {"id": "2", "timeEstimate": "7200"}]
    route = respx_mock.post(f"{HOOK}/tasks.task.list").respond(json={"result": {"tasks": tasks}, "total": 2})
    long, open_ = Condition("timeEstimate", "gt", 3600), Condition("status", "in", (2, 3))

    found = await RestPortal(client).search(RecordQuery(BY_NAME["tasks"], (long, open_), (), ("id",)))
    assert json.loads(route.calls.last.request.content)["filter"] == {"REAL_STATUS": [2, 3]}
    assert (found.rows, found.total) == ((), 0)  # of those that came, none says that it is open


async def test_too_many_records_to_look_through_are_an_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Neither a part of them nor thousands of requests."""
    respx_mock.post(f"{HOOK}/tasks.task.getFields").respond(json={"result": {"fields": {}}})
    first = [{"id": str(number)} for number in range(50)]
    route = respx_mock.post(f"{HOOK}/tasks.task.list").respond(
        json={"result": {"tasks": first}, "total": 20_000, "next": 50}
    )

    with pytest.raises(InvalidArguments) as caught:
        await RestPortal(client).count(BY_NAME["tasks"], (Condition("timeEstimate", "gt", 3600),))
    assert (caught.value.code, route.call_count) == ("NOT_OVER_REST", 1)
    assert "20,000 records" in caught.value.message


async def test_the_whole_drive_is_walked(portal: DemoPortal, sql: Sql) -> None:
    """From the storages' roots down, whatever the depth."""
    async with rest_door(portal) as rest:
        found = await rest.search(RecordQuery(BY_NAME["folders"], limit=500))
    assert [row["id"] for row in found.rows] == [row[0] for row in sql("SELECT id FROM folders ORDER BY id")]


async def test_a_recurring_event_counts_once(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """It comes for each of its times; the first one is shown, at the moment that the seconds name."""
    times = [{"ID": "7", "NAME": "Stand-up", "OWNER_ID": "1", "TZ_OFFSET_FROM": "7200", "TZ_OFFSET_TO": "7200",
              "DATE_FROM": "12/11/2024 05:59:00 pm", "DATE_FROM_TS_UTC": str(1733932740 + day * 86_400),
              "DATE_TO_TS_UTC": str(1733936340 + day * 86_400)} for day in (1, 0, 2)]  # fmt: skip
    route = respx_mock.post(f"{HOOK}/calendar.event.get").respond(json={"result": times})
    entity = BY_NAME["calendar-events"]
    conditions = (
        Condition("type", "eq", "company"),
        Condition("ownerId", "eq", 1),
        Condition("from", "lt", "2025-01-01T00:00:00+02:00"),
    )

    found = await RestPortal(client).search(RecordQuery(entity, conditions, (), ("name", "from", "to")))
    assert found.rows == (
        {"id": 7, "name": "Stand-up", "from": "2024-12-11T17:59:00+02:00", "to": "2024-12-11T18:59:00+02:00"},
    )
    assert json.loads(route.calls.last.request.content) == {
        "type": "company_calendar",
        "ownerId": 1,
        "from": "1970-01-01",
        "to": "2025-01-02",
    }


@pytest.mark.parametrize("name", ["calendar-events", "files"])
async def test_lists_of_one_owner_are_not_asked_without_it(portal: DemoPortal, name: str) -> None:
    async with rest_door(portal) as rest:
        with pytest.raises(InvalidArguments) as caught:
            await rest.search(RecordQuery(BY_NAME[name]))
    assert caught.value.code == "MISSING_REQUIRED_FILTER"


async def test_every_catalogue_is_read_where_none_is_named(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Goods and their variants are kept apart, and listed for one of them at a time."""
    catalogues = {"result": {"catalogs": [{"iblockId": 25}, {"iblockId": 27}]}, "total": 2}
    respx_mock.post(f"{HOOK}/catalog.catalog.list").respond(json=catalogues)
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        asked.append((body["filter"], body["select"][:3]))
        row = {"id": body["filter"]["iblockId"] * 10, "iblockId": body["filter"]["iblockId"], "name": "x"}
        return httpx.Response(200, json={"result": {"products": [row]}, "total": 1})

    respx_mock.post(f"{HOOK}/catalog.product.list").mock(side_effect=answer)
    query = RecordQuery(BY_NAME["catalog-products"], (Condition("quantity", "gt", 5),), (), ("id",))

    assert (await RestPortal(client).search(query)).total == 0  # of both, the quantity is not said
    assert asked == [
        ({">quantity": 5, "iblockId": 25}, ["id", "name", "iblockId"]),
        ({">quantity": 5, "iblockId": 27}, ["id", "name", "iblockId"]),
    ]


async def test_an_unknown_catalogue_is_asked_for_by_name(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/catalog.catalog.list").respond(
        404, json={"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    )

    with pytest.raises(InvalidArguments) as caught:
        await RestPortal(client).count(BY_NAME["catalog-products"], ())
    assert (caught.value.code, "iblockId" in caught.value.advice) == ("NOT_OVER_REST", True)


async def test_one_catalogue_is_counted_by_the_portal(own_portal: DemoPortal) -> None:
    async with rest_door(own_portal) as rest:
        assert await rest.count(BY_NAME["catalog-products"], (CATALOGUE_NUMBER,)) == 300
    assert methods_asked(own_portal) == ["catalog.product.list"]


async def test_templates_come_as_a_map_page_by_page(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """An empty one is printed as a list."""
    pages: dict[int, dict[str, Any]] = {
        0: {"result": {"templates": {"39": {"id": "39", "name": "Act"}}}, "total": 51, "next": 50},
        50: {"result": {"templates": []}, "total": 51},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=pages[json.loads(request.content).get("start", 0)])

    route = respx_mock.post(f"{HOOK}/crm.documentgenerator.template.list").mock(side_effect=answer)

    found = await RestPortal(client).search(RecordQuery(BY_NAME["doc-templates"]))
    assert (found.rows, found.total, route.call_count) == (({"id": 39, "name": "Act"},), 1, 2)


async def test_comments_are_asked_for_by_small_types(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/crm.timeline.comment.fields").respond(
        404, json={"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    )
    route = respx_mock.post(f"{HOOK}/crm.timeline.comment.list").respond(json={"result": [], "total": 0})
    conditions = (Condition("entityType", "eq", "DYNAMIC_174"), Condition("entityId", "eq", 5))

    await RestPortal(client).search(RecordQuery(BY_NAME["timelines"], conditions, (Sort("id"),), ("comment",)))
    assert json.loads(route.calls.last.request.content) == {
        "filter": {"ENTITY_TYPE": "dynamic_174", "ENTITY_ID": 5},
        "select": ["ID", "COMMENT"],
        "order": {"ID": "ASC"},
        "start": 0,
    }


async def test_addresses_with_credentials_do_not_come_through(portal: DemoPortal) -> None:
    """Lists of files and documents hold links that download with somebody's rights."""
    async with rest_door(portal) as rest:
        for name in ("files", "documents", "doc-templates"):
            entity = BY_NAME[name]
            rows = (await rest.search(RecordQuery(entity, required(entity), limit=500))).rows
            found = await rest.records(entity, [1])
            assert rows
            assert "demo-download-secret" not in repr((rows, found))


async def test_a_task_that_is_not_there_is_told_from_one_that_is_refused(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/crm.requisite.fields").respond(json={"result": {}})
    errors = {
        "c0": {"error": "", "error_description": "The Requisite with ID '1' is not found"},
        "c1": {"error": "", "error_description": "Access denied."},
    }
    respx_mock.post(f"{HOOK}/batch").respond(json={"result": {"result": [], "result_error": errors}})

    records = await RestPortal(client).records(BY_NAME["requisites"], [1, 2])
    assert (records.found, records.missing, records.refused) == ({}, (1,), (2,))


async def test_user_fields_come_with_what_the_portal_calls_them(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    told = {
        "ID": {"type": "integer", "isReadOnly": True, "title": "ID"},
        "NAME": {"type": "string", "isReadOnly": False, "title": "Name"},
        "UF_CRM_1707997209": {"type": "double", "isReadOnly": False, "isMultiple": True, "title": "Weight"},
        "CODE": {"type": "string", "title": "Code"},
    }
    respx_mock.post(f"{HOOK}/crm.requisite.fields").respond(json={"result": told})

    fields = {each.name: each for each in await RestPortal(client).fields(BY_NAME["requisites"])}
    assert fields["UF_CRM_1707997209"] == FieldInfo("UF_CRM_1707997209", "double", title="Weight", multiple=True)
    assert (fields["id"].read_only, fields["name"].title) == (True, "Name")
    assert "CODE" not in fields


async def test_fields_that_may_not_be_read_are_an_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Known ones would look as if they could be asked for."""
    refusal = {"error": "insufficient_scope", "error_description": "x"}
    respx_mock.post(f"{HOOK}/user.fields").respond(401, json=refusal)

    with pytest.raises(PermissionRefused):
        await RestPortal(client).fields(BY_NAME["users"])


async def test_a_section_that_is_closed_says_so(portal: DemoPortal) -> None:
    """An ordinary user may read neither orders nor documents; that is no empty list."""
    async with rest_door(portal, "57/demo-seller") as rest:
        for name in ("orders", "documents", "doc-templates", "tasks", "departments", "storages"):
            with pytest.raises(PortalError) as caught:
                await rest.search(RecordQuery(BY_NAME[name]))
            assert caught.value.code in {"INSUFFICIENT_SCOPE", "ACCESS_DENIED", "DOCGEN_ACCESS_ERROR"}
