"""Calls that come at once share requests: few go out, each caller gets its own answer, nobody disturbs another."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.calling.reads import Reads
from waiting import settled, until

HOOK = "/rest/1/s3cr3t-c0de"

pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url="https://portal.example")]

Json = dict[str, Any]


def get(each: int) -> RestCall:
    return RestCall("get", {"id": each})


class Portal:
    """A portal that answers with the id asked for, notes what it is asked, and waits while its gate is shut."""

    def __init__(self, router: respx.MockRouter) -> None:
        self.asked: list[str] = []
        self.abandoned: list[str] = []
        self.gate = anyio.Event()
        self.gate.set()
        self.says: Callable[[str], Json | None] = lambda _: None
        router.route(path__startswith=HOOK).mock(side_effect=self._answer)

    def shut(self) -> None:
        self.gate = anyio.Event()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body: Json = json.loads(request.content)
        commands: dict[str, str] = body.get("cmd") or {"alone": f"get?id={body.get('id')}"}
        self.asked.append(" ".join(command.rpartition("=")[2] for command in commands.values()))
        try:
            await self.gate.wait()
        except BaseException:
            self.abandoned.append(self.asked[-1])
            raise
        errors = {key: told for key, command in commands.items() if (told := self.says(command))}
        results = {key: int(each.rpartition("=")[2]) for key, each in commands.items() if key not in errors}
        if "alone" in commands:
            return httpx.Response(200, json=errors.get("alone") or {"result": results["alone"]})
        return httpx.Response(200, json={"result": {"result": results, "result_error": errors or []}})


@pytest.fixture
def playing(respx_mock: respx.MockRouter) -> Portal:
    return Portal(respx_mock)


@pytest.fixture
def reads(client: RestClient) -> Reads:
    return Reads(client)


async def got(reads: Reads, *ids: int) -> list[Any]:
    outcomes: list[Answer | PortalError] = await reads.read([get(each) for each in ids])
    return [each.result if isinstance(each, Answer) else each.code for each in outcomes]


async def test_a_lone_call_is_made_by_itself(reads: Reads, playing: Portal) -> None:
    assert await got(reads, 5) == [5]
    assert playing.asked == ["5"]


async def test_more_than_fifty_go_out_fifty_at_a_time(reads: Reads, playing: Portal) -> None:
    assert await got(reads, *range(1, 102)) == list(range(1, 102))
    assert [len(line.split()) for line in playing.asked] == [50, 50, 1]


async def test_the_first_goes_out_at_once_and_what_comes_meanwhile_shares_a_batch(
    reads: Reads, playing: Portal
) -> None:
    playing.shut()
    answers: list[list[Any]] = []

    async def ask(*ids: int) -> None:
        answers.append(await got(reads, *ids))

    async with anyio.create_task_group() as callers:
        callers.start_soon(ask, 1)
        await until(1, playing.asked)
        for ids in ((1,), (2, 3), (3, 2), (4,)):
            callers.start_soon(ask, *ids)
        await settled()
        playing.gate.set()

    assert playing.asked == ["1", "2 3 4"]
    assert sorted(answers) == [[1], [1], [2, 3], [3, 2], [4]]


async def test_an_answer_is_not_kept(reads: Reads, playing: Portal) -> None:
    assert [await got(reads, 5), await got(reads, 5)] == [[5], [5]]
    assert playing.asked == ["5", "5"]


async def test_one_failure_is_only_its_own_calls(reads: Reads, playing: Portal) -> None:
    playing.says = {"get?id=2": {"error": "NOT_FOUND", "error_description": "x"}}.get

    assert await got(reads, 1, 2, 3) == [1, "NOT_FOUND", 3]
    assert playing.asked == ["1 2 3"]


async def test_what_fails_for_a_moment_is_asked_again_alone_after_a_wait(
    reads: Reads, playing: Portal, waits: list[float]
) -> None:
    fails = {"error": "INTERNAL_SERVER_ERROR", "error_description": "x"}
    playing.says = lambda command: fails if command == "get?id=2" and len(playing.asked) == 1 else None

    assert await got(reads, 1, 2, 3) == [1, 2, 3]
    assert (playing.asked, waits) == (["1 2 3", "2"], [1])


async def test_what_keeps_failing_is_asked_as_often_as_it_is_worth(
    reads: Reads, playing: Portal, waits: list[float]
) -> None:
    playing.says = lambda _: {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "x"}

    assert await got(reads, 1, 2) == ["QUERY_LIMIT_EXCEEDED"] * 2
    assert (playing.asked, waits) == (["1 2"] * 5, [1, 2, 4, 8])


async def test_a_refused_access_is_every_calls_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/batch").respond(401, json={"error": "INVALID_CREDENTIALS", "error_description": "x"})
    outcomes = await Reads(client).read([get(1), get(2)])

    assert [type(outcome) for outcome in outcomes] == [KeyRefused, KeyRefused]


async def test_a_cancelled_caller_disturbs_nobody(reads: Reads, playing: Portal) -> None:
    """Whoever is cancelled, the one whose task sends the batch or another: it is sent once and the rest is answered."""
    for cancelled in range(4):
        playing.shut()
        playing.asked.clear()
        answers: dict[int, list[Any]] = {}
        scopes = [anyio.CancelScope() for _ in range(4)]

        async def ask(each: int, scopes: Sequence[anyio.CancelScope], answers: dict[int, list[Any]]) -> None:
            with scopes[each]:
                answers[each] = await got(reads, each + 1, 100)

        async with anyio.create_task_group() as callers:
            for each in range(4):
                callers.start_soon(ask, each, scopes, answers)
            await until(1, playing.asked)
            await settled()
            scopes[cancelled].cancel()
            await settled()
            playing.gate.set()

        answers.pop(cancelled, None)
        assert answers == {each: [each + 1, 100] for each in range(4) if each != cancelled}
        assert playing.abandoned == []
        assert sum("100" in line.split() for line in playing.asked) == 1


async def test_a_request_that_nobody_waits_for_any_more_is_given_up(reads: Reads, playing: Portal) -> None:
    playing.shut()
    async with anyio.create_task_group() as callers:
        for ids in ([1, 2], [2, 3], [9]):
            callers.start_soon(partial(got, reads, *ids))
        await until(1, playing.asked)
        await settled()
        callers.cancel_scope.cancel()

    assert playing.abandoned == playing.asked
    playing.gate.set()
    playing.asked.clear()
    assert await got(reads, 9) == [9]
    assert playing.asked == ["9"]
