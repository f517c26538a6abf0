"""Portals that refuse, fail or dawdle, and budgets that are small: an answer is right, or says what is missing."""

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from assistants import Assistant, assistant_for, sql_over
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.demo import DemoPortal, Fault
from oracle import change
from test_secrets import GOOD_CALLS, leaked

pytestmark = pytest.mark.anyio

WITH_ALL = ["company", "contacts", "products", "comments", "activities", "history"]
LONG = "Текст о ходе работ " * 600
BUDGETS = (300, 500, 1_000, 2_000)
FITTING: list[tuple[str, dict[str, Any]]] = [
    ("get_item", {"entity": "deals", "id": 1}),
    ("get_item", {"entity": "deals", "id": 1, "include": WITH_ALL}),
    ("get_item", {"entity": "deals", "ids": list(range(1, 101))}),
    ("get_item", {"entity": "deals", "ids": list(range(1, 101)), "include": ["company", "contact"]}),
    ("get_item", {"entity": "174", "ids": list(range(1, 21)), "include": ["company", "comments", "products"]}),
    ("get_item", {"entity": "companies", "ids": [1, 2, 3]}),
    ("search_items", {"entity": "deals", "filter": {"createdAt": "this_year"}, "limit": 100}),
    ("search_items", {"entity": "deals", "limit": 100, "format": "columns"}),
    ("search_items", {"entity": "deals", "filter": {"stageId": "WON", "closed": False}}),
    ("aggregate", {"entity": "deals", "group_by": ["stageId", "assignedById"], "limit": 500, "row_filters": True}),
    ("aggregate", {"entity": "deals", "group_by": "createdAt:day", "limit": 500, "format": "columns"}),
    (
        "aggregate",
        {"entity": "deals", "group_by": "stageId", "filter": {"createdAt": "this_year"}, "compare": "previous"},
    ),
    ("get_status_items", {}),
    ("get_status_items", {"entity": "deals"}),
    ("describe_entity", {"entity": "deals", "detail": True}),
    ("describe_entity", {"entity": "contacts", "find": "а"}),
    ("list_workflows", {"limit": 100}),
    ("list_smart_processes", {}),
    ("get_portal_info", {}),
]
"""What the smallest budget holds; a report never has less than one funnel with its stages, see below."""


@pytest.fixture(scope="module")
def wordy() -> Any:
    """A portal whose deals have long texts."""
    with DemoPortal.start(deals=600, limits=False) as portal:
        change(portal.database, "update deals set comments = ?", LONG)
        change(portal.database, "update companies set comments = ?", LONG)
        yield portal


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize(("tool", "arguments"), FITTING, ids=str)
async def test_an_answer_keeps_within_its_budget(
    tool: str, arguments: dict[str, Any], budget: int, wordy: DemoPortal
) -> None:
    async with assistant_for(wordy.url, BITRIX24_MCP_MAX_TOKENS=str(budget)) as assistant:
        answer = await assistant.ask(tool, **arguments)

    shown = answer.get("items", answer.get("rows", []))
    at_least_one = "Ended after 1 of " in answer.get("note", "") and len(shown) == 1
    assert tokens(compact(answer)) <= (budget + tokens(compact(shown)) if at_least_one else budget)


async def test_long_lists_of_funnels_leave_less_room_for_stages(own_portal: DemoPortal) -> None:
    for number in range(100, 160):
        change(
            own_portal.database, "insert into deal_categories (id, name) values (?, ?)", number, f"Воронка №{number}"
        )
    for number in range(80):
        change(
            own_portal.database,
            "insert into statuses (entityId, statusId, name, sort) values ('DEAL_STAGE', ?, ?, 15)",
            f"S{number}",
            f"Стадия №{number}",
        )
    async with assistant_for(own_portal.url, BITRIX24_MCP_MAX_TOKENS="2000") as assistant:
        answer = await assistant.ask("get_status_items", entity="deals")

    assert 1 < len(answer["items"]) < 88
    assert len(answer["other_funnels"]) == 62
    assert tokens(compact(answer)) <= 2_000


async def test_a_report_of_one_funnel_takes_what_its_stages_take(wordy: DemoPortal) -> None:
    async with assistant_for(wordy.url, BITRIX24_MCP_MAX_TOKENS="300") as assistant:
        answer = await assistant.ask("funnel_report", created="2026")

    [funnel] = answer["funnels"]
    rest = answer["total"] - funnel["entered"]
    assert all(stage["records"] for stage in funnel["stages"])
    assert f"with {rest:,} records; ask for one with funnel." in answer["note"]


