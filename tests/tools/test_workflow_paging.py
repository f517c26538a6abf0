"""`list_workflows` page by page, while the instances themselves move."""

from datetime import timedelta
from typing import Any

import pytest

from assistants import Assistant, Sql, assistant_for, sql_over
from bitrix24_mcp.crm.portal_values import WorkflowPage, WorkflowQuery
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.vibecode.portal import GatewayPortal
from oracle import change, every_item, pages, stored
from workflow_rows import COLUMNS, expected_items, ids_where

pytestmark = pytest.mark.anyio

SORTS = ["", "modified", "-lockedUntil", "id", "-started", "templateId", "-documentId"]


def ordered(sql: Sql, sort: str) -> list[str]:
    """All ids in the order asked for; the usual one without."""
    asked = sort or "-modified"
    column = COLUMNS[asked.removeprefix("-")]
    way = "desc" if asked.startswith("-") else "asc"
    return [row[0] for row in sql(f"select ID from workflows order by {column} {way}, ID")]


@pytest.mark.parametrize(("limit", "sort"), [(7, ""), (50, ""), (500, ""), (7, "id"), *((17, sort) for sort in SORTS)])
async def test_every_page_size_gives_every_instance_once_and_in_order(
    assistant: Assistant, sql: Sql, limit: int, sort: str
) -> None:
    items = await every_item(assistant, "list_workflows", limit=limit, sort=sort)

    assert [item["id"] for item in items] == ordered(sql, sort)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"stuck": False}, "OWNED_UNTIL is null or OWNED_UNTIL >= '2026-07-15T08:55:00Z'"),
        ({"template": "Contract approval"}, "TEMPLATE_ID = '713'"),
        ({"filter": {"startedBy": {"$ne": 0}}}, "STARTED_BY <> '0'"),
    ],
)
async def test_a_narrowed_list_is_paged_to_its_end_with_the_same_total_on_each_page(
    assistant: Assistant, sql: Sql, arguments: dict[str, Any], where: str
) -> None:
    wanted = ids_where(sql, where)

    answers = await pages(assistant, "list_workflows", limit=4, **arguments)

    assert [item["id"] for answer in answers for item in answer["items"]] == wanted
    assert [answer["total"] for answer in answers] == [len(wanted)] * len(answers)


async def test_a_small_token_budget_ends_a_page_early_and_the_cursor_goes_on_right_after(
    portal: DemoPortal, sql: Sql
) -> None:
    async with assistant_for(portal.url, BITRIX24_MCP_MAX_TOKENS="600") as assistant:
        answers = await pages(assistant, "list_workflows", limit=20, sort="-started")

    first = answers[0]
    assert 0 < first["returned"] < 20
    assert first["note"] == (
        f"Ended after {first['returned']} of 20 instances to keep within the token budget; next_cursor continues there."
    )
    assert [item["id"] for answer in answers for item in answer["items"]] == ordered(sql, "-started")


@pytest.mark.parametrize("budget", [600, 4000])
async def test_no_page_costs_more_than_the_token_budget(portal: DemoPortal, budget: int) -> None:
    """The cursor belongs to the answer: it grows from page to page where instances move while they are listed."""
    async with assistant_for(portal.url, BITRIX24_MCP_MAX_TOKENS=str(budget)) as assistant:
        answers = await pages(assistant, "list_workflows", limit=500)

    assert max(tokens(compact(answer)) for answer in answers) <= budget


async def test_the_first_page_says_how_many_there_are_and_reads_no_more_than_it_needs(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    answer = await own_assistant.ask("list_workflows", limit=10)

    assert (answer["returned"], answer["total"]) == (10, 140)
    assert [request.query for request in own_portal.requests if request.path == "/v1/workflows"] == [[]]


@pytest.mark.parametrize("sort", SORTS)
async def test_instances_that_move_start_or_end_between_pages_disturb_no_other(
    own_portal: DemoPortal, own_assistant: Assistant, sort: str
) -> None:
    """Touched ones jump to the top, new ones appear there, finished ones leave gaps below: the rest comes once."""
    sql = sql_over(own_portal.database)
    before = ordered(sql, sort)
    soon = stored(own_portal.now + timedelta(minutes=1))
    first = await own_assistant.ask("list_workflows", limit=15, sort=sort)
    shown = [item["id"] for item in first["items"]]

    finished = [shown[2], shown[9], *before[20:130:11]]
    touched = [shown[0], *before[16:140:9]]
    for id_ in touched:
        change(
            own_portal.database,
            "update workflows set MODIFIED = ?, OWNED_UNTIL = ? where ID = ?",
            soon,
            None if before.index(id_) % 2 else soon,
            id_,
        )
    for id_ in finished:
        change(own_portal.database, "delete from workflows where ID = ?", id_)
    for number in range(7):
        change(
            own_portal.database,
            "insert into workflows select ? || ID, ?, OWNED_UNTIL, MODULE_ID, ENTITY, DOCUMENT_ID, ?, STARTED_BY, "
            "TEMPLATE_ID from workflows where ID = ?",
            f"{number}new",
            soon,
            soon,
            before[135],
        )
    rest = await every_item(own_assistant, "list_workflows", limit=15, sort=sort, cursor=first["next_cursor"])
    seen = [*shown, *(item["id"] for item in rest)]

    assert len(seen) == len(set(seen))
    assert set(before) - set(seen) == set(finished) - set(shown)
    assert set(seen) <= set(before)
    assert {item["id"]: item for item in rest} == {
        id_: item for id_, item in expected_items(own_portal).items() if id_ in seen and id_ not in shown
    }


async def test_a_list_that_moves_under_one_reading_is_read_again(
    own_portal: DemoPortal, own_assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portal's pages are offsets: an instance touched between two of them would be missed or come twice."""
    sql = sql_over(own_portal.database)
    oldest = ordered(sql, "")[-1]
    await own_assistant.ask("list_workflows", limit=1)
    read = GatewayPortal.workflows

    async def moving(self: GatewayPortal, query: WorkflowQuery) -> WorkflowPage:
        page = await read(self, query)
        if query.offset == 0 and touched:
            change(
                own_portal.database,
                "update workflows set MODIFIED = ? where ID = ?",
                stored(own_portal.now),
                touched.pop(),
            )
        return page

    touched = [oldest]
    monkeypatch.setattr(GatewayPortal, "workflows", moving)
    items = await every_item(own_assistant, "list_workflows", limit=500, sort="id")

    assert [item["id"] for item in items] == ordered(sql, "id")
    assert touched == []
