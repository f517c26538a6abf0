"""Running workflow instances by every comparison and order that REST takes, and templates."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import respx

from assistants import Sql
from bitrix24_mcp.crm.errors import PermissionRefused, UnexpectedAnswer
from bitrix24_mcp.crm.filters.matching import in_order, matches
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, Operator, Record, Scalar, Sort, WorkflowQuery
from bitrix24_mcp.crm.workflows.instances import FIELDS
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from rest_doors import CRM_ADMIN, SELLER, rest_door, two_doors

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

NEWEST_FIRST = (Sort("modified", descending=True), Sort("id"))


async def whole(portal: Portal, query: WorkflowQuery) -> list[Record]:
    """All pages of a list that nobody changes."""
    rows: list[Record] = []
    while True:
        page = await portal.workflows(replace(query, offset=len(rows)))
        rows += page.rows
        if not page.rows or len(rows) >= (page.total or 0):
            return rows


async def test_both_doors_list_the_same_instances(portal: DemoPortal, sql: Sql) -> None:
    async with two_doors(portal) as doors:
        rows = await whole(doors.rest, WorkflowQuery())
        assert rows == await whole(doors.gateway, WorkflowQuery())
    assert [row["id"] for row in rows] == [row[0] for row in sql("SELECT ID FROM workflows ORDER BY MODIFIED DESC, ID")]
    assert len(rows) > 100


@pytest.mark.parametrize(("field", "value"), [("templateId", 57), ("startedBy", 57), ("templateId", 999_999)])
async def test_what_both_doors_choose_by_gives_the_same(portal: DemoPortal, field: str, value: int) -> None:
    query = WorkflowQuery((Condition(field, "eq", value),))
    async with two_doors(portal) as doors:
        assert await doors.rest.workflows(query) == await doors.gateway.workflows(query)


CONDITIONS: list[tuple[str, Operator, Scalar]] = [
    ("startedBy", "eq", 0),
    ("startedBy", "gt", 0),
    ("startedBy", "gte", 9),
    ("startedBy", "lt", 10),
    ("startedBy", "lte", 57),
    ("templateId", "gt", 57),
    ("templateId", "lte", 101),
    ("modified", "gte", "2026-07-01T00:00:00+03:00"),
    ("modified", "lt", "2026-07-01T00:00:00+00:00"),
    ("started", "gt", "2026-06-20T12:00:00+03:00"),
    ("lockedUntil", "lt", "2026-07-15T12:00:00+03:00"),
    ("lockedUntil", "gte", "2026-07-15T12:00:00+03:00"),
    ("moduleId", "eq", "lists"),
    ("entity", "eq", "Bitrix\\Crm\\Integration\\BizProc\\Document\\Dynamic"),
    ("documentId", "eq", "DEAL_1"),
    ("id", "gt", "6a"),
]


@pytest.mark.parametrize(("field", "operator", "value"), CONDITIONS)
async def test_what_the_portal_chooses_is_what_would_be_chosen_here(
    portal: DemoPortal, field: str, operator: Operator, value: Scalar
) -> None:
    """Also where nobody started an instance: 0, the system, is a value as any other."""
    condition = Condition(field, operator, value)
    async with rest_door(portal) as rest:
        assert rest.filters_workflows(condition)
        every = await whole(rest, WorkflowQuery())
        chosen = await whole(rest, WorkflowQuery((condition,)))
    assert chosen == [row for row in every if matches(row, [condition], FIELDS)]


async def test_instances_that_nobody_started_are_those_of_the_database(portal: DemoPortal, sql: Sql) -> None:
    async with rest_door(portal) as rest:
        page = await rest.workflows(WorkflowQuery((Condition("startedBy", "eq", 0),)))
    assert [(page.total,)] == sql("SELECT COUNT(*) FROM workflows WHERE STARTED_BY = '0'")


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("startedBy", "ne", 0),
        ("startedBy", "in", (0, 57)),
        ("templateId", "nin", (57,)),
        ("documentId", "contains", "DEAL"),
        ("lockedUntil", "eq", ""),
        ("startedBy", "eq", True),
        ("stuck", "eq", 1),
    ],
)
async def test_what_is_not_documented_is_not_asked(
    portal: DemoPortal, field: str, operator: Operator, value: Scalar | tuple[Scalar, ...]
) -> None:
    async with rest_door(portal) as rest:
        assert not rest.filters_workflows(Condition(field, operator, value))


@pytest.mark.parametrize(
    "sort",
    [
        (),
        NEWEST_FIRST,
        (Sort("started"), Sort("id")),
        (Sort("started", descending=True), Sort("id")),
        (Sort("templateId"), Sort("modified", descending=True), Sort("id")),
        (Sort("startedBy", descending=True), Sort("id")),
        (Sort("lockedUntil"), Sort("id")),
        (Sort("lockedUntil", descending=True), Sort("id")),
        (Sort("id", descending=True),),
    ],
)
async def test_the_portals_order_is_the_one_that_would_be_made_here(portal: DemoPortal, sort: tuple[Sort, ...]) -> None:
    """Empty values stand first upwards; template ids and users are numbers, not texts."""
    async with rest_door(portal) as rest:
        assert rest.orders_workflows(sort)
        rows = await whole(rest, WorkflowQuery((), sort))
    assert rows == in_order(rows, sort or NEWEST_FIRST, FIELDS)
    assert len(rows) > 100


@pytest.mark.parametrize("field", ["moduleId", "entity", "documentId"])
async def test_texts_are_not_ordered_by_the_portal(portal: DemoPortal, field: str) -> None:
    """Databases differ over marks such as underscores, and pages would not fit together."""
    async with rest_door(portal) as rest:
        assert not rest.orders_workflows((Sort("modified"), Sort(field)))


async def test_without_an_order_the_latest_change_comes_first(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Instances of one moment by their ids, so that pages do not overlap."""
    route = respx_mock.post(f"{HOOK}/bizproc.workflow.instances").respond(json={"result": [], "total": 0})

    await RestPortal(client).workflows(WorkflowQuery())
    body = json.loads(route.calls.last.request.content)
    assert (body["order"], body["filter"]) == ({"MODIFIED": "DESC", "ID": "ASC"}, {})