async def test_a_record_in_a_small_budget_says_how_much_of_it_is_left_out(wordy: DemoPortal) -> None:
    """And which of the others are not shown, in few words."""
    async with assistant_for(wordy.url) as assistant:
        whole = await assistant.ask("get_item", entity="deals", id=1, max_tokens=50_000)
        answer = await assistant.ask("get_item", entity="deals", ids=list(range(1, 101)), max_tokens=700)
    deals = [row for (row,) in sql_over(wordy.database)("select id from deals where id <= 100 order by id")]

    [first], [record] = answer["items"], whole["items"]
    last = list(first)[-1]
    gone = len(record) - len(first)
    assert list(first) == list(record)[: len(first)]
    assert len(first) > 1
    assert answer["note"] == (
        f"Record 1 is cut to keep within the token budget; left out: the {gone} fields behind {last}. Not shown to "
        f"keep within the token budget: the {len(deals) - 1} records from {deals[1]} on; ask for these ids again. "
        "Fewer columns in select, or a smaller include, make room."
    )


PATHS = {
    "users": ["/v1/users*"],
    "stages": ["/v1/statuses*"],
    "currencies": ["/v1/currencies*"],
    "funnels": ["/v1/deal-categories*", "/v1/categories*"],
    "history": ["/v1/stage-history*"],
    "fields": ["*/fields"],
}
TOLD = {
    ("describe_entity", "stages"): {"not_read": {"stages and directories"}},
    ("describe_entity", "currencies"): {"not_read": {"currencies"}},
    ("describe_entity", "funnels"): {"not_read": {"funnels"}},
    ("get_portal_info", "currencies"): {"not_read": {"currencies"}},
}
REFUSED = {
    "stages": ["get_status_items", "funnel_report"],
    "funnels": ["get_status_items", "funnel_report"],
    "fields": ["list_smart_processes", "search_items", "aggregate", "describe_entity", "get_item", "funnel_report"],
}


@pytest.mark.parametrize("refused", PATHS)
async def test_what_a_portal_refuses_is_an_error_or_is_named(refused: str, own_portal: DemoPortal) -> None:
    """Figures and lists are the same without the names; what cannot be told without the refused part is an error."""
    errors: list[str] = []
    for tool, arguments in GOOD_CALLS.items():
        async with assistant_for(own_portal.url) as assistant:
            whole = await assistant.ask(tool, **arguments)
        for path in PATHS[refused]:
            own_portal.inject(Fault(kind="access_denied", path=path, times=None))
        async with assistant_for(own_portal.url) as assistant:
            result = await assistant.raw(tool, **arguments)
        own_portal.clear_faults()
        answer: dict[str, Any] = dict(result.structured_content or {})
        if result.is_error:
            assert answer["error"]["code"] == "BITRIX_ACCESS_DENIED"
            errors.append(tool)
            continue
        told = TOLD.get((tool, refused), {})
        assert {name: set(answer[name]) for name in told} == told
        assert ("not_read" in answer) == bool(told)
        for counted in ("total", "returned", "complete"):
            assert answer.get(counted) == whole.get(counted)
        if refused == "history" and tool in {"get_item", "funnel_report"}:
            assert "istory could not be read: " in answer["note"]

    assert errors == REFUSED.get(refused, [])


@pytest.mark.parametrize("tool", GOOD_CALLS)
async def test_a_key_that_expires_within_a_call_is_told_whenever_it_does(tool: str, own_portal: DemoPortal) -> None:
    """Nothing is answered in part as if it were the whole: the call fails, or its note says what is missing."""
    async with assistant_for(own_portal.url) as assistant:
        whole = await assistant.ask(tool, **GOOD_CALLS[tool])
    needed = len(own_portal.requests)
    for after in range(needed):
        own_portal.inject(Fault(kind="expired_key", times=None, after=after))
        async with assistant_for(own_portal.url) as assistant:
            result = await assistant.raw(tool, **GOOD_CALLS[tool])
        own_portal.clear_faults()
        answer: dict[str, Any] = dict(result.structured_content or {})
        told = answer["error"]["code"] if result.is_error else answer["note"]
        assert "KEY_EXPIRED" in told
        assert leaked(str(answer)) == []
    async with assistant_for(own_portal.url) as assistant:
        again = await assistant.ask(tool, **GOOD_CALLS[tool])

    unsteady = {"requests", "as_of", "next_cursor"}
    assert {**again, **dict.fromkeys(unsteady)} == {**whole, **dict.fromkeys(unsteady)}


@pytest.mark.parametrize("slow", ["/v1/batch", "/v1/deals/1/products", "/v1/stage-history", "/v1/users/search"])
async def test_a_cancelled_read_of_a_record_leaves_the_next_one_whole(
    slow: str, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    arguments: dict[str, Any] = {"entity": "deals", "id": 1, "include": WITH_ALL}
    own_portal.inject(Fault(kind="slow", path=slow, times=None, seconds=30))
    async with anyio.create_task_group() as calls:
        calls.start_soon(lambda: own_assistant.raw("get_item", **arguments))
        with anyio.fail_after(10):
            while slow not in [request.path for request in own_portal.requests]:
                await anyio.lowlevel.checkpoint()
        calls.cancel_scope.cancel()
    own_portal.clear_faults()

    with anyio.fail_after(10):
        answer = await own_assistant.ask("get_item", **arguments)
    async with assistant_for(own_portal.url) as fresh:
        assert answer == await fresh.ask("get_item", **arguments)
