"""`search_items`: orders, pages and cursors."""

import base64
from typing import Any

import pytest

from assistants import Assistant, Sql, sql_over
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.demo import DemoPortal
from oracle import MOST_TOKENS, change, every_item, found_ids, pages, stored

pytestmark = pytest.mark.anyio


def ids_by(sql: Sql, order: str, where: str = "1") -> list[int]:
    return [row[0] for row in sql(f"select id from deals where {where} order by {order}")]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "id"),
        ("id", "id"),
        ("-id", "id desc"),
        ("amount", "amount, id"),
        ("-amount", "amount desc, id"),
        ("amount,-id", "amount, id desc"),
        (" -amount , title ", "amount desc, title, id"),
        (["-stageId", "amount"], "stageId desc, amount, id"),
        ({"categoryId": "DESC", "createdAt": "asc"}, "categoryId desc, createdAt, id"),
        ({"probability": -1, "amount": 1}, "probability desc, amount, id"),
        ("sourceId", "sourceId, id"),
        ("-sourceId", "sourceId desc, id"),
        ("-UF_CRM_1700000002", "UF_CRM_1700000002 desc, id"),
        ("Дата сдачи", "UF_CRM_1700000007, id"),
    ],
)
async def test_every_form_of_an_order_is_kept_with_ties_by_id(
    assistant: Assistant, sql: Sql, sort: Any, order: str
) -> None:
    """Empty values stand first upwards and last downwards, as in SQLite."""
    assert await found_ids(assistant, entity="deals", sort=sort) == ids_by(sql, order)


@pytest.mark.parametrize("limit", [43, 199])
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("id", "id"),
        ("-id", "id desc"),
        ("createdAt", "createdAt, id"),
        ("-createdAt", "createdAt desc, id"),
        ("amount", "amount, id"),
        ("-amount", "amount desc, id"),
        ("-amount,-id", "amount desc, id desc"),
        ("title", "title, id"),
        ("-categoryId,amount", "categoryId desc, amount, id"),
    ],
)
async def test_every_page_size_gives_every_record_once_and_in_order(
    assistant: Assistant, sql: Sql, sort: str, order: str, limit: int
) -> None:
    conditions = {"stageSemanticId": ["S", "F"], "amount": {"$lte": 900_000}}
    where = "stageSemanticId in ('S', 'F') and amount <= 900000"

    found = await found_ids(assistant, entity="deals", filter=conditions, sort=sort, limit=limit)

    assert found == ids_by(sql, order, where)


@pytest.mark.parametrize("sort", ["amount", "-amount", "amount,-id", "-createdAt", "updatedAt"])
async def test_many_equal_values_are_walked_through_one_by_one(
    own_portal: DemoPortal, own_assistant: Assistant, sort: str
) -> None:
    change(
        own_portal.database,
        "update deals set amount = id % 4, createdAt = substr(createdAt, 1, 4) || '-01-01T00:00:00Z'",
    )
    change(own_portal.database, "update deals set updatedAt = '2026-07-15T09:00:00Z'")
    steps = [f"{step.removeprefix('-')} {'desc' if step.startswith('-') else 'asc'}" for step in sort.split(",")]
    order = ", ".join(steps if len(steps) > 1 else [*steps, "id"])

    found = await found_ids(own_assistant, entity="deals", sort=sort, limit=97)

    assert found == ids_by(sql_over(own_portal.database), order)


@pytest.mark.parametrize("sort", ["id", "-createdAt", "amount"])
async def test_records_that_come_and_go_between_pages_disturb_no_other(
    own_portal: DemoPortal, own_assistant: Assistant, sort: str
) -> None:
    arguments = {"entity": "deals", "select": ["id"], "limit": 100, "sort": sort, "max_tokens": MOST_TOKENS}
    first = await own_assistant.ask("search_items", **arguments)
    shown = [item["id"] for item in first["items"]]
    way = f"{sort.removeprefix('-')} {'desc' if sort.startswith('-') else 'asc'}, id"
    before = ids_by(sql_over(own_portal.database), way)
    gone = {*shown[::7], *before[120::13]}

    for id_ in gone:
        change(own_portal.database, "delete from deals where id = ?", id_)
    change(
        own_portal.database,
        "insert into deals (id, title, amount, createdAt, updatedAt) values (100000, 'New', -1, ?, ?)",
        *[stored(own_portal.now)] * 2,
    )
    rest = await every_item(own_assistant, "search_items", **arguments, cursor=first["next_cursor"])

    assert shown == before[:100]
    new = [100_000] if sort == "id" else []
    assert [item["id"] for item in rest] == [id_ for id_ in before[100:] if id_ not in gone] + new


