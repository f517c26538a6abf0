"""`format: "columns"`: the same records for fewer tokens."""

from typing import Any

import pytest

from assistants import Assistant, Sql
from bitrix24_mcp.crm.shape import compact, tokens
from oracle import MOST_TOKENS, pages

pytestmark = pytest.mark.anyio


def as_items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows as records without the empty, to hold against the usual form."""
    return [
        {name: value for name, value in zip(answer["columns"], row, strict=True) if value is not None}
        for row in answer["rows"]
    ]


QUESTIONS: list[dict[str, Any]] = [
    {"entity": "deals", "limit": 50},
    {"entity": "deals", "select": ["closedAt", "sourceId", "UF_CRM_1700000004", "UF_CRM_1700000003"], "limit": 200},
    {"entity": "contacts", "sort": "-id", "limit": 60},
    {"entity": "Contracts", "filter": {"stageId": "Renewed"}},
    {"entity": "users", "filter": {"active": False}},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_columns_hold_what_the_records_hold(assistant: Assistant, question: dict[str, Any]) -> None:
    usual = await assistant.ask("search_items", **question, max_tokens=MOST_TOKENS)
    table = await assistant.ask("search_items", **question, max_tokens=MOST_TOKENS, format="columns")

    shown = as_items(table)
    around = {name: value for name, value in table.items() if name not in {"columns", "rows"}}
    assert {"items": shown, **around} == usual
    assert shown
    assert len(compact(table)) < len(compact(usual))


async def test_names_stand_in_a_column_beside_their_codes(assistant: Assistant, sql: Sql) -> None:
    rows = sql(
        "select deals.id, stageId, statuses.name, amount, currency from deals join statuses on statusId = stageId "
        "and entityId like 'DEAL_STAGE%' order by deals.id limit 3"
    )

    answer = await assistant.ask("search_items", entity="deals", select="stageId,amount", limit=3, format="columns")

    assert answer["columns"] == ["id", "stageId", "stageId_name", "amount", "currency"]
    assert answer["rows"] == [list(row) for row in rows]


async def test_a_value_that_a_record_lacks_is_null_and_a_column_that_all_lack_is_left_out(
    assistant: Assistant, sql: Sql
) -> None:
    ids = [row[0] for row in sql("select id from deals where UF_CRM_1700000005 is not null order by id limit 1")]
    ids += [row[0] for row in sql("select id from deals where UF_CRM_1700000005 is null order by id limit 2")]
    floors = dict(sql(f"select id, UF_CRM_1700000005 from deals where id in {tuple(ids)}"))
    asked: dict[str, Any] = {"entity": "deals", "select": "UF_CRM_1700000005", "format": "columns"}

    some = await assistant.ask("search_items", **asked, filter={"id": ids})
    none = await assistant.ask("search_items", **asked, filter={"id": ids[1:]})

    assert (some["columns"], some["rows"]) == (
        ["id", "UF_CRM_1700000005"],
        [[each, floors[each]] for each in sorted(ids)],
    )
    assert (none["columns"], none["rows"]) == (["id"], [[each] for each in sorted(ids[1:])])


async def test_nothing_found_has_no_columns(assistant: Assistant) -> None:
    answer = await assistant.ask("search_items", entity="deals", filter={"id": 999_999}, format="columns")

    assert answer == {
        "columns": [],
        "rows": [],
        "returned": 0,
        "total": 0,
        "note": "There is no deal with that id that this key can see.",
    }


@pytest.mark.parametrize("budget", [600, 2_000])
async def test_more_records_fit_a_budget_in_columns_and_paging_reaches_them_all(
    assistant: Assistant, sql: Sql, budget: int
) -> None:
    asked: dict[str, Any] = {"entity": "deals", "filter": {"categoryId": 5}, "limit": 100, "max_tokens": budget}
    wanted = [row[0] for row in sql("select id from deals where categoryId = 5 order by id")]

    usual = await assistant.ask("search_items", **asked)
    answers = await pages(assistant, "search_items", **asked, format="columns")

    assert [row[0] for answer in answers for row in answer["rows"]] == wanted
    assert [answer["returned"] for answer in answers] == [len(answer["rows"]) for answer in answers]
    assert answers[0]["returned"] > usual["returned"]
    assert max(tokens(compact(answer)) for answer in answers) <= budget


async def test_a_cursor_of_one_form_continues_in_the_other(assistant: Assistant) -> None:
    asked: dict[str, Any] = {"entity": "deals", "select": ["title"], "limit": 5}
    first = await assistant.ask("search_items", **asked, format="columns")
    second = await assistant.ask("search_items", **asked, cursor=first["next_cursor"])

    assert [row[0] for row in first["rows"]] + [item["id"] for item in second["items"]] == list(range(1, 11))


async def test_another_format_is_refused(assistant: Assistant) -> None:
    error = await assistant.fail("search_items", entity="deals", format="csv")

    assert error["code"] == "INVALID_ARGUMENT"
    assert "columns" in error["message"]
