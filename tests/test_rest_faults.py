"""Whatever goes wrong at a portal that speaks REST: one clear error or a right answer, and the next call works."""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import anyio
import pytest

from assistants import Assistant, TestTime, direct_assistant_for
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.demo import DemoPortal, Fault, RestSwitches
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.tools import TOOLS
from lasting_faults import REST, Lasting

pytestmark = pytest.mark.anyio

Call = tuple[str, Mapping[str, Any]]
DEALS: Mapping[str, Any] = {"entity": "deals", "limit": 5, "select": ["title"]}
SUM: Mapping[str, Any] = {"entity": "deals", "measures": [{"function": "sum", "field": "amount"}]}
CALLS: Mapping[str, Mapping[str, Any]] = {
    "list_smart_processes": {"filter": {"isStagesEnabled": True}},
    "get_status_items": {"entity": "deals"},
    "list_workflows": {"limit": 2},
    "search_items": DEALS,
    "aggregate": SUM,
    "describe_entity": {"entity": "deals"},
    "get_item": {"entity": "deals", "id": 5},
    "funnel_report": {"entity": "deals", "created": "last_month"},
    "get_portal_info": {},
}
LONG: Sequence[Call] = [
    ("search_items", {"entity": "deals", "limit": 300, "select": ["title", "stageId"], "max_tokens": 50_000}),
    ("search_items", {"entity": "deals", "limit": 300, "sort": "-amount", "select": ["amount"], "max_tokens": 50_000}),
    ("search_items", {"entity": "folders", "limit": 200, "max_tokens": 50_000}),
    ("aggregate", {"entity": "deals", "group_by": ["createdAt:month"], "measures": SUM["measures"]}),
    ("aggregate", {"entity": "tasks", "group_by": ["status"]}),
    ("funnel_report", {"entity": "deals", "created": "2026-Q2", "history": True}),
    ("list_workflows", {"limit": 200, "sort": "id"}),
]
"""Questions that take many requests, batches and chains among them."""


@dataclass(frozen=True)
class Question:
    """A call, the portal that answers it, and what it should answer."""

    tool: str
    arguments: Mapping[str, Any]
    portal: DemoPortal
    expected: Mapping[str, Any]

    async def under(self, fault: Fault) -> Any:
        """The result of the call, by an assistant that knows nothing yet, while something is wrong."""
        async with direct_assistant_for(self.portal.url) as assistant:
            self.portal.inject(fault)
            try:
                return await assistant.raw(self.tool, **self.arguments)
            finally:
                self.portal.clear_faults()


# In the test's own time nothing is slow.
LASTING = [each for each in REST if each.kind != "slow"]
PASSING: Sequence[FaultKind] = ["rate_limit", "server_error", "drop", "drop_after", "broken_json", "html", "html_502"]


@pytest.fixture
def time() -> TestTime:
    return TestTime()


@pytest.fixture
async def direct(own_portal: DemoPortal, time: TestTime) -> AsyncGenerator[Assistant]:
    async with direct_assistant_for(own_portal.url, clock=time.clock) as ready:
        yield ready


@pytest.fixture(scope="module")
def sound() -> Generator[DemoPortal]:
    """A portal whose lists take several pages, for tests that break it over and over and mend it each time."""
    with DemoPortal.start(deals=150, limits=False) as started:
        yield started


@pytest.fixture(params=LONG, ids=str)
async def question(request: pytest.FixtureRequest, sound: DemoPortal) -> Question:
    """A question that takes many requests, and its answer while nothing is wrong."""
    tool, arguments = request.param
    async with direct_assistant_for(sound.url) as assistant:
        return Question(tool, arguments, sound, await assistant.ask(tool, **arguments))