@pytest.mark.parametrize("budget", [300, 900, 4_000])
@pytest.mark.parametrize("sort", ["-createdAt", "title"])
async def test_a_token_budget_ends_a_page_early_and_the_cursor_goes_on_right_after(
    assistant: Assistant, sql: Sql, budget: int, sort: str
) -> None:
    answers = await pages(
        assistant, "search_items", entity="deals", filter={"id": {"$lte": 150}}, sort=sort, limit=60, max_tokens=budget
    )
    first = answers[0]

    assert 1 <= first["returned"] < 60
    assert first["note"] == (
        f"Ended after {first['returned']} of 60 records to keep within the token budget; next_cursor continues right "
        "after the last one. Fewer columns in select make room for more records."
    )
    assert max(tokens(compact(answer)) for answer in answers) <= budget
    order = "createdAt desc, id" if sort == "-createdAt" else "title, id"
    assert [item["id"] for answer in answers for item in answer["items"]] == ids_by(sql, order, "id <= 150")


async def test_the_total_is_stated_where_the_portal_counted_all(assistant: Assistant) -> None:
    by_id = await pages(assistant, "search_items", entity="deals", select="id", limit=300, max_tokens=MOST_TOKENS)
    by_title = await pages(
        assistant, "search_items", entity="deals", select="id", limit=300, max_tokens=MOST_TOKENS, sort="title"
    )

    assert [answer.get("total") for answer in by_id] == [600, None]
    assert [answer.get("total") for answer in by_title] == [600, 600]


async def test_columns_and_page_size_may_change_behind_a_cursor(assistant: Assistant, sql: Sql) -> None:
    first = await assistant.ask("search_items", entity="deals", sort="-id", limit=5)

    second = await assistant.ask(
        "search_items", entity="deal", sort={"id": "desc"}, limit=3, select=["title"], cursor=first["next_cursor"]
    )

    rows = sql("select id, title from deals order by id desc limit 3 offset 5")
    assert second["items"] == [{"id": id_, "title": title} for id_, title in rows]


@pytest.mark.parametrize(
    "other",
    [
        {"entity": "leads"},
        {"sort": "-id"},
        {"sort": "title"},
        {"filter": {"closed": True}},
        {"filter": {"amount": {"$gt": 1}}, "sort": "amount"},
    ],
)
async def test_a_cursor_of_another_question_is_refused(assistant: Assistant, other: dict[str, Any]) -> None:
    cursor = (await assistant.ask("search_items", entity="deals", limit=2))["next_cursor"]

    error = await assistant.fail("search_items", **{"entity": "deals", "cursor": cursor, **other})

    assert error["code"] == "INVALID_CURSOR"


@pytest.mark.parametrize("cursor", ["0", "не курсор", "W10", "bnVsbA", "e30", "WzFd", "===", "A" * 9_999])
async def test_what_is_no_cursor_is_refused(assistant: Assistant, cursor: str) -> None:
    error = await assistant.fail("search_items", entity="deals", cursor=cursor)

    assert error["code"] == "INVALID_CURSOR"


@pytest.mark.parametrize(
    ("sort", "place"),
    [
        ("id", '"after",null,5'),
        ("id", '"after",5'),
        ("id", '"after",[5],5'),
        ("id", '"after",5,"5"'),
        ("amount", '"after",true,5'),
        ("amount", '"after",NaN,5'),
        ("amount", '"after","much",5'),
        ("amount", '"after",1e999,5'),
        ("createdAt", '"after","yesterday",5'),
        ("createdAt", '"after",5,5'),
        ("createdAt", '"after","2026-07-15T09:00:00Z",1e99'),
        ("id", '"offset",20'),
        ("title", '"after","A",5'),
        ("title", '"offset",-20'),
        ("title", '"offset",2500'),
        ("title", '"offset",true'),
        ("title", '"offset",1,2'),
        ("title", '"marks","",""'),
    ],
)
async def test_a_forged_place_in_a_cursor_is_refused(assistant: Assistant, sort: str, place: str) -> None:
    true = (await assistant.ask("search_items", entity="deals", sort=sort, limit=2))["next_cursor"]
    start = base64.urlsafe_b64decode(f"{true}==").decode().partition(",")[0]
    forged = base64.urlsafe_b64encode(f"{start},{place}]".encode()).decode().rstrip("=")

    error = await assistant.fail("search_items", entity="deals", sort=sort, cursor=forged)

    assert error["code"] == "INVALID_CURSOR"
