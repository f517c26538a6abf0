"""Each question of the CRM is one canonical request, and its answer is whole or an error."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.portal_values import (
    Condition,
    Currency,
    FieldInfo,
    Funnel,
    GroupCounts,
    Identity,
    NamedId,
    Person,
    RecordPage,
    RecordQuery,
    Sort,
    Status,
    WorkflowPage,
    WorkflowQuery,
)
from bitrix24_mcp.vibecode.portal import GatewayPortal

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
EVENTS = BY_NAME["calendar-events"]
NEW_DEALS = RecordQuery(DEALS, (Condition("stageId", "eq", "NEW"),), (Sort("id"),), limit=2)
Ask = Callable[[GatewayPortal], Awaitable[Any]]


def data(value: Any, **rest: Any) -> dict[str, Any]:
    return {"success": True, "data": value, **rest}


def status(code: str, sort: int, **rest: Any) -> dict[str, Any]:
    return {"entityId": "DEAL_STAGE", "statusId": code, "name": code.title(), "sort": sort, **rest}


FIELDS = {"id": {"type": "integer"}}
ASKED: dict[str, tuple[Ask, str, dict[str, Any], Any]] = {
    "identity": (
        lambda portal: portal.identity(),
        "GET /v1/me",
        data(
            {"portal": "p.bitrix24.ru", "scopes": ["crm"], "accessMode": "READONLY", "type": "personal",
             "currentUser": {"bitrixUserId": 7}, "rateLimit": {"requestsPerSecond": 10}}
        ),
        Identity("p.bitrix24.ru", ("crm",), "READONLY", 7, "personal", 10),
    ),
    "identity of few words": (
        lambda portal: portal.identity(),
        "GET /v1/me",
        data({"currentUser": None}),
        Identity("", (), "", None, ""),
    ),
    "time zone": (
        lambda portal: portal.time_zone(),
        "GET /v1/users/me",
        data({"timeZone": "Europe/Moscow"}),
        "Europe/Moscow",
    ),
    "no time zone": (lambda portal: portal.time_zone(), "GET /v1/users/me", data([]), ""),
    "smart processes": (
        lambda portal: portal.smart_processes(),
        "GET /v1/smart-processes?limit=5000",
        data([{"entityTypeId": 174}]),
        ({"entityTypeId": 174},),
    ),
    "one condition on smart processes": (
        lambda portal: portal.smart_processes([Condition("title", "contains", "x")], [Sort("id", descending=True)]),
        "GET /v1/smart-processes?filter[title][$contains]=x&sort=-id&limit=5000",
        data([]),
        (),
    ),
    "two conditions on smart processes": (
        lambda portal: portal.smart_processes([Condition("id", "gt", 5), Condition("id", "lt", 9)]),
        'POST /v1/smart-processes/search {"filter": {"id": {"$gt": 5, "$lt": 9}}, "limit": 5000}',
        data([]),
        (),
    ),
    "fields of smart processes": (
        lambda portal: portal.smart_process_fields(),
        "GET /v1/smart-processes/fields",
        data({"fields": FIELDS}),
        (FieldInfo("id", "integer"),),
    ),
    "fields of items": (
        lambda portal: portal.fields(CONTRACTS),
        "GET /v1/items/174/fields",
        data(FIELDS),
        (FieldInfo("id", "integer"),),
    ),
    "one directory": (
        lambda portal: portal.statuses("DEAL_STAGE"),
        "GET /v1/statuses?filter[entityId]=DEAL_STAGE&sort=sort&limit=500",
        data(
            [
                status("LOSE", 40, semantics="F"),
                status("NEW", 10, semantics=None, extra={"SEMANTICS": "process"}),
                status("WON", 30, extra={"SEMANTICS": "success"}),
                status("APOLOGY", 50, semantics=None, extra={"SEMANTICS": "apology"}),
                status("WORK", 20, semantics="p"),
                {**status("CALL", 10), "entityId": "SOURCE"},
            ]
        ),
        (
            Status("DEAL_STAGE", "NEW", "New", 10, ""),
            Status("DEAL_STAGE", "WORK", "Work", 20, ""),
            Status("DEAL_STAGE", "WON", "Won", 30, "S"),
            Status("DEAL_STAGE", "LOSE", "Lose", 40, "F"),
            Status("DEAL_STAGE", "APOLOGY", "Apology", 50, "F"),
        ),
    ),
    "all directories": (
        lambda portal: portal.statuses(None),
        "GET /v1/statuses?sort=sort&limit=5000",
        data([status("NEW", 10)], meta={"total": 0}),
        (Status("DEAL_STAGE", "NEW", "New", 10, ""),),
    ),
    "funnels of deals with the default one": (
        lambda portal: portal.funnels(DEALS),
        "GET /v1/deal-categories?sort=sort&limit=5000",
        data([{"id": 0, "name": "Sales"}, {"id": "5", "name": "Partners"}]),
        (Funnel(0, "Sales", default=True), Funnel(5, "Partners")),
    ),
    "funnels of deals without the default one": (
        lambda portal: portal.funnels(DEALS),
        "GET /v1/deal-categories?sort=sort&limit=5000",
        data({"id": 5, "name": "Partners"}),
        (Funnel(0, "General", default=True), Funnel(5, "Partners")),
    ),
    "funnels of items": (
        lambda portal: portal.funnels(CONTRACTS),
        "GET /v1/categories/174?limit=5000",
        data([{"id": 8, "name": "General", "isDefault": "Y"}, {"id": 9, "name": "Old", "isDefault": False}]),
        (Funnel(8, "General", default=True), Funnel(9, "Old")),
    ),
    "users": (
        lambda portal: portal.users([7, 8]),
        (
            'POST /v1/users/search {"filter": {"id": {"$in": [7, 8]}}, '
            '"select": ["id", "name", "lastName", "email"], "limit": 2}'
        ),
        data([{"id": "7", "name": "Ann", "lastName": "Baker"}, {"id": 8, "name": None, "lastName": "Ёж"}]),
        (NamedId(7, "Ann Baker"), NamedId(8, "Ёж")),
    ),
    "people": (
        lambda portal: portal.people(),
        (
            'POST /v1/users/search {"sort": "id", "select": ["id", "name", "lastName", "email", "active"], '
            '"limit": 5000, "autoWindow": false}'
        ),
        data(
            [
                {"id": "7", "name": " Ann ", "lastName": "Baker", "email": "ann@p.example", "active": True},
                {"id": 8, "name": None, "active": "N"},
                {"id": 9, "lastName": "Ёж", "active": "Y"},
            ]
        ),
        (
            Person(7, "Ann", "Baker", "ann@p.example", active=True),
            Person(8, "", "", "", active=False),
            Person(9, "", "Ёж", "", active=True),
        ),
    ),
    "currencies": (
        lambda portal: portal.currencies(),
        "GET /v1/currencies?limit=5000",
        data([{"id": "RUB", "base": "Y"}, {"id": "EUR", "base": False}], total=2),
        (Currency("RUB", base=True), Currency("EUR", base=False)),
    ),
    "search": (
        lambda portal: portal.search(NEW_DEALS),
        'POST /v1/deals/search {"filter": {"stageId": "NEW"}, "sort": "id", "limit": 2, "autoWindow": false}',
        data([{"id": 1}, {"id": 2}], meta={"total": 7}),
        RecordPage(({"id": 1}, {"id": 2}), 7, has_more=True),
    ),
    "list of events": (
        lambda portal: portal.search(
            RecordQuery(EVENTS, (Condition("type", "eq", "user"), Condition("ownerId", "eq", 7)), limit=5)
        ),
        "GET /v1/calendar-events?type=user&ownerId=7&limit=5",
        data([{"id": 1}]),
        RecordPage(({"id": 1},), None, has_more=False),
    ),
    "count": (
        lambda portal: portal.count(DEALS, [Condition("amount", "gt", 5)]),
        'POST /v1/deals/aggregate {"filter": {"amount": {"$gt": 5}}}',
        data({"count": 12_345, "aggregates": {}, "meta": {"totalRecords": 12_345, "recordsProcessed": 0}}),
        12_345,
    ),
    "groups": (
        lambda portal: portal.group_counts(CONTRACTS, [Condition("categoryId", "eq", 8)], ["stageId"]),
        'POST /v1/items/174/aggregate {"filter": {"categoryId": 8}, "groupBy": ["stageId"]}',
        data(
            {"count": 3,
             "groups": [{"stageId": "NEW", "count": 2, "aggregates": {}}, {"stageId": None, "count": 1}],
             "meta": {"totalRecords": 3, "recordsProcessed": 3, "truncated": False}}
        ),
        GroupCounts((({"stageId": "NEW"}, 2), ({"stageId": None}, 1)), 3, complete=True),
    ),
    "groups of the first 5,000": (
        lambda portal: portal.group_counts(DEALS, (), ["stageId"]),
        'POST /v1/deals/aggregate {"groupBy": ["stageId"]}',
        data(
            {"count": 9_000, "groups": [{"stageId": "NEW", "count": 5_000}],
             "meta": {"totalRecords": 9_000, "recordsProcessed": 5_000, "truncated": True}}
        ),
        GroupCounts((({"stageId": "NEW"}, 5_000),), 9_000, complete=False),
    ),
    "groups of which some are left out": (
        lambda portal: portal.group_counts(DEALS, (), ["stageId"]),
        'POST /v1/deals/aggregate {"groupBy": ["stageId"]}',
        data(
            {"count": 3, "groups": [{"stageId": "NEW", "count": 2}],
             "meta": {"totalRecords": 3, "groupsTruncated": True}}
        ),
        GroupCounts((({"stageId": "NEW"}, 2),), 3, complete=False),
    ),
    "workflows": (
        lambda portal: portal.workflows(WorkflowQuery((Condition("templateId", "eq", 713),), offset=50)),
        "GET /v1/workflows?templateId=713&offset=50",
        data([{"ID": "a.1", "TEMPLATE_ID": "713", "STARTED_BY": "0", "OTHER": 1}], meta={"total": 51}),
        WorkflowPage(
            ({"id": "a.1", "templateId": 713, "startedBy": 0, "started": None, "modified": None,
              "lockedUntil": None, "moduleId": None, "entity": None, "documentId": None},),
            51,
        ),
    ),
    "a workflow of no template that nobody started": (
        lambda portal: portal.workflows(WorkflowQuery()),
        "GET /v1/workflows",
        data([{"ID": "a.1", "TEMPLATE_ID": "", "STARTED_BY": None, "MODULE_ID": "crm"}]),
        WorkflowPage(
            ({"id": "a.1", "templateId": None, "startedBy": None, "started": None, "modified": None,
              "lockedUntil": None, "moduleId": "crm", "entity": None, "documentId": None},),
            None,
        ),
    ),
    "workflow templates": (
        lambda portal: portal.workflow_templates(),
        "GET /v1/bizproc-templates?select=id,name&limit=5000",
        data([{"id": "713", "name": None}]),
        (NamedId(713, ""),),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ask", "request_sent", "received", "read"), ASKED.values(), ids=ASKED)
async def test_a_question_sends_one_request_and_reads_its_answer(
    ask: Ask,
    request_sent: str,
    received: Mapping[str, Any],
    read: Any,
    portal: GatewayPortal,
    respx_mock: respx.MockRouter,
) -> None:
    route = respx_mock.route().respond(json=dict(received))

    assert await ask(portal) == read
    assert [sent(call.request) for call in route.calls] == [request_sent]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportUnknownArgumentType] - respx has no types here


def sent(request: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in request.url.params.multi_items())
    body = f" {json.dumps(json.loads(request.content))}" if request.content else ""
    return f"{request.method} {request.url.path}{'?' if query else ''}{query}{body}"


async def test_a_page_further_on_knows_whether_more_follows(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/deals/search").respond(json=data([{"id": 6}, {"id": 7}], total=7))

    assert await portal.search(replace(NEW_DEALS, offset=5)) == RecordPage(({"id": 6}, {"id": 7}), 7, has_more=False)


async def test_the_gateway_chooses_workflows_by_one_template_or_one_person_only(portal: GatewayPortal) -> None:
    asked = [
        Condition("templateId", "eq", 713),
        Condition("startedBy", "eq", 57),
        Condition("startedBy", "eq", 0),  # the system might be taken for “none given”
        Condition("startedBy", "gt", 57),
        Condition("templateId", "in", (713, 714)),
        Condition("started", "eq", "2026-07-01T00:00:00Z"),
    ]

    assert [portal.filters_workflows(each) for each in asked] == [True, True, False, False, False, False]


async def test_the_gateway_orders_workflows_by_their_latest_change_only(portal: GatewayPortal) -> None:
    newest, first = Sort("modified", descending=True), Sort("id")

    assert [portal.orders_workflows(each) for each in ((), (newest,), (newest, first))] == [True] * 3
    assert [portal.orders_workflows(each) for each in ((first,), (Sort("modified"), first))] == [False] * 2
