"""Records by their ids: those that are not there are told apart from those that this user may not see."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import respx

from assistants import Sql, TestTime
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused, PortalError, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordPage, RecordQuery, Records, Sort
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.rest.reading.by_ids import listed, singly
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import Column, Single

DEALS, CONTACTS = BY_NAME["deals"], BY_NAME["contacts"]
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
SINGLE = Single(method="crm.item.get", fixed={"entityTypeId": 2}, path=("item",))
COLUMNS = Columns((Column("id", "id", "id", "number"), Column("amount", "opportunity", "opportunity", "number")))
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("moments_are_known")]


@asynccontextmanager
async def seen_by(webhook: str, demo: DemoPortal) -> AsyncGenerator[RestPortal]:
    bucket = Bucket(clock=TestTime().clock)
    async with RestClient(Webhook(f"{demo.url}/rest/{webhook}/"), budget=bucket) as client:
        yield RestPortal(client)


async def test_many_records_take_one_request(portal: DemoPortal, sql: Sql) -> None:
    """Of fifty ids each is found or missing; the same of several questions at once."""
    stored = {row[0] for row in sql('SELECT "id" FROM "deals"')}
    ids = [*range(1, 49), 10_000_001]
    async with seen_by("1/demo-admin", portal) as rest:
        await rest.fields(DEALS)
        portal.requests.clear()
        found = await rest.records(DEALS, ids)
        assert (list(found.found), list(found.missing)) == (
            [each for each in ids if each in stored],
            [each for each in ids if each not in stored],
        )
        assert [request.path for request in portal.requests] == ["/rest/1/demo-admin/batch"]


async def test_counts_that_are_asked_at_once_share_requests(portal: DemoPortal, sql: Sql) -> None:
    """Each is what SQL counts; all together take two requests at most."""
    stages = [code for (code,) in sql('SELECT DISTINCT "stageId" FROM "deals" ORDER BY "stageId"')]
    counted: dict[str, int] = {}
    async with seen_by("1/demo-admin", portal) as rest:
        await rest.fields(DEALS)
        portal.requests.clear()

        async def count(stage: str) -> None:
            counted[stage] = await rest.count(DEALS, [Condition("stageId", "eq", stage)])

        async with anyio.create_task_group() as tasks:
            for stage in stages:
                tasks.start_soon(count, stage)
        assert len(portal.requests) <= 2
    assert counted == dict(sql('SELECT "stageId", COUNT(*) FROM "deals" GROUP BY "stageId"'))


async def test_a_seller_sees_own_deals_and_is_told_of_the_others(portal: DemoPortal, sql: Sql) -> None:
    """Lists and counts hold what the user may see; a record that is not his is refused, not missing."""
    mine = '"assignedById" = 57 AND "categoryId" <> 7'  # nobody but administrators sees the deals of funnel 7
    own = [number for (number,) in sql(f'SELECT "id" FROM "deals" WHERE {mine} ORDER BY "id"')]
    [(other,)] = sql('SELECT MIN("id") FROM "deals" WHERE "assignedById" <> 57')
    async with seen_by("57/demo-seller", portal) as rest:
        assert await rest.count(DEALS, ()) == len(own)
        page = await rest.search(RecordQuery(DEALS, sort=(Sort("id"),), select=("id",), limit=500))
        assert ([row["id"] for row in page.rows], page.total) == (own, len(own))
        found = await rest.records(DEALS, [own[0], other, 10_000_001])
    assert (list(found.found), found.refused, found.missing) == ([own[0]], (other,), (10_000_001,))


async def test_a_webhook_without_the_scope_is_refused_as_a_whole(portal: DemoPortal) -> None:
    """A missing scope is no matter of one record."""
    async with seen_by("57/demo-seller", portal) as rest:
        with pytest.raises(PermissionRefused) as refused:
            await rest.search(RecordQuery(BY_NAME["tasks"], limit=5))
    assert refused.value.code == "INSUFFICIENT_SCOPE"


@pytest.mark.respx(base_url="https://portal.example/rest/1/s3cr3t-c0de/")
@pytest.mark.parametrize(
    ("answer", "records"),
    [
        ({"result": {"item": {"id": "7", "opportunity": "5.50"}}}, Records({7: {"id": 7, "amount": 5.5}})),
        ({"result": {"item": []}}, Records({}, missing=(7,))),
        ({"error": "NOT_FOUND", "error_description": "Item not found"}, Records({}, missing=(7,))),
        ({"error": "", "error_description": "Not found"}, Records({}, missing=(7,))),
        ({"error": "ACCESS_DENIED", "error_description": "Access denied"}, Records({}, refused=(7,))),
        ({"error": "", "error_description": "Access denied."}, Records({}, refused=(7,))),
    ],
    ids=["found", "empty", "not found", "not found, no code", "not his", "not his, no code"],
)
async def test_every_answer_for_one_record_has_its_meaning(
    client: RestClient, respx_mock: respx.MockRouter, answer: dict[str, Any], records: Records
) -> None:
    respx_mock.post("crm.item.get").respond(400 if "error" in answer else 200, json=answer)
    assert await singly([7], SINGLE, COLUMNS, Reads(client)) == records


@pytest.mark.respx(base_url="https://portal.example/rest/1/s3cr3t-c0de/")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"result": {"item": {"id": 8}}}, UnexpectedAnswer),
        ({"result": {"item": "text"}}, UnexpectedAnswer),
        ({"error": "insufficient_scope", "error_description": "It needs higher privileges"}, PermissionRefused),
    ],
    ids=["another record", "no record", "no scope"],
)  # fmt: skip
async def test_what_says_nothing_of_the_record_is_an_error(
    client: RestClient, respx_mock: respx.MockRouter, answer: dict[str, Any], error: type[PortalError]
) -> None:
    respx_mock.post("crm.item.get").respond(401 if "error" in answer else 200, json=answer)
    with pytest.raises(error):
        await singly([7], SINGLE, COLUMNS, Reads(client))


async def test_records_without_a_method_of_their_own_come_by_lists_of_their_ids() -> None:
    """Fifty ids a list; codes are ids as well."""
    asked: list[tuple[Any, int]] = []

    async def search(query: RecordQuery) -> RecordPage:
        [condition] = query.conditions
        assert isinstance(condition.value, tuple)
        asked.append((condition.operator, len(condition.value)))
        rows: list[Record] = [{"id": str(each)} for each in condition.value if each != "XXX"]
        return RecordPage(tuple(rows), None, has_more=False)

    found = await listed(CONTACTS, ["RUB", "XXX", *range(1, 60)], search)
    assert asked == [("in", 50), ("in", 11)]
    assert (found.missing, len(found.found), found.found["RUB"]) == (("XXX",), 60, {"id": "RUB"})


async def test_a_list_of_named_ids_asks_for_no_more_pages_than_they_fill(portal: DemoPortal) -> None:
    """Room for five hundred records does not cost ten empty pages."""
    async with seen_by("1/demo-admin", portal) as rest:
        await rest.fields(DEALS)
        portal.requests.clear()
        query = RecordQuery(DEALS, (Condition("id", "in", (1, 2, 4)),), (Sort("id"),), ("id",), limit=500)
        page = await rest.search(query)
    assert (page.rows, page.total) == (({"id": 1}, {"id": 2}, {"id": 4}), 3)
    assert [request.path for request in portal.requests] == ["/rest/1/demo-admin/crm.item.list"]


@pytest.mark.parametrize("operator", ["ne", "nin", "contains"])
async def test_a_part_of_a_phone_cannot_be_asked_for(portal: DemoPortal, operator: Any) -> None:
    """The classic lists compare whole values, and an answer without the condition would be wrong."""
    value = ("+7",) if operator == "nin" else "+7"
    async with seen_by("1/demo-admin", portal) as rest:
        with pytest.raises(InvalidArguments) as refused:
            await rest.count(CONTACTS, [Condition("phone", operator, value)])
    assert refused.value.code == "NOT_OVER_REST"


@pytest.mark.respx(base_url="https://portal.example/rest/1/s3cr3t-c0de/")
async def test_a_phone_of_too_many_records_is_refused(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Such as that of a portal which passes over the condition: its answer is every record there is."""
    results = {"c0": {"fields": {"name": {"type": "string"}}}, "c1": {}}
    respx_mock.post("batch").respond(json={"result": {"result": results}})
    rows = [{"ID": str(each)} for each in range(1, 51)]
    respx_mock.post("crm.contact.list").respond(json={"result": rows, "total": 80_000, "next": 50})
    with pytest.raises(InvalidArguments) as refused:
        await RestPortal(client).count(CONTACTS, [Condition("phone", "eq", "+7 900 000-00-00")])
    assert refused.value.code == "NOT_OVER_REST"


