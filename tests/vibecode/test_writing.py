"""Changes through the gateway: the requests that ask for them, and what answers say of them."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast

import httpx
import pytest
import respx

from assistants import TestTime, sql_over
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.portal_changes import Action, Change, Outcome
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.portal import GatewayPortal
from bitrix24_mcp.vibecode.writing import GatewayWriter
from written import NEW, check_made_changed_and_deleted, check_workflows

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

DEALS, CONTACTS, TIMELINES = BY_NAME["deals"], BY_NAME["contacts"], BY_NAME["timelines"]
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
Asked = tuple[str, str, Any]


@pytest.fixture
def writer(client: GatewayClient) -> Writer:
    return GatewayWriter(client)


def success(data: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"success": True, "data": data})


def asked_of(router: respx.MockRouter) -> list[Asked]:
    """Method, path with query, and body of every request."""
    requests = [call.request for call in cast("Sequence[respx.models.Call]", list(router.calls))]
    return [
        (each.method, each.url.raw_path.decode(), json.loads(each.content) if each.content else None)
        for each in requests
    ]


PHONES = [{"ID": "7", "VALUE": "+7 916", "VALUE_TYPE": "MOBILE"}, {"VALUE": "+7 495"}]
ALONE: Mapping[str, tuple[Change, httpx.Response, Asked, Outcome]] = {
    "create": (
        Change("create", DEALS, values={"title": "Ёлка", "amount": 5, "closed": False, "comments": None}),
        success({"id": 9, "title": "Ёлка"}, 201),
        ("POST", "/v1/deals", {"title": "Ёлка", "amount": 5, "closed": False, "comments": None}),
        Outcome("done", id=9, record={"id": 9, "title": "Ёлка"}),
    ),
    "create with phones": (
        Change("create", CONTACTS, values={"name": "Ann", "phone": PHONES, "email": []}),
        success({"id": "9"}, 201),
        (
            "POST",
            "/v1/contacts",
            {
                "name": "Ann",
                "phone": [{"value": "+7 916", "typeId": "MOBILE"}, {"value": "+7 495", "typeId": "WORK"}],
                "email": [],
            },
        ),
        Outcome("done", id=9),
    ),
    "create an item": (
        Change("create", CONTRACTS, values={"title": "A", "ufCrm7_1": ["a"]}),
        success({"id": 3, "title": "A", "ufCrm7_1": ["a"]}, 201),
        ("POST", "/v1/items/174", {"title": "A", "ufCrm7_1": ["a"]}),
        Outcome("done", id=3, record={"id": 3, "title": "A", "ufCrm7_1": ["a"]}),
    ),
    "comment on an item": (
        Change("create", TIMELINES, values={"entityType": "dynamic_174", "entityId": 3, "comment": "Hm"}),
        success({"id": 4}, 201),
        ("POST", "/v1/timelines", {"entityType": "DYNAMIC_174", "entityId": 3, "comment": "Hm"}),
        Outcome("done", id=4),
    ),
    "comment on a deal": (
        Change("create", TIMELINES, values={"entityType": "deal", "entityId": 3, "comment": "Hm"}),
        success({"id": 4}, 201),
        ("POST", "/v1/timelines", {"entityType": "deal", "entityId": 3, "comment": "Hm"}),
        Outcome("done", id=4),
    ),
    "update": (
        Change("update", DEALS, id=9, values={"stageId": "C3:NEW", "categoryId": 3}),
        success({"id": 9, "stageId": "C3:NEW"}),
        ("PATCH", "/v1/deals/9", {"stageId": "C3:NEW", "categoryId": 3}),
        Outcome("done", record={"id": 9, "stageId": "C3:NEW"}),
    ),
    "empty": (
        Change(
            "update",
            CONTACTS,
            id=9,
            values={"post": None, "phone": None, "UF_CRM_1": None},
            before={"id": 9, "post": "Boss", "phone": PHONES, "UF_CRM_1": ["301"]},
        ),
        success({"id": 9, "post": None}),
        ("PATCH", "/v1/contacts/9", {"post": None, "phone": [], "UF_CRM_1": []}),
        Outcome("done", record={"id": 9, "post": None}),
    ),
    "update without a record": (
        Change("update", DEALS, id=9, values={"title": "B"}),
        success(data=True),
        ("PATCH", "/v1/deals/9", {"title": "B"}),
        Outcome("done"),
    ),
    "delete": (
        Change("delete", CONTRACTS, id=3),
        httpx.Response(204),
        ("DELETE", "/v1/items/174/3", None),
        Outcome("done"),
    ),
    "delete with an envelope": (
        Change("delete", DEALS, id=9),
        success(data=None),
        ("DELETE", "/v1/deals/9", None),
        Outcome("done"),
    ),
    "start": (
        Change("start", DEALS, id=9, values={"templateId": 12, "parameters": {"Approver": "user_1"}}),
        success({"workflowId": "67a1.2"}, 201),
        (
            "POST",
            "/v1/workflows/start",
            {"templateId": 12, "entityType": "deal", "entityId": 9, "parameters": {"Approver": "user_1"}},
        ),
        Outcome("done", id="67a1.2"),
    ),
    "terminate": (
        Change("terminate", DEALS, id="67a1.2", values={"forced": False, "status": "no more & over"}),
        httpx.Response(204),
        ("DELETE", "/v1/workflows/67a1.2?status=no+more+%26+over", None),
        Outcome("done"),
    ),
    "kill": (
        Change("terminate", DEALS, id="67a1/2", values={"forced": True, "status": ""}),
        httpx.Response(204),
        ("DELETE", "/v1/workflows/67a1%2F2?force=true", None),
        Outcome("done"),
    ),
}


@pytest.mark.parametrize(("change", "answer", "asked", "outcome"), ALONE.values(), ids=ALONE)
async def test_one_change_goes_through_its_own_route(
    change: Change,
    answer: httpx.Response,
    asked: Asked,
    outcome: Outcome,
    writer: Writer,
    respx_mock: respx.MockRouter,
) -> None:
    respx_mock.route().mock(return_value=answer)

    assert await writer.send([change]) == [outcome]
    assert asked_of(respx_mock) == [asked]


async def test_several_changes_go_out_in_one_batch(writer: Writer, respx_mock: respx.MockRouter) -> None:
    results = {"0": {"id": 3, "title": "A"}, "1": {"id": 4}}
    respx_mock.post("/v1/batch").mock(return_value=success({"results": results, "errors": {}}))
    changes = [Change("create", CONTRACTS, values={"title": title}) for title in "AB"]

    assert await writer.send(changes) == [
        Outcome("done", id=3, record={"id": 3, "title": "A"}),
        Outcome("done", id=4),
    ]
    assert asked_of(respx_mock) == [
        (
            "POST",
            "/v1/batch",
            {
                "calls": [
                    {
                        "id": "0",
                        "entity": "items",
                        "action": "create",
                        "params": {"entityTypeId": 174, "title": "A"},
                    },
                    {
                        "id": "1",
                        "entity": "items",
                        "action": "create",
                        "params": {"entityTypeId": 174, "title": "B"},
                    },
                ]
            },
        )
    ]


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        (
            [Change("update", DEALS, id=each, values={"title": "A"}) for each in (5, 6)],
            [
                {"id": "0", "entity": "deals", "action": "update", "entityId": 5, "params": {"title": "A"}},
                {"id": "1", "entity": "deals", "action": "update", "entityId": 6, "params": {"title": "A"}},
            ],
        ),
        (
            [Change("delete", DEALS, id=each) for each in (5, 6)],
            [
                {"id": "0", "entity": "deals", "action": "delete", "entityId": 5},
                {"id": "1", "entity": "deals", "action": "delete", "entityId": 6},
            ],
        ),
        (
            [Change("delete", CONTRACTS, id=each) for each in (5, 6)],
            [
                {
                    "id": "0",
                    "entity": "items",
                    "action": "delete",
                    "entityId": 5,
                    "params": {"entityTypeId": 174},
                },
                {
                    "id": "1",
                    "entity": "items",
                    "action": "delete",
                    "entityId": 6,
                    "params": {"entityTypeId": 174},
                },
            ],
        ),
    ],
    ids=["update", "delete", "delete items"],
)
async def test_a_batch_names_records_by_their_ids(
    changes: Sequence[Change], calls: list[Any], writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/batch").mock(return_value=success({"results": {"0": True, "1": None}, "errors": {}}))

    assert await writer.send(changes) == [Outcome("done"), Outcome("done")]
    assert asked_of(respx_mock) == [("POST", "/v1/batch", {"calls": calls})]


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"id": 7, "title": "A"}, Outcome("done", id=7, record={"id": 7, "title": "A"})),
        ([{"id": 7, "title": "A"}], Outcome("done", id=7, record={"id": 7, "title": "A"})),
        ({"ID": "7"}, Outcome("done", id=7)),
        ({"id": "7"}, Outcome("done", id=7)),
        ("7", Outcome("done", id=7)),
        (7, Outcome("done", id=7)),
    ],
    ids=str,
)
async def test_the_id_of_what_was_made_is_found_in_every_form(
    result: Any, outcome: Outcome, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/batch").mock(return_value=success({"results": {"0": result, "1": result}}))

    assert await writer.send([Change("create", DEALS, values={"title": "A"})] * 2) == [outcome, outcome]


NO_ID: Sequence[Any] = (None, {}, [], True, False, 0, -1, "", "new", {"id": None}, {"id": 0}, {"title": "A"}, [1, 2])


@pytest.mark.parametrize("data", NO_ID, ids=str)
@pytest.mark.parametrize("action", ["create", "start"])
async def test_a_success_without_an_id_leaves_the_fate_open(
    data: Any, action: Action, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post().mock(return_value=success(data, 201))
    [outcome] = await writer.send([Change(action, DEALS, id=1 if action == "start" else None)])

    assert (outcome.fate, outcome.id, outcome.record) == ("unknown", None, None)
    assert outcome.error is not None
    assert outcome.error.code == "UNEXPECTED_ANSWER"
    assert route.call_count == 1


@pytest.mark.parametrize("data", [{"id": 8, "title": "B"}, False], ids=["another record", "no"])
async def test_an_update_that_is_answered_otherwise_leaves_the_fate_open(
    data: Any, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.patch("/v1/deals/9").mock(return_value=success(data))
    [outcome] = await writer.send([Change("update", DEALS, id=9, values={"title": "B"})])

    assert outcome.fate == "unknown"


async def test_workflows_start_one_after_another(writer: Writer, respx_mock: respx.MockRouter) -> None:
    started = [success({"workflowId": each}, 201) for each in ("a.1", "b.2")]
    respx_mock.post("/v1/workflows/start").mock(side_effect=started)
    changes = [Change("start", DEALS, id=each, values={"templateId": 1}) for each in (5, 6)]

    assert await writer.send(changes) == [Outcome("done", id="a.1"), Outcome("done", id="b.2")]


RECORDS = ("leads", "deals", "contacts", "companies", "quotes", "invoices", "tasks", "products", "timelines")


async def test_the_gateway_changes_what_it_has_routes_for(writer: Writer) -> None:
    every = [*BY_NAME.values(), CONTRACTS]
    actions: Sequence[Action] = ("create", "update", "delete", "start", "terminate", "complete")
    taken = {action: {each.name for each in every if writer.takes(action, each)} for action in actions}

    assert taken == {
        "create": {*RECORDS, "174"},
        "update": {*RECORDS, "174"},
        "delete": {*RECORDS, "174"},
        "start": {"deals", "leads", "contacts", "companies"},
        "terminate": {each.name for each in every},
        "complete": set[str](),
    }
    assert writer.changes_at_once == 50


async def test_what_is_not_offered_is_refused_unasked(writer: Writer) -> None:
    changes = [Change("complete", DEALS, id=1), Change("start", CONTRACTS, id=1, values={"templateId": 1})]
    outcomes = await writer.send(changes)

    assert [(each.fate, each.error and each.error.code) for each in outcomes] == [("refused", "UNSUPPORTED_ENTITY")] * 2


async def test_nothing_to_change_asks_nothing(writer: Writer) -> None:
    assert await writer.send([]) == []


@pytest.fixture
async def demo(own_portal: DemoPortal) -> AsyncGenerator[GatewayClient]:
    """The demo portal over real HTTP; nobody waits for a budget."""
    async with GatewayClient(Credentials(own_portal.url, "vibe_api_demo"), budget=Budget(clock=TestTime().clock)) as it:
        yield it


@pytest.mark.respx(assert_all_mocked=False)
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("entity", "values"), NEW, ids=[entity.name for entity, _ in NEW])
async def test_a_record_is_made_changed_and_deleted(
    entity: Entity, values: Mapping[str, Any], number: int, demo: GatewayClient, own_portal: DemoPortal
) -> None:
    await check_made_changed_and_deleted(
        entity, values, number, GatewayWriter(demo), GatewayPortal(demo), own_portal, shown=True
    )


@pytest.mark.respx(assert_all_mocked=False)
async def test_workflows_are_started_and_ended(demo: GatewayClient, own_portal: DemoPortal) -> None:
    await check_workflows(GatewayWriter(demo), own_portal)


@pytest.mark.respx(assert_all_mocked=False)
async def test_a_read_only_key_changes_nothing_and_says_so(own_portal: DemoPortal) -> None:
    async with GatewayClient(Credentials(own_portal.url, "vibe_api_demo_readonly")) as client:
        outcomes = [
            *await GatewayWriter(client).send([Change("delete", DEALS, id=5)]),
            *await GatewayWriter(client).send([Change("delete", DEALS, id=each) for each in (5, 6)]),
        ]

    said = (
        "This key is read-only. Changes need a key with access mode READWRITE; create one in the VibeCode console. "
        "[WRITE_BLOCKED]"
    )
    assert [(each.fate, str(each.error)) for each in outcomes] == [("refused", said)] * 3
    assert sql_over(own_portal.database)('SELECT COUNT(*) FROM "deals" WHERE "id" IN (5, 6)') == [(2,)]
