"""Whatever goes wrong at the portal, the caller gets one clear error, and the next call works."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import anyio
import pytest

from assistants import Assistant, TestTime, assistant_for
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.pacing.turns import Clock
from lasting_faults import GATEWAY, Lasting

pytestmark = pytest.mark.anyio

DEALS: Mapping[str, Any] = {"entity": "deals", "limit": 5, "select": ["title"]}


@pytest.mark.parametrize("fault", GATEWAY, ids=lambda fault: fault.kind)
async def test_a_lasting_fault_is_an_error_and_the_next_call_works(
    fault: Lasting, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    expected = await own_assistant.ask("search_items", **DEALS)
    before = len(own_portal.requests)

    own_portal.inject(Fault(kind=fault.kind, path="/v1/deals/search", times=None))
    error = await own_assistant.fail("search_items", **DEALS)
    asked = [request for request in own_portal.requests[before:] if request.path == "/v1/deals/search"]
    own_portal.clear_faults()

    assert error["code"] == fault.code
    assert len(asked) == fault.asked
    assert await own_assistant.ask("search_items", **DEALS) == expected


PASSING: Sequence[FaultKind] = [
    "rate_limit",
    "server_error",
    "bad_gateway",
    "queue_timeout",
    "drop",
    "broken_json",
    "html",
    "html_502",
]


@pytest.mark.parametrize("kind", PASSING)
async def test_a_passing_fault_is_not_noticed(
    kind: FaultKind, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    expected = await own_assistant.ask("search_items", **DEALS)

    own_portal.inject(Fault(kind=kind, path="/v1/deals/search", times=1))

    assert await own_assistant.ask("search_items", **DEALS) == expected


async def test_a_rate_limit_is_waited_out_as_long_as_the_portal_asks(own_portal: DemoPortal) -> None:
    time = TestTime()
    async with assistant_for(own_portal.url, clock=time.clock) as assistant:
        await assistant.ask("search_items", **DEALS)
        own_portal.inject(Fault(kind="rate_limit", path="/v1/deals/search", times=1, seconds=7))
        time.waits.clear()
        await assistant.ask("search_items", **DEALS)

    assert [wait for wait in time.waits if wait > 1] == [7]


async def test_a_portal_that_asks_for_too_much_patience_is_reported_at_once(own_portal: DemoPortal) -> None:
    time = TestTime()
    async with assistant_for(own_portal.url, clock=time.clock) as assistant:
        own_portal.inject(Fault(kind="rate_limit", path="/v1/deals/fields", times=None, seconds=60))
        error = await assistant.fail("search_items", **DEALS)

    assert error["code"] == "RATE_LIMITED"
    assert [request.path for request in own_portal.requests] == ["/v1/deals/fields"]


async def test_a_slow_portal_is_given_up_with_advice(own_portal: DemoPortal) -> None:
    async with assistant_for(own_portal.url, patience=0.3) as assistant:
        await assistant.ask("search_items", **DEALS)
        own_portal.inject(Fault(kind="slow", path="/v1/deals/search", times=None, seconds=2))
        before = len(own_portal.requests)
        error = await assistant.fail("search_items", **DEALS)

    assert error["code"] == "PORTAL_TIMEOUT"
    assert len(own_portal.requests) - before <= 2, "what is slow once is asked once more, not four times"


async def test_a_portal_that_is_down_is_told_apart_from_an_empty_one() -> None:
    async with assistant_for("http://127.0.0.1:9") as assistant:
        error = await assistant.fail("search_items", **DEALS)

    assert error["code"] == "PORTAL_UNREACHABLE"


@pytest.mark.parametrize("kind", ["failed_window", "all_windows"])
async def test_windows_cannot_fail_because_none_are_asked_for(
    kind: FaultKind, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    wide: dict[str, Any] = {"entity": "deals", "filter": {"createdAt": {"$gte": "2025-01-01"}}, "limit": 500}
    expected = await own_assistant.ask("search_items", **wide)

    own_portal.inject(Fault(kind=kind, times=None))

    assert await own_assistant.ask("search_items", **wide) == expected


KEYS: Sequence[tuple[str, str]] = [
    ("vibe_api_nobody", "INVALID_API_KEY"),
    ("vibe_api_demo_expired", "KEY_EXPIRED"),
    ("vibe_api_demo_inactive", "KEY_INACTIVE"),
    ("vibe_api_demo_noscope", "SCOPE_DENIED"),
    ("vibe_live_demo", "MANAGEMENT_KEY_NO_ENTITY_ACCESS"),
]


@pytest.mark.parametrize(("key", "code"), KEYS)
async def test_a_key_that_opens_nothing_says_why(key: str, code: str, portal: DemoPortal) -> None:
    async with assistant_for(portal.url, key) as assistant:
        error = await assistant.fail("search_items", **DEALS)

    assert error["code"] == code


async def test_running_workflows_are_for_administrators(portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_user") as assistant:
        error = await assistant.fail("list_workflows")
        deals = await assistant.ask("search_items", **DEALS)

    assert error["code"] == "BITRIX_ACCESS_DENIED"
    assert deals["returned"] == 5


async def test_an_app_key_reads_with_its_users_session(portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_app_demo", VIBECODE_SESSION_TOKEN="vibe_session_demo") as assistant:
        deals = await assistant.ask("search_items", **DEALS)

    assert deals["returned"] == 5


async def test_a_read_only_key_reads_everything(portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_readonly") as assistant:
        counted = await assistant.ask("aggregate", entity="deals")

    assert counted["complete"] is True


async def test_calls_at_once_keep_within_the_gateways_limits() -> None:
    with DemoPortal.start(deals=60, limits=True) as portal:
        async with assistant_for(portal.url, clock=Clock()) as assistant, anyio.create_task_group() as calls:
            for _ in range(5):
                calls.start_soon(partial(assistant.ask, "search_items", **DEALS))
        statuses = {request.status for request in portal.requests}

    assert statuses == {200}


CALLS: Mapping[str, Mapping[str, Any]] = {
    "list_smart_processes": {"filter": {"isStagesEnabled": True}},
    "get_status_items": {"entity": "deals"},
    "list_workflows": {"limit": 2},
    "search_items": DEALS,
    "aggregate": {"entity": "deals", "measures": [{"function": "sum", "field": "amount"}]},
    "describe_entity": {"entity": "deals"},
    "get_item": {"entity": "deals", "id": 5},
    "funnel_report": {"entity": "deals", "created": "last_month"},
    "get_portal_info": {},
}


@pytest.mark.parametrize("tool", CALLS)
@pytest.mark.parametrize("fault", [each for each in GATEWAY if each.kind != "truncated"], ids=lambda fault: fault.kind)
async def test_every_tool_says_what_is_wrong_with_the_portal(
    fault: Lasting, tool: str, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    own_portal.inject(Fault(kind=fault.kind, times=None))
    error = await own_assistant.fail(tool, **CALLS[tool])
    own_portal.clear_faults()

    assert error["code"] == fault.code
    assert await own_assistant.ask(tool, **CALLS[tool])


@pytest.mark.parametrize("tool", [tool for tool in CALLS if tool != "list_smart_processes"])
async def test_a_list_that_is_cut_short_is_never_an_answer(
    tool: str, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    """Every tool must notice, whichever list it is.

    Smart-process types come without `meta` and all at once, so there is nothing that could say it.
    """
    own_portal.inject(Fault(kind="truncated", times=None))

    assert (await own_assistant.fail(tool, **CALLS[tool]))["code"] == "UNEXPECTED_ANSWER"


@pytest.mark.parametrize(
    "tool",
    [
        "list_smart_processes",
        "get_status_items",
        "search_items",
        "aggregate",
        "describe_entity",
        "get_item",
        "funnel_report",
    ],
)
async def test_every_crm_tool_needs_the_crm_scope(tool: str, portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_noscope") as assistant:
        error = await assistant.fail(tool, **CALLS[tool])

    assert error["code"] == "SCOPE_DENIED"