@pytest.mark.respx(base_url="https://portal.example/rest/1/s3cr3t-c0de/")
@pytest.mark.parametrize("total", [None, "many"])
async def test_a_count_that_the_portal_does_not_make_is_an_error(
    client: RestClient, respx_mock: respx.MockRouter, total: Any
) -> None:
    respx_mock.post("crm.item.fields").respond(json={"result": {"fields": {"id": {"type": "integer"}}}})
    respx_mock.post("crm.item.list").respond(json={"result": {"items": [{"id": 1}]}, "total": total})
    with pytest.raises(UnexpectedAnswer, match="how many"):
        await RestPortal(client).count(DEALS, ())


@pytest.mark.parametrize("entity", [DEALS, CONTRACTS])
async def test_groups_are_never_made(portal: DemoPortal, entity: Entity) -> None:
    async with seen_by("1/demo-admin", portal) as rest:
        with pytest.raises(InvalidArguments) as refused:
            await rest.group_counts(entity, (), ("stageId",))
    assert (refused.value.code, rest.figures_at_most) == ("NOT_COMPUTABLE", 0)


async def test_a_type_that_is_not_there_is_told(portal: DemoPortal) -> None:
    async with seen_by("1/demo-admin", portal) as rest:
        with pytest.raises(NotFound):
            await rest.count(smart_process(9_998, "Nothing", stages=False, funnels=False), ())