def test_every_tool_is_driven() -> None:
    assert list(CALLS) == [tool.name for tool in TOOLS]


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.kind)
async def test_a_lasting_fault_is_an_error_and_the_next_call_works(
    fault: Lasting, own_portal: DemoPortal, direct: Assistant, time: TestTime
) -> None:
    expected = await direct.ask("search_items", **DEALS)
    own_portal.requests.clear()

    own_portal.inject(Fault(kind=fault.kind, path="*/crm.item.list", times=None))
    error = await direct.fail("search_items", **DEALS)
    asked = [request for request in own_portal.requests if request.path.endswith("/crm.item.list")]
    own_portal.clear_faults()
    time.now += 61

    assert (error["code"], len(asked)) == (fault.code, fault.asked)
    assert await direct.ask("search_items", **DEALS) == expected


@pytest.mark.parametrize("tool", CALLS)
@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.kind)
async def test_every_tool_says_what_is_wrong_with_the_portal(
    fault: Lasting, tool: str, own_portal: DemoPortal, direct: Assistant, time: TestTime
) -> None:
    own_portal.inject(Fault(kind=fault.kind, times=None))
    error = await direct.fail(tool, **CALLS[tool])
    own_portal.clear_faults()
    time.now += 61  # time that is used up comes back by the minute

    assert error["code"] == fault.code
    assert await direct.ask(tool, **CALLS[tool])


@pytest.mark.parametrize("kind", PASSING)
async def test_a_passing_fault_anywhere_is_not_noticed(kind: FaultKind, question: Question) -> None:
    """In the first request, in the middle of a scan, in a batch, in a chain."""
    for path, after in (("*", 0), ("*", 2), ("*", 4), ("*/batch", 0)):
        result = await question.under(Fault(kind=kind, path=path, after=after))
        assert result.structured_content == question.expected, (path, after)


async def test_one_failing_command_of_a_batch_is_asked_again(question: Question) -> None:
    for after in range(3):
        result = await question.under(Fault(kind="partial_batch", after=after))
        assert result.structured_content == question.expected


@pytest.mark.parametrize("fault", [each for each in LASTING if each.kind not in PASSING], ids=lambda fault: fault.kind)
async def test_a_scan_that_is_refused_in_its_middle_is_an_error_or_says_what_it_lacks(
    fault: Lasting, question: Question
) -> None:
    """Names beside ids and the history of stages may be missing; figures and records are all there or not given."""
    for path, after in (("*", 1), ("*", 2), ("*", 3), ("*/batch", 0)):
        result = await question.under(Fault(kind=fault.kind, path=path, after=after, times=None))
        answer: Any = result.structured_content
        if result.is_error:
            assert answer["error"]["code"] == fault.code
        elif "history" in question.arguments:
            assert counts(answer) == counts(question.expected)
            assert answer == question.expected or "Stage history could not be read" in answer["note"]
        else:
            assert nameless(answer) == nameless(question.expected)


def nameless(answer: Any) -> Any:
    """The answer without the names that stand beside ids."""
    if isinstance(answer, dict):
        held = cast("Mapping[str, Any]", answer)
        return {name: nameless(each) for name, each in held.items() if not name.endswith("_name")}
    return [nameless(each) for each in cast("list[Any]", answer)] if isinstance(answer, list) else answer


def counts(report: Any) -> Any:
    return report["total"], [(each.get("id"), each.get("records")) for each in report["funnels"]]


async def test_a_method_whose_time_is_used_up_is_left_alone_until_some_is_freed(time: TestTime) -> None:
    """Other methods answer meanwhile, and what is refused is refused here, without asking again and again."""
    switches = RestSwitches(costs={"crm.item.list": 100.0})  # three more tell how filters take moments
    with DemoPortal.start(deals=60, limits=True, clock=lambda: time.now, rest=switches) as portal:
        async with direct_assistant_for(portal.url, clock=time.clock) as assistant:
            answers = [await assistant.ask("search_items", **DEALS) for _ in range(2)]
            refused = await assistant.fail("search_items", **DEALS)
            asked = len(portal.requests)
            again = await assistant.fail("search_items", **DEALS)
            stages = await assistant.ask("get_status_items", directory="SOURCE")
            time.now += 660
            later = await assistant.ask("search_items", **DEALS)
            requests = [request.path.rpartition("/")[2] for request in portal.requests[asked:]]

    assert answers[0] == answers[1] == later
    assert [refused["code"], again["code"]] == ["OPERATION_TIME_LIMIT"] * 2
    assert "minute" in refused["message"]
    assert stages["items"]
    assert requests[-1] == "crm.item.list"
    assert requests.count("crm.item.list") == 1


