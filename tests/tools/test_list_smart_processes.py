"""`list_smart_processes` against the portal's own table of types."""

from typing import Any

import pytest

from assistants import Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal
from oracle import change, moment

pytestmark = pytest.mark.anyio

FLAGS = {
    "isStagesEnabled": "stages",
    "isCategoriesEnabled": "funnels",
    "isClientEnabled": "client",
    "isLinkWithProductsEnabled": "products",
    "isMycompanyEnabled": "my company",
    "isBeginCloseDatesEnabled": "begin and close dates",
    "isObserversEnabled": "observers",
    "isSourceEnabled": "source",
    "isAutomationEnabled": "automation",
    "isBizProcEnabled": "workflows",
    "isDocumentsEnabled": "documents",
    "isRecyclebinEnabled": "recycle bin",
    "isUseInUserfieldEnabled": "use in user fields",
    "isPaymentsEnabled": "payments",
    "isCountersEnabled": "counters",
    "isRecurringEnabled": "recurring",
    "isSetOpenPermissions": "open to all by default",
}


def link(entity_type_id: int) -> str:
    return f"https://demo.bitrix24.ru/crm/type/{entity_type_id}/list/category/0/"


@pytest.fixture
def summaries(sql: Sql) -> list[dict[str, Any]]:
    """What the table of types says, in the tool's words."""
    rows = sql(f"select entityTypeId, title, {', '.join(FLAGS)} from smart_processes order by entityTypeId")
    return [
        {
            "entityTypeId": entity_type_id,
            "title": title,
            "features": [word for word, flag in zip(FLAGS.values(), flags, strict=True) if flag],
            "url": link(entity_type_id),
        }
        for entity_type_id, title, *flags in rows
    ]


async def listed(assistant: Assistant, **arguments: Any) -> list[int]:
    answer = await assistant.ask("list_smart_processes", **arguments)
    assert answer["returned"] == answer["total"] == len(answer["items"])
    return [item["entityTypeId"] for item in answer["items"]]


async def test_without_arguments_every_type_comes_with_features_and_link(
    assistant: Assistant, summaries: list[dict[str, Any]]
) -> None:
    answer = await assistant.ask("list_smart_processes")

    assert len(summaries) == 3
    assert answer == {"items": summaries, "returned": 3, "total": 3}


@pytest.mark.parametrize(
    ("part", "ids"),
    [
        ("contracts", [174]),
        ("TRACT", [174]),
        ("ЗАКУП", [156]),
        ("рудов", [1038]),
        (" Закупки ", [156]),
        ("нет такого", []),
    ],
)
async def test_a_part_of_the_title_in_any_case_and_language_finds_the_type(
    assistant: Assistant, summaries: list[dict[str, Any]], part: str, ids: list[int]
) -> None:
    wanted = [summary for summary in summaries if summary["entityTypeId"] in ids]

    answer = await assistant.ask("list_smart_processes", title=part)

    assert answer == {"items": wanted, "returned": len(ids), "total": len(ids)}