async def test_two_bounds_of_one_field_both_hold(client: RestClient, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(f"{HOOK}/bizproc.workflow.instances").respond(json={"result": [], "total": 0})
    bounds = (Condition("started", "gte", "2026-07-01"), Condition("started", "lt", "2026-08-01"))

    await RestPortal(client).workflows(WorkflowQuery(bounds))
    asked = json.loads(route.calls.last.request.content)["filter"]
    assert asked == {">=STARTED": "2026-07-01", "<STARTED": "2026-08-01"}


@pytest.mark.parametrize("row", [{"ID": "1", "TEMPLATE_ID": "x"}, {"ID": "1", "STARTED_BY": []}])
async def test_an_instance_in_another_form_is_an_error(
    client: RestClient, respx_mock: respx.MockRouter, row: dict[str, Any]
) -> None:
    respx_mock.post(f"{HOOK}/bizproc.workflow.instances").respond(json={"result": [row], "total": 1})

    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).workflows(WorkflowQuery())


async def test_whoever_administers_the_crm_alone_is_told_so(portal: DemoPortal) -> None:
    async with rest_door(portal, CRM_ADMIN) as rest:
        for question in (rest.workflows(WorkflowQuery()), rest.workflow_templates()):
            with pytest.raises(PermissionRefused) as caught:
                await question
            assert caught.value.code == "ACCESS_DENIED"
            assert "administrators of the portal only" in caught.value.message


async def test_a_missing_scope_is_said_as_such(portal: DemoPortal) -> None:
    """Ticking the scope helps there, being an administrator does not."""
    async with rest_door(portal, SELLER) as rest:
        with pytest.raises(PermissionRefused) as caught:
            await rest.workflows(WorkflowQuery())
    assert caught.value.code == "INSUFFICIENT_SCOPE"


async def test_templates_are_the_same_through_both_doors(portal: DemoPortal) -> None:
    async with two_doors(portal) as doors:
        templates = await doors.rest.workflow_templates()
        assert templates == await doors.gateway.workflow_templates()
    assert len(templates) == 9


async def test_templates_are_read_with_their_names_alone(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Whole ones are large."""
    route = respx_mock.post(f"{HOOK}/bizproc.workflow.template.list").respond(json={"result": [], "total": 0})

    assert await RestPortal(client).workflow_templates() == ()
    assert json.loads(route.calls.last.request.content) == {"select": ["ID", "NAME"], "order": {"ID": "ASC"}}


async def test_moments_are_those_of_the_database(portal: DemoPortal, sql: Sql) -> None:
    async with rest_door(portal) as rest:
        rows = await whole(rest, WorkflowQuery())
    [(earliest,)] = sql("SELECT MIN(STARTED) FROM workflows")
    assert min(datetime.fromisoformat(row["started"]) for row in rows).astimezone(UTC) == datetime.fromisoformat(
        earliest
    )
