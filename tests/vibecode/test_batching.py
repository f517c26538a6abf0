"""Reads that come at once share requests: few go out, each caller gets its own answer, nobody disturbs another."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import anyio
import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.crm.errors import KeyRefused, PermissionRefused, PortalError
from bitrix24_mcp.crm.portal_values import Condition, RecordPage, RecordQuery, Records, Sort
from bitrix24_mcp.vibecode.portal import GatewayPortal
from waiting import settled, until

GATEWAY = "https://gateway.example"

pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

DEALS, LEADS, USERS = BY_NAME["deals"], BY_NAME["leads"], BY_NAME["users"]
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
Json = dict[str, Any]
Errors = Mapping[str, Mapping[str, Any]]


def got(*ids: int) -> Records:
    return Records({each: {"id": each} for each in ids})


class Gateway:
    """A gateway that has every record, notes what it is asked, and holds answers back while its gate is shut."""

    def __init__(self, router: respx.MockRouter) -> None:
        self.asked: list[str] = []
        self.abandoned: list[str] = []
        self.gate = anyio.Event()
        self.gate.set()
        self.says: Callable[[Json], Errors] = lambda _: {}
        router.route(path__startswith="/v1/").mock(side_effect=self._answer)

    def shut(self) -> None:
        self.gate = anyio.Event()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body: Json = json.loads(request.content) if request.content else {}
        self.asked.append(_line(request, body))
        try:
            await self.gate.wait()
        except BaseException:
            self.abandoned.append(self.asked[-1])
            raise
        if request.url.path != "/v1/batch":
            return httpx.Response(200, json={"success": True, "data": {"id": int(request.url.path.split("/")[-1])}})
        errors = self.says(body)
        results = {call["id"]: {"id": call["entityId"]} for call in body["calls"] if call["id"] not in errors}
        return httpx.Response(200, json={"success": True, "data": {"results": results, "errors": errors}})


def _line(request: httpx.Request, body: Json) -> str:
    calls = [f"{call['entity']} {call.get('entityId', call['action'])}" for call in body.get("calls", [])]
    return f"{request.method} {request.url.path}{f' {calls}' if calls else ''}"


@pytest.fixture
def gateway(respx_mock: respx.MockRouter) -> Gateway:
    return Gateway(respx_mock)


async def test_a_lone_record_is_read_by_its_own_route(portal: GatewayPortal, gateway: Gateway) -> None:
    assert await portal.records(DEALS, [5]) == got(5)
    assert gateway.asked == ["GET /v1/deals/5"]


async def test_several_records_are_one_batch(portal: GatewayPortal, respx_mock: respx.MockRouter) -> None:
    results = {"0": {"id": 7}, "1": {"id": 9}}
    route = respx_mock.post("/v1/batch").respond(json={"success": True, "data": {"results": results, "errors": {}}})

    assert await portal.records(CONTRACTS, [7, 9]) == got(7, 9)
    assert [json.loads(call.request.content) for call in cast("list[respx.models.Call]", list(route.calls))] == [
        {
            "calls": [
                {"id": "0", "entity": "items", "action": "get", "params": {"entityTypeId": 174}, "entityId": 7},
                {"id": "1", "entity": "items", "action": "get", "params": {"entityTypeId": 174}, "entityId": 9},
            ]
        }
    ]


async def test_more_than_fifty_go_out_fifty_at_a_time(portal: GatewayPortal, gateway: Gateway) -> None:
    ids = list(range(1, 102))

    assert await portal.records(DEALS, ids) == got(*ids)
    assert [line.count("deals") for line in gateway.asked] == [50, 50, 1]
    assert gateway.asked[2] == "GET /v1/deals/101"


async def test_the_first_goes_out_at_once_and_those_that_come_meanwhile_share_a_batch(
    portal: GatewayPortal, gateway: Gateway
) -> None:
    gateway.shut()
    answers: list[Records] = []

    async def ask(*ids: int) -> None:
        answers.append(await portal.records(DEALS, ids))

    async with anyio.create_task_group() as callers:
        callers.start_soon(ask, 1)
        await until(1, gateway.asked)
        for each in range(2, 51):
            callers.start_soon(ask, each)
        await settled()
        gateway.gate.set()

    assert gateway.asked == ["GET /v1/deals/1", f"POST /v1/batch {[f'deals {each}' for each in range(2, 51)]}"]
    assert answers == [got(each) for each in range(1, 51)]


async def test_entities_share_a_batch_and_equal_reads_are_made_once(portal: GatewayPortal, gateway: Gateway) -> None:
    gateway.shut()
    answers: list[Records] = []

    async def ask(entity: Any, *ids: int) -> None:
        answers.append(await portal.records(entity, ids))

    async with anyio.create_task_group() as callers:
        callers.start_soon(ask, DEALS, 1)
        await until(1, gateway.asked)
        for entity, ids in [(DEALS, (1,)), (LEADS, (1,)), (CONTRACTS, (1, 2)), (DEALS, (2, 1)), (LEADS, (1,))]:
            callers.start_soon(ask, entity, *ids)
        await settled()
        gateway.gate.set()

    assert gateway.asked == ["GET /v1/deals/1", "POST /v1/batch ['leads 1', 'items 1', 'items 2', 'deals 2']"]
    assert sorted(map(str, answers)) == sorted(map(str, [got(1), got(1), got(1), got(1, 2), got(2, 1), got(1)]))


async def test_an_answer_is_not_kept(portal: GatewayPortal, gateway: Gateway) -> None:
    await portal.records(DEALS, [5])
    await portal.records(DEALS, [5])

    assert gateway.asked == ["GET /v1/deals/5", "GET /v1/deals/5"]


ENTRIES: Mapping[str, tuple[Json, Records]] = {
    "no record": ({"code": "ENTITY_NOT_FOUND", "message": "x"}, Records({1: {"id": 1}}, missing=(2,))),
    "an empty get": ({"code": "NOT_FOUND", "message": "x"}, Records({1: {"id": 1}}, missing=(2,))),
    "no comment": ({"code": "BITRIX_ERROR", "message": "Not found."}, Records({1: {"id": 1}}, missing=(2,))),
    "a foreign record": ({"code": "ACCESS_DENIED", "message": "x"}, Records({1: {"id": 1}}, refused=(2,))),
    "refused by Bitrix24": ({"code": "BITRIX_ACCESS_DENIED", "message": "x"}, Records({1: {"id": 1}}, refused=(2,))),
}


@pytest.mark.parametrize(("error", "expected"), ENTRIES.values(), ids=ENTRIES)
async def test_what_is_missing_is_told_apart_from_what_may_not_be_seen(
    error: Json, expected: Records, portal: GatewayPortal, gateway: Gateway
) -> None:
    gateway.says = lambda _: {"1": error}

    assert await portal.records(DEALS, [1, 2]) == expected


@pytest.mark.parametrize("empty", [None, {}, []])
async def test_an_empty_answer_is_a_missing_record(
    empty: Any, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/deals/5").respond(json={"success": True, "data": empty})

    assert await portal.records(DEALS, [5]) == Records({}, missing=(5,))


async def test_one_failure_in_a_batch_is_only_its_own_callers(portal: GatewayPortal, gateway: Gateway) -> None:
    gateway.shut()
    gateway.says = lambda body: {
        call["id"]: {"code": "SCOPE_NOT_ALLOWED", "message": "x"} for call in body["calls"] if call["entityId"] == 3
    }
    answers: dict[int, Records | str] = {}

    async def ask(each: int) -> None:
        try:
            answers[each] = await portal.records(DEALS, [each])
        except PermissionRefused as error:
            answers[each] = error.code

    async with anyio.create_task_group() as callers:
        for each in (1, 2, 3):
            callers.start_soon(ask, each)
            await until(1, gateway.asked)
        await settled()
        gateway.gate.set()

    assert answers == {1: got(1), 2: got(2), 3: "SCOPE_NOT_ALLOWED"}


@pytest.mark.parametrize(("status", "code"), [(400, "INVALID_REQUEST"), (403, "SCOPE_NOT_ALLOWED")])
async def test_a_batch_in_which_all_failed_says_of_each_why(
    status: int, code: str, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    each = {"0": {"code": "NOT_FOUND", "message": "x"}, "1": {"code": "ACCESS_DENIED", "message": "x"}}
    refusal = {"success": False, "error": {"code": code, "message": "All calls failed"}, "data": {"errors": each}}
    respx_mock.post("/v1/batch").respond(status, json=refusal)

    assert await portal.records(DEALS, [1, 2]) == Records({}, missing=(1,), refused=(2,))


@pytest.mark.parametrize(("status", "code"), [(404, "NOT_FOUND"), (403, "BITRIX_ACCESS_DENIED"), (400, "INVALID_X")])
async def test_a_batch_refused_as_a_whole_says_nothing_of_the_records(
    status: int, code: str, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/batch").respond(status, json={"success": False, "error": {"code": code}})
    for each in (1, 2):
        respx_mock.get(f"/v1/deals/{each}").respond(json={"success": True, "data": {"id": each}})

    assert await portal.records(DEALS, [1, 2]) == got(1, 2)


async def test_what_fails_for_a_moment_is_asked_again_alone_after_the_wait(
    portal: GatewayPortal, gateway: Gateway, waits: list[float]
) -> None:
    gateway.says = lambda _: {"1": {"code": "RATE_LIMITED", "message": "x", "retryAfter": 7}}

    assert await portal.records(DEALS, [1, 2, 3]) == got(1, 2, 3)
    assert gateway.asked == ["POST /v1/batch ['deals 1', 'deals 2', 'deals 3']", "GET /v1/deals/2"]
    assert waits == [7]


LASTING = [("QUEUE_TIMEOUT", 4, [1, 2, 4]), ("INTERNAL_ERROR", 2, [1])]


@pytest.mark.parametrize(("code", "asked", "waited"), LASTING)
async def test_what_keeps_failing_is_asked_as_often_as_it_is_worth(
    code: str, asked: int, waited: list[float], portal: GatewayPortal, gateway: Gateway, waits: list[float]
) -> None:
    gateway.says = lambda body: {call["id"]: {"code": code, "message": "x"} for call in body["calls"]}

    with pytest.raises(PortalError) as raised:
        await portal.records(DEALS, [1, 2])

    assert raised.value.code == code
    assert gateway.asked == ["POST /v1/batch ['deals 1', 'deals 2']"] * asked
    assert waits == waited


async def test_who_has_an_answer_does_not_wait_for_what_failed(
    portal: GatewayPortal, gateway: Gateway, waits: list[float]
) -> None:
    gateway.shut()
    gateway.says = lambda _: {"1": {"code": "QUEUE_OVERFLOW", "message": "x", "retryAfter": 9}}
    waited_by: dict[int, list[float]] = {}

    async def ask(each: int) -> None:
        await portal.records(DEALS, [each])
        waited_by[each] = [*waits]

    async with anyio.create_task_group() as callers:
        for each in (1, 2, 3):
            callers.start_soon(ask, each)
            await until(1, gateway.asked)
        await settled()
        gateway.gate.set()

    assert waited_by == {1: [], 2: [], 3: [9]}


async def test_a_limit_on_the_whole_batch_is_waited_out(
    portal: GatewayPortal, respx_mock: respx.MockRouter, waits: list[float]
) -> None:
    limited = httpx.Response(
        429, json={"success": False, "error": {"code": "RATE_LIMITED"}}, headers={"Retry-After": "3"}
    )
    done = httpx.Response(200, json={"success": True, "data": {"results": {"0": {"id": 1}, "1": {"id": 2}}}})
    respx_mock.post("/v1/batch").mock(side_effect=[limited, done])

    assert await portal.records(DEALS, [1, 2]) == got(1, 2)
    assert waits == [3]


@pytest.mark.parametrize("said", [{"results": {}}, {"errors": {"0": {}, "1": "no"}}, {"results": [], "errors": None}])
async def test_a_call_without_an_answer_is_an_error_and_no_missing_record(
    said: Json, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/batch").respond(json={"success": True, "data": said})

    with pytest.raises(PortalError) as raised:
        await portal.records(DEALS, [1, 2])

    assert raised.value.code == "UNEXPECTED_ANSWER"


@pytest.mark.parametrize("data", [{"id": 6}, {"title": "x"}, [{"id": 5}, {"id": 6}], "5", [5]])
async def test_something_else_than_the_record_asked_for_is_an_error(
    data: Any, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/deals/5").respond(json={"success": True, "data": data})

    with pytest.raises(PortalError) as raised:
        await portal.records(DEALS, [5])

    assert raised.value.code == "UNEXPECTED_ANSWER"


async def test_users_come_in_lists_of_one_and_under_bitrix24s_names_are_read_alone(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    results = {"0": [{"id": 1}], "1": [{"ID": "2"}], "2": []}
    respx_mock.post("/v1/batch").respond(json={"success": True, "data": {"results": results}})
    respx_mock.get("/v1/users/2").respond(json={"success": True, "data": {"id": 2, "name": "Ann"}})

    assert await portal.records(USERS, [1, 2, 3]) == Records({1: {"id": 1}, 2: {"id": 2, "name": "Ann"}}, missing=(3,))


async def test_what_a_batch_cannot_do_is_read_alone(portal: GatewayPortal, gateway: Gateway) -> None:
    gateway.says = lambda _: {"0": {"code": "ACTION_NOT_SUPPORTED", "message": "x"}}

    assert await portal.records(DEALS, [1, 2]) == got(1, 2)
    assert gateway.asked[1:] == ["GET /v1/deals/1"]


async def test_a_cancelled_caller_disturbs_nobody(portal: GatewayPortal, gateway: Gateway) -> None:
    """Whoever is cancelled, the one whose task sends the batch or another: it is sent once and the rest is answered."""
    for cancelled in range(4):
        gateway.shut()
        gateway.asked.clear()
        answers: dict[int, Records] = {}
        scopes = [anyio.CancelScope() for _ in range(4)]

        async def ask(each: int, scopes: Sequence[anyio.CancelScope], answers: dict[int, Records]) -> None:
            with scopes[each]:
                answers[each] = await portal.records(DEALS, [each + 1, 100])

        async with anyio.create_task_group() as callers:
            for each in range(4):
                callers.start_soon(ask, each, scopes, answers)
            await until(1, gateway.asked)
            await settled()
            scopes[cancelled].cancel()
            await settled()
            gateway.gate.set()

        answers.pop(cancelled, None)
        assert answers == {each: got(each + 1, 100) for each in range(4) if each != cancelled}
        assert gateway.abandoned == []
        assert sum(line.count("deals 100") for line in gateway.asked) == 1


async def test_a_waiting_caller_who_is_cancelled_is_not_asked_for(portal: GatewayPortal, gateway: Gateway) -> None:
    gateway.shut()
    scope = anyio.CancelScope()

    async def ask(each: int) -> None:
        await portal.records(DEALS, [each])

    async def ask_until_cancelled() -> None:
        with scope:
            await portal.records(DEALS, [2])

    async with anyio.create_task_group() as callers:
        callers.start_soon(ask, 1)
        await until(1, gateway.asked)
        callers.start_soon(ask_until_cancelled)
        callers.start_soon(ask, 3)
        await settled()
        scope.cancel()
        await settled()
        gateway.gate.set()

    assert gateway.asked == ["GET /v1/deals/1", "GET /v1/deals/3"]


async def test_a_request_that_nobody_waits_for_any_more_is_given_up(portal: GatewayPortal, gateway: Gateway) -> None:
    gateway.shut()
    async with anyio.create_task_group() as callers:
        for ids in ([1, 2], [2, 3], [9]):
            callers.start_soon(partial(portal.records, DEALS, ids))
        await until(1, gateway.asked)
        await settled()
        callers.cancel_scope.cancel()

    assert gateway.abandoned == gateway.asked
    gateway.gate.set()
    gateway.asked.clear()
    assert await portal.records(DEALS, [9]) == got(9)
    assert gateway.asked == ["GET /v1/deals/9"]


async def test_a_cancelled_leader_ends_as_soon_as_the_others_have_gone(portal: GatewayPortal, gateway: Gateway) -> None:
    gateway.shut()
    leader, other = anyio.CancelScope(), anyio.CancelScope()
    ended: list[str] = []

    async def ask(scope: anyio.CancelScope, name: str) -> None:
        with scope:
            await portal.records(DEALS, [5])
        ended.append(name)

    async with anyio.create_task_group() as callers:
        callers.start_soon(ask, leader, "leader")
        await until(1, gateway.asked)
        callers.start_soon(ask, other, "other")
        await settled()
        leader.cancel()
        await settled()
        assert ended == []
        other.cancel()

    assert ended == ["other", "leader"]
    assert gateway.abandoned == ["GET /v1/deals/5"]
    gateway.gate.set()
    assert await portal.records(DEALS, [5]) == got(5)


COMMENTS = RecordQuery(
    BY_NAME["timelines"],
    (Condition("entityType", "eq", "deal"), Condition("entityId", "eq", 5)),
    (Sort("id"),),
    ("id", "comment"),
    limit=50,
    offset=50,
)
FILES = RecordQuery(BY_NAME["files"], (Condition("folderId", "eq", 3),), (Sort("id"),), limit=2)
ITEMS = RecordQuery(CONTRACTS, (Condition("id", "in", (7, 9)),), limit=2)


async def test_several_pages_are_one_batch_of_lists(portal: GatewayPortal, respx_mock: respx.MockRouter) -> None:
    data: Json = {
        "results": {"0": [{"id": 51}], "1": [{"id": 1}, {"id": 2}]},
        "meta": {"0": {"total": 51}, "1": {"total": 3, "hasMore": True}},
        "errors": {"2": {"code": "SCOPE_NOT_ALLOWED", "message": "x"}},
    }
    route = respx_mock.post("/v1/batch").respond(json={"success": True, "data": data})

    comments, files, items = await portal.searches([COMMENTS, FILES, ITEMS])

    assert (comments, files) == (
        RecordPage(({"id": 51},), 51, has_more=False),
        RecordPage(({"id": 1}, {"id": 2}), 3, has_more=True),
    )
    assert isinstance(items, PermissionRefused)
    [call] = cast("list[respx.models.Call]", list(route.calls))
    assert json.loads(call.request.content)["calls"] == [
        {
            "id": "0",
            "entity": "timelines",
            "action": "list",
            "params": {
                "filter": {"entityType": "deal", "entityId": 5},
                "sort": "id",
                "select": "id,comment",
                "limit": 50,
                "offset": 50,
            },
        },
        {"id": "1", "entity": "files", "action": "list", "params": {"folderId": 3, "sort": "id", "limit": 2}},
        {
            "id": "2",
            "entity": "items",
            "action": "list",
            "params": {"entityTypeId": 174, "filter": {"id": {"$in": [7, 9]}}, "limit": 2},
        },
    ]


async def test_a_page_with_something_left_out_is_an_error_in_its_place(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    data: Json = {"results": {"0": [], "1": []}, "meta": {"1": {"total": 9000, "truncated": True}}}
    respx_mock.post("/v1/batch").respond(json={"success": True, "data": data})

    comments, items = await portal.searches([COMMENTS, ITEMS])

    assert comments == RecordPage((), None, has_more=False)
    assert isinstance(items, PortalError)
    assert items.code == "UNEXPECTED_ANSWER"


async def test_a_refused_key_is_no_matter_of_one_page(portal: GatewayPortal, respx_mock: respx.MockRouter) -> None:
    refusal = {"success": False, "error": {"code": "KEY_EXPIRED", "message": "x"}}
    respx_mock.post("/v1/batch").respond(401, json=refusal)

    with pytest.raises(KeyRefused):
        await portal.searches([COMMENTS, ITEMS])