async def test_a_code_is_shown_when_the_type_has_one(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update smart_processes set code = 'EQUIPMENT' where entityTypeId = 1038")

    answer = await own_assistant.ask("list_smart_processes", title="оборудование")

    assert answer["items"] == [
        {
            "entityTypeId": 1038,
            "title": "Оборудование",
            "code": "EQUIPMENT",
            "features": ["observers", "recycle bin", "use in user fields", "open to all by default"],
            "url": link(1038),
        }
    ]


@pytest.mark.parametrize(
    ("conditions", "where"),
    [
        ({"isStagesEnabled": True}, "isStagesEnabled = 1"),
        ({"isStagesEnabled": False}, "isStagesEnabled = 0"),
        ({"isStagesEnabled": True, "isCategoriesEnabled": False}, "isStagesEnabled = 1 and isCategoriesEnabled = 0"),
        ({"entityTypeId": [156, 1038]}, "entityTypeId in (156, 1038)"),
        ({"entityTypeId": {"$gt": 156, "$lte": 1038}}, "entityTypeId > 156 and entityTypeId <= 1038"),
        ({"!title": "Contracts"}, "title <> 'Contracts'"),
        ({"title": {"$contains": "упки"}}, "title like '%упки%'"),
        ({"title": {"%": "a"}, ">=entityTypeId": 200}, "title like '%a%' and entityTypeId >= 200"),
        ({"createdTime": {"$gte": "2022-03-14"}}, "createdTime >= '2022-03-13T21:00:00Z'"),
        ({"createdTime": "2024-01-22"}, "createdTime between '2024-01-21T21:00:00Z' and '2024-01-22T20:59:59Z'"),
    ],
)
async def test_conditions_choose_the_types(
    assistant: Assistant, sql: Sql, conditions: dict[str, Any], where: str
) -> None:
    wanted = [row[0] for row in sql(f"select entityTypeId from smart_processes where {where} order by entityTypeId")]

    assert await listed(assistant, filter=conditions) == wanted


async def test_title_and_filter_hold_together(assistant: Assistant) -> None:
    assert await listed(assistant, title="о", filter={"isStagesEnabled": False}) == [1038]
    assert await listed(assistant, title="contr", filter={"isStagesEnabled": False}) == []


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("-entityTypeId", "entityTypeId desc"),
        ("createdTime", "createdTime"),
        ({"createdTime": "desc"}, "createdTime desc"),
        (["-isStagesEnabled", "title"], "isStagesEnabled desc, title"),
    ],
)
async def test_the_order_is_the_one_asked_for(assistant: Assistant, sql: Sql, sort: Any, order: str) -> None:
    wanted = [row[0] for row in sql(f"select entityTypeId from smart_processes order by {order}")]

    assert await listed(assistant, sort=sort) == wanted


async def test_chosen_fields_replace_the_summary(assistant: Assistant, sql: Sql) -> None:
    rows = sql("select entityTypeId, title, createdTime, isStagesEnabled from smart_processes order by entityTypeId")

    answer = await assistant.ask("list_smart_processes", select="title, createdTime,isStagesEnabled,code,url")

    assert answer["items"] == [
        {
            "entityTypeId": entity_type_id,
            "title": title,
            "createdTime": moment(created),
            "isStagesEnabled": bool(stages),
            "url": link(entity_type_id),
        }
        for entity_type_id, title, created, stages in rows
    ]


async def test_a_limit_says_how_many_are_left_out(assistant: Assistant, summaries: list[dict[str, Any]]) -> None:
    answer = await assistant.ask("list_smart_processes", limit=2)

    assert answer == {
        "items": summaries[:2],
        "returned": 2,
        "total": 3,
        "note": "Shown are 2 of 3; narrow by title or select fewer fields.",
    }


async def test_a_small_token_budget_says_how_many_are_left_out(
    portal: DemoPortal, summaries: list[dict[str, Any]]
) -> None:
    async with assistant_for(portal.url, BITRIX24_MCP_MAX_TOKENS="300") as assistant:
        answer = await assistant.ask("list_smart_processes")

    assert answer == {
        "items": summaries[:1],
        "returned": 1,
        "total": 3,
        "note": "Shown are 1 of 3; narrow by title or select fewer fields.",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "candidates"),
    [
        ({"filter": {"titel": "x"}}, "UNKNOWN_FIELD", ["title"]),
        ({"filter": {"isStagesEnabled": "perhaps"}}, "INVALID_VALUE", None),
        ({"filter": {"isStagesEnabled": {"$gt": True}}}, "UNSUPPORTED_OPERATOR", None),
        ({"sort": "-titel"}, "UNKNOWN_FIELD", ["title"]),
        ({"select": ["titel"]}, "UNKNOWN_FIELD", ["title"]),
    ],
)
async def test_a_wrong_name_or_value_is_an_error_with_the_right_one(
    assistant: Assistant, arguments: dict[str, Any], code: str, candidates: list[str] | None
) -> None:
    error = await assistant.fail("list_smart_processes", **arguments)

    assert (error["code"], error.get("candidates")) == (code, candidates)
