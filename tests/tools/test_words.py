"""What people say instead of codes, and what is said when nothing is found."""

import pytest

from assistants import Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("condition", "where", "used"),
    [
        ({"stageSemanticId": "won"}, "stageSemanticId = 'S'", {"stageSemanticId": "S"}),
        (
            {"stageSemanticId": ["Lost", "S"]},
            "stageSemanticId in ('F', 'S')",
            {"stageSemanticId": {"$in": ["F", "S"]}},
        ),
        ({"currency": "rub"}, "currency = 'RUB'", None),
        ({"currency": "Евро"}, "currency = 'EUR'", {"currency": "EUR"}),
        (
            {"categoryId": "партнеры", "stageId": "сделка успешна"},
            "stageId = 'C5:WON'",
            {"categoryId": 5, "stageId": "C5:WON"},
        ),
        ({"Приоритет": "высокий"}, "UF_CRM_1700000001 = '202'", {"UF_CRM_1700000001": "202"}),
        ({"assignedById": "Осипов", "categoryId": "5"}, "assignedById = 57 and categoryId = 5", {"assignedById": 57}),
        ({"Ответственный": 57, "categoryId": 5}, "assignedById = 57 and categoryId = 5", {"assignedById": 57}),
    ],
    ids=str,
)
async def test_words_mean_the_codes_behind_them_and_the_answer_says_which(
    condition: dict[str, object], where: str, used: dict[str, object] | None, assistant: Assistant, sql: Sql
) -> None:
    [(count,)] = sql(f"select count(*) from deals where {where}")

    counted = await assistant.ask("aggregate", entity="сделки", filter=condition)
    found = await assistant.ask("search_items", entity="сделки", filter=condition, limit=1)

    assert count > 0
    assert (counted["total"], counted.get("filter_used")) == (count, used)
    assert (found["total"], found.get("filter_used")) == (count, used)


async def test_outcomes_and_task_statuses_carry_their_names(assistant: Assistant, sql: Sql) -> None:
    outcomes = await assistant.ask("aggregate", entity="deals", group_by="stageSemanticId")
    statuses = await assistant.ask("aggregate", entity="tasks", group_by="status")

    names = {"P": "in progress", "S": "won", "F": "lost"}
    assert {row["stageSemanticId"]: row["stageSemanticId_name"] for row in outcomes["rows"]} == names
    assert {row["status"] for row in statuses["rows"]} == {
        status for (status,) in sql("select distinct status from tasks")
    }
    assert next(row for row in statuses["rows"] if row["status"] == 5)["status_name"] == "done"


async def test_tasks_are_found_by_the_word_for_their_status(assistant: Assistant, sql: Sql) -> None:
    [(count,)] = sql("select count(*) from tasks where status = 5")

    assert (await assistant.ask("aggregate", entity="tasks", filter={"status": "done"}))["total"] == count


async def test_comments_are_found_by_the_tools_own_name_of_the_record(assistant: Assistant, sql: Sql) -> None:
    record, count = sql(
        "select entityId, count(*) from timelines where entityType = 'deal' group by 1 order by 2 desc"
    )[0]

    answer = await assistant.ask("search_items", entity="timelines", filter={"entityType": "deals", "entityId": record})

    assert answer["total"] == count


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("aggregate", {"entity": "deals", "filter": {"assignedById": 99_999}}),
        ("search_items", {"entity": "deals", "filter": {"assignedById": 99_999}}),
        ("list_workflows", {"started_by": "99999"}),
    ],
)
async def test_nobody_is_told_apart_from_nothing(tool: str, arguments: dict[str, object], assistant: Assistant) -> None:
    answer = await assistant.ask(tool, **arguments)

    assert answer["total"] == 0
    assert answer["note"] == "There is no user 99999 that this key can see."


async def test_workflows_are_found_by_the_tools_own_names(assistant: Assistant, sql: Sql) -> None:
    [(deals,)] = sql("select count(*) from workflows where ENTITY = 'CCrmDocumentDeal'")

    assert (await assistant.ask("list_workflows", filter={"entity": "deals", "moduleId": "CRM"}))["total"] == deals


@pytest.mark.parametrize("zone", ["Europe/Moscow", "America/New_York", "Asia/Tokyo"])
async def test_a_closing_day_is_the_same_day_in_every_zone(zone: str, portal: DemoPortal, sql: Sql) -> None:
    day, count = sql("select closedAt, count(*) from deals group by 1 order by 2 desc")[0]

    async with assistant_for(portal.url, BITRIX24_MCP_TIME_ZONE=zone) as assistant:
        answer = await assistant.ask("search_items", entity="deals", filter={"closedAt": day}, select="closedAt")

    assert answer["total"] == count
    assert {item["closedAt"] for item in answer["items"]} == {day}