@asynccontextmanager
async def limited(time: TestTime) -> AsyncGenerator[tuple[DemoPortal, Assistant]]:
    """A portal that counts requests, and an assistant, in one time that passes only when somebody waits."""
    with DemoPortal.start(deals=60, limits=True, clock=lambda: time.now) as portal:
        async with direct_assistant_for(portal.url, clock=time.clock) as assistant:
            yield portal, assistant


def statuses(portal: DemoPortal) -> set[int]:
    return {request.status for request in portal.requests}


async def test_a_hundred_searches_in_a_row_keep_within_the_bucket() -> None:
    async with limited(TestTime()) as (portal, assistant):
        answers = [await assistant.ask("search_items", **DEALS) for _ in range(100)]

        assert statuses(portal) == {200}
        assert all(answer == answers[0] for answer in answers)


async def test_a_hundred_searches_at_once_keep_within_the_bucket() -> None:
    async with limited(TestTime()) as (portal, assistant):
        async with anyio.create_task_group() as calls:
            for deal in range(100):
                calls.start_soon(partial(assistant.ask, "get_item", entity="deals", id=1 + deal % 60))

        assert statuses(portal) == {200}


async def test_others_at_the_same_address_are_made_room_for() -> None:
    """Two servers share the portal's bucket and know nothing of each other: both get every answer."""
    time = TestTime()
    async with limited(time) as (portal, one), direct_assistant_for(portal.url, clock=time.clock) as other:
        answers = [await assistant.ask("search_items", **DEALS) for _ in range(60) for assistant in (one, other)]

        assert all(answer == answers[0] for answer in answers)
        assert statuses(portal) == {200, 503}, "the bucket was full, and nobody noticed"


async def test_a_portal_that_is_down_is_told_apart_from_an_empty_one() -> None:
    async with direct_assistant_for("http://127.0.0.1:9") as assistant:
        error = await assistant.fail("search_items", **DEALS)

    assert error["code"] == "PORTAL_UNREACHABLE"


@pytest.mark.parametrize("webhook", ["1/demo-expired", "7/demo-admin"])
async def test_a_webhook_that_opens_nothing_says_so_to_every_tool(webhook: str, portal: DemoPortal) -> None:
    async with direct_assistant_for(portal.url, webhook) as assistant:
        codes = {(await assistant.fail(tool, **CALLS[tool]))["code"] for tool in CALLS}

    assert codes == {"INVALID_CREDENTIALS"}


async def test_nothing_raises_what_callers_do_not_expect() -> None:
    """A host that no resolver takes is an error like any other, not a fault of the server."""
    for host in ("256.1.1.1", "xn--zzzz.ru", "ｆoo.ru", "a..b"):
        webhook = Webhook(f"https://{host}/rest/1/s3cr3t-c0de/")
        async with RestClient(webhook, budget=Bucket(clock=TestTime().clock)) as client:
            with pytest.raises(PortalError) as failed:
                await client.call("profile")
        assert failed.value.code == "PORTAL_UNREACHABLE"


async def test_half_a_character_is_refused_before_anything_is_asked(own_portal: DemoPortal, direct: Assistant) -> None:
    """No encoding can carry it to the portal."""
    for arguments in ({"entity": "deals", "filter": {"title": "\ud800"}}, {"entity": "\udfff"}):
        assert (await direct.fail("search_items", **arguments))["code"] == "INVALID_VALUE"

    assert own_portal.requests == []
