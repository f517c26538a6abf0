"""Many calls share a request; each gets what the portal says of it, whatever became of the others."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import httpx
import pytest
import respx

from assistants import Sql
from bitrix24_mcp.crm.errors import InvalidArguments, KeyRefused, NotFound, PermissionRefused, PortalError
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

Json = dict[str, Any]


def gets(*ids: int) -> list[RestCall]:
    return [RestCall("crm.item.get", {"id": each}) for each in ids]


def failed(code: str, description: str = "x") -> Json:
    return {"error": code, "error_description": description}


def reply(**told: Any) -> httpx.Response:
    quiet: Json = {"result": [], "result_error": [], "result_total": [], "result_next": [], "result_time": []}
    return httpx.Response(200, json={"result": {**quiet, **told}})


def sent(route: respx.Route) -> list[Json]:
    return [json.loads(call.request.content) for call in cast("list[respx.models.Call]", list(route.calls))]


def shown(outcomes: Sequence[Answer | PortalError]) -> list[Any]:
    return [outcome.result if isinstance(outcome, Answer) else outcome.code for outcome in outcomes]


class Portal:
    """A portal that answers each command with its id, and notes the commands of each request."""

    def __init__(self, router: respx.MockRouter) -> None:
        self.asked: list[list[str]] = []
        self.says: Callable[[str], Json | None] = lambda _: None
        router.route(path__startswith=HOOK).mock(side_effect=self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body: Json = json.loads(request.content)
        method = request.url.path.rpartition("/")[2]
        if method != "batch":
            self.asked.append([f"{method} {body}"])
            return httpx.Response(200, json={"result": body.get("id")})
        self.asked.append(list(body["cmd"].values()))
        errors = {key: told for key, command in body["cmd"].items() if (told := self.says(command))}
        results = {key: int(command.rpartition("=")[2]) for key, command in body["cmd"].items() if key not in errors}
        return reply(result=results or [], result_error=errors or [])


@pytest.fixture
def playing(respx_mock: respx.MockRouter) -> Portal:
    return Portal(respx_mock)


async def test_a_batch_names_its_commands_by_their_place(client: RestClient, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(f"{HOOK}/batch").mock(
        return_value=reply(
            result={"c1": {"items": []}, "c0": {"ID": "1"}}, result_total={"c1": "12"}, result_next={"c1": 50}
        )
    )
    calls = [RestCall("user.current"), RestCall("crm.item.list", {"entityTypeId": 2, "filter": {">id": 5}})]

    assert await client.batch(calls) == [Answer({"ID": "1"}), Answer({"items": []}, 12, 50)]
    assert sent(route) == [
        {"halt": 0, "cmd": {"c0": "user.current", "c1": "crm.item.list?entityTypeId=2&filter[%3Eid]=5"}}
    ]


async def test_an_application_sends_its_token_beside_the_commands(
    application: RestClient, respx_mock: respx.MockRouter
) -> None:
    spent = httpx.Response(401, json=failed("expired_token"))
    route = respx_mock.post("/rest/batch").mock(side_effect=[spent, reply(result={"c0": 1, "c1": 2})])

    assert shown(await application.batch(gets(1, 2))) == [1, 2]
    assert [body["auth"] for body in sent(route)] == ["t0ken-1", "t0ken-2"]


async def test_more_than_fifty_go_out_fifty_at_a_time_and_a_lone_one_by_itself(
    client: RestClient, playing: Portal
) -> None:
    assert shown(await client.batch(gets(*range(1, 102)))) == list(range(1, 102))
    assert [len(commands) for commands in playing.asked] == [50, 50, 1]
    assert playing.asked[2] == ["crm.item.get {'id': 101}"]


async def test_no_calls_are_no_request(client: RestClient) -> None:
    assert await client.batch([]) == []
    assert await client.batch([], chained=True) == []


LISTS: Mapping[str, tuple[Json, list[Any]]] = {
    "all in a list": ({"result": [1, 2, 3]}, [1, 2, 3]),
    "totals in a list": ({"result": {"c0": 1, "c1": 2, "c2": 3}, "result_total": [7, 8, 9]}, [1, 2, 3]),
    "one error in a list": ({"result": {"c0": 1, "c2": 3}, "result_error": [failed("NOT_FOUND")]}, [1, "NOT_FOUND", 3]),
    "all errors in a list": ({"result_error": [failed("A1"), failed("A2"), failed("A3")]}, ["A1", "A2", "A3"]),
    "an error beside a null": (
        {"result": {"c0": 1, "c1": None, "c2": 3}, "result_error": {"c1": failed("NOT_FOUND")}},
        [1, "NOT_FOUND", 3],
    ),
    "a null": ({"result": {"c0": None, "c1": [], "c2": False}}, [None, [], False]),
    "an empty code": (
        {"result": {"c0": 1, "c1": 2}, "result_error": {"c2": failed("", "Not found")}},
        [1, 2, "NOT_FOUND"],
    ),
}


@pytest.mark.parametrize(("told", "expected"), LISTS.values(), ids=LISTS)
async def test_maps_may_come_as_lists_and_results_as_null(
    told: Json, expected: list[Any], client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/batch").mock(return_value=reply(**told))

    assert shown(await client.batch(gets(1, 2, 3))) == expected


async def test_totals_in_a_list_are_those_of_the_calls_in_order(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/batch").mock(
        return_value=reply(result={"c0": 1, "c1": 2}, result_total=[7, 8], result_next=[50])
    )

    assert await client.batch(gets(1, 2)) == [Answer(1, 7), Answer(2, 8)]


UNANSWERED: Mapping[str, Json] = {
    "nothing": {},
    "one missing": {"result": {"c0": 1}},
    "a list too short": {"result": [1]},
    "errors of others": {"result": {"c0": 1}, "result_error": {"x": failed("NOT_FOUND")}},
    "more errors than missing": {"result": {"c0": 1}, "result_error": [failed("A1"), failed("A2")]},
}


@pytest.mark.parametrize("told", UNANSWERED.values(), ids=UNANSWERED)
@pytest.mark.respx(base_url=PORTAL, assert_all_called=False)
async def test_a_call_without_an_answer_is_asked_once_more_and_then_an_error(
    told: Json, client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/batch").mock(return_value=reply(**told))
    respx_mock.post(f"{HOOK}/crm.item.get").respond(html="<p>hm</p>")
    outcomes = shown(await client.batch(gets(1, 2)))

    assert outcomes[1] == "UNEXPECTED_ANSWER"
    assert waits == [1]


@pytest.mark.parametrize("result", [None, 5, "done", [], [1]])
async def test_something_else_than_a_batch_is_an_error_for_each(
    result: Any, client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/batch").respond(json={"result": result})

    assert shown(await client.batch(gets(1, 2))) == ["UNEXPECTED_ANSWER"] * 2


async def test_one_failure_is_only_its_own_calls(client: RestClient, playing: Portal) -> None:
    playing.says = {"crm.item.get?id=2": failed("NOT_FOUND"), "crm.item.get?id=3": failed("ACCESS_DENIED")}.get
    outcomes = await client.batch(gets(1, 2, 3, 4))

    assert shown(outcomes) == [1, "NOT_FOUND", "ACCESS_DENIED", 4]
    assert [type(outcome) for outcome in outcomes[1:3]] == [NotFound, PermissionRefused]
    assert len(playing.asked) == 1


async def test_only_what_fails_for_a_moment_is_asked_again(
    client: RestClient, playing: Portal, waits: list[float]
) -> None:
    def says(command: str) -> Json | None:
        passing = command.endswith(("=2", "=4")) and len(playing.asked) == 1
        return failed("INTERNAL_SERVER_ERROR") if passing else failed("NOT_FOUND") if command.endswith("=3") else None

    playing.says = says

    assert shown(await client.batch(gets(1, 2, 3, 4))) == [1, 2, "NOT_FOUND", 4]
    assert playing.asked[1:] == [["crm.item.get?id=2", "crm.item.get?id=4"]]
    assert waits == [1]


@pytest.mark.parametrize(
    ("code", "requests"), [("QUERY_LIMIT_EXCEEDED", 5), ("INTERNAL_SERVER_ERROR", 2), ("OVERLOAD_LIMIT", 1)]
)
async def test_what_keeps_failing_is_asked_as_often_as_it_is_worth(
    code: str, requests: int, client: RestClient, playing: Portal
) -> None:
    playing.says = lambda _: failed(code)

    assert shown(await client.batch(gets(1, 2))) == [code, code]
    assert len(playing.asked) == requests


async def test_a_batch_that_fails_as_a_whole_is_an_error_for_each(
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/batch").respond(502, html="<h1>Bad gateway</h1>")

    assert shown(await client.batch(gets(1, 2))) == ["HTTP_502", "HTTP_502"]
    assert (route.call_count, waits) == (4, [1, 2, 4])


@pytest.mark.parametrize("chained", [False, True])
async def test_a_refused_access_is_no_matter_of_one_call(
    chained: bool,  # noqa: FBT001 - a case
    client: RestClient,
    respx_mock: respx.MockRouter,
) -> None:
    respx_mock.post(f"{HOOK}/batch").respond(401, json=failed("INVALID_CREDENTIALS"))

    with pytest.raises(KeyRefused):
        await client.batch(gets(1, 2), chained=chained)


async def test_words_that_a_batch_would_take_for_a_reference_go_by_themselves(
    client: RestClient, playing: Portal
) -> None:
    tricky = RestCall("crm.item.list", {"filter": {"%title": "$result[c0]"}})
    await client.batch([*gets(1, 2), tricky])

    assert playing.asked == [
        ["crm.item.get?id=1", "crm.item.get?id=2"],
        ["crm.item.list {'filter': {'%title': '$result[c0]'}}"],
    ]


def page(last: str, title: str = "") -> RestCall:
    return RestCall("crm.item.list", {"filter": {">id": last, **({"%title": title} if title else {})}, "start": -1})


CHAIN = [page("0"), page("$result[c0][items][49][id]"), page("$result[c1][items][49][id]")]


async def test_a_chain_refers_to_earlier_results_and_ends_at_the_first_failure(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/batch").mock(
        return_value=reply(result={"c0": {"items": []}}, result_error={"c1": failed("INVALID_ARG_VALUE")})
    )

    assert shown(await client.batch(CHAIN, chained=True)) == [{"items": []}, "INVALID_ARG_VALUE", "INVALID_ARG_VALUE"]
    assert sent(route) == [
        {
            "halt": 1,
            "cmd": {
                "c0": "crm.item.list?filter[%3Eid]=0&start=-1",
                "c1": "crm.item.list?filter[%3Eid]=$result[c0][items][49][id]&start=-1",
                "c2": "crm.item.list?filter[%3Eid]=$result[c1][items][49][id]&start=-1",
            },
        }
    ]


async def test_a_chain_that_fails_for_a_moment_is_asked_again_as_a_whole(
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    broken = reply(result={"c0": 1}, result_error={"c1": failed("INTERNAL_SERVER_ERROR")})
    route = respx_mock.post(f"{HOOK}/batch").mock(side_effect=[broken, reply(result={"c0": 1, "c1": 2, "c2": 3})])

    assert shown(await client.batch(CHAIN, chained=True)) == [1, 2, 3]
    assert [len(body["cmd"]) for body in sent(route)] == [3, 3]
    assert waits == [1]


async def test_a_chain_that_keeps_failing_is_an_error_for_each(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/batch").respond(503, json=failed("QUERY_LIMIT_EXCEEDED"))

    assert shown(await client.batch(CHAIN, chained=True)) == ["QUERY_LIMIT_EXCEEDED"] * 3


async def test_a_chain_does_not_search_for_what_the_portal_would_replace(client: RestClient) -> None:
    [first, *_] = outcomes = await client.batch([page("0", "$result[x]"), *CHAIN[1:]], chained=True)

    assert isinstance(first, InvalidArguments)
    assert shown(outcomes) == ["UNSUPPORTED_FILTER"] * 3


async def test_the_demo_portal_answers_a_chain_over_real_http(demo_client: RestClient, sql: Sql) -> None:
    def page_after(last: str | int) -> RestCall:
        params = {"entityTypeId": 2, "order": {"id": "ASC"}, "filter": {">id": last}, "select": ["id"], "start": -1}
        return RestCall("crm.item.list", params)

    calls = [page_after(0), *(page_after(f"$result[c{n}][items][49][id]") for n in range(3))]
    outcomes = await demo_client.batch(calls, chained=True)

    pages = [outcome.rows("items") for outcome in outcomes if isinstance(outcome, Answer)]
    assert [(row["id"],) for rows in pages for row in rows] == sql("SELECT id FROM deals ORDER BY id LIMIT 200")
    assert demo_client.budget.spent == 1


async def test_the_demo_portal_answers_many_calls_over_real_http(demo_client: RestClient) -> None:
    calls = [RestCall("crm.item.get", {"entityTypeId": 2, "id": each}) for each in [1, 10**9, 2]]
    outcomes = await demo_client.batch(calls)

    assert [each.record("item")["id"] if isinstance(each, Answer) else each.code for each in outcomes] == [
        1,
        "NOT_FOUND",
        2,
    ]
