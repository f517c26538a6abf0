"""What the tools promise each other: an answer of one is taken by another, and two ways to a record or figure agree."""

import re
from random import Random
from typing import Any, cast

import pytest

from assistants import Assistant, Sql
from bitrix24_mcp.crm.catalogue.entities import BY_NAME, CATALOGUE
from bitrix24_mcp.demo import DemoPortal
from oracle import MOST_TOKENS, found_ids

pytestmark = pytest.mark.anyio

PROCESSES = ["174", "156", "1038"]
ENTITIES = [*(entity.name for entity in CATALOGUE), *PROCESSES]
NEEDED: dict[str, str] = {
    "timelines": "select entityType, entityId from timelines where id = 1",
    "calendar-events": "select type, ownerId from calendar_events where id = 1",
    "files": "select folderId from files order by id limit 1",
}


def needed(entity: str, sql: Sql) -> dict[str, Any]:
    """The conditions without which the portal does not list the entity, for a record that there is."""
    if entity not in NEEDED:
        return {}
    [values] = sql(NEEDED[entity])
    return dict(zip(BY_NAME[entity].required, values, strict=True))


@pytest.mark.parametrize("entity", ENTITIES)
async def test_labels_filters_and_both_ways_to_a_record_agree(entity: str, assistant: Assistant, sql: Sql) -> None:
    """Every label is a name of its field; every value shown finds its record again, unless the portal ignores it."""
    given = needed(entity, sql)
    described = await assistant.ask("describe_entity", entity=entity, detail=True)
    labels = {name: label for names in described["fields"].values() for name, label in names.items()}
    kinds = {name: kind for kind, names in described["fields"].items() for name in names}
    meant = await assistant.ask(
        "search_items",
        entity=entity,
        filter=given,
        select=[label or name for name, label in labels.items()],
        explain=True,
    )
    page = await assistant.ask(
        "search_items", entity=entity, filter=given, select=list(labels), limit=5, max_tokens=MOST_TOKENS
    )
    ids = [item["id"] for item in page["items"]]
    read = await assistant.ask("get_item", entity=entity, ids=ids, select=list(labels), max_tokens=MOST_TOKENS)

    assert sorted(meant["plan"]["select"]) == sorted({"id", *labels})
    assert ids
    assert read["items"] == page["items"]
    if not described["can"]["filter"].startswith("all fields"):
        return
    for item in page["items"]:
        for name, value in item.items():
            if kinds.get(name) not in {None, "money", "string", "file", "crm_multifield"} and name not in given:
                one = cast("list[Any]", value)[0] if isinstance(value, list) else value
                same = {**given, "id": item["id"], name: one}
                assert await found_ids(assistant, entity=entity, filter=same) == [item["id"]], (name, one)


FILTERS: list[dict[str, Any]] = [
    {"createdAt": "this_year"},
    {"createdAt": {"$gte": "-90d"}, "stageId": {"$ne": "WON"}},
    {"createdAt": {"$between": ["2026-01", "2026-Q2"]}},
    {"closedAt": "прошлый месяц"},
    {"closedAt": ["2026-06-01", "yesterday"]},
    {"categoryId": "Партнёры", "stageId": "Новая"},
    {"assignedById": "me"},
    {"assignedById": {"$nin": ["me", 57]}, "updatedAt": {"$lt": "this_week"}},
    {"Компания": "ООО «БетонСервис»", "closed": "N"},
    {"Сумма": {"$gte": 100_000}, "amount": {"$lte": 900_000}},
    {"stageSemanticId": "won", "Источник": ["CALL", "EMAIL"]},
    {"UF_CRM_1700000001": {"$ne": "Высокий"}},
    {"observers": "me"},
    {"currency": "евро", ">=createdAt": "2025"},
    {"%title": "поставка", "probability": {"$in": [10, 50]}},
]


SAME = ("total", "returned", "note", "items")


@pytest.mark.parametrize("conditions", FILTERS, ids=str)
async def test_what_a_filter_was_taken_for_means_the_same_when_it_is_asked(
    conditions: dict[str, Any], assistant: Assistant
) -> None:
    """The plan's whole filter, asked again, is left as it is and finds the same records."""
    plan = (await assistant.ask("search_items", entity="deals", filter=conditions, explain=True))["plan"]
    first = await assistant.ask("search_items", entity="deals", filter=conditions, select="id", limit=500)
    again = await assistant.ask("search_items", entity="deals", filter=plan["filter"], select="id", limit=500)
    counted = await assistant.ask("aggregate", entity="deals", filter=conditions)

    assert first.get("filter_used", {}).items() <= plan["filter"].items()
    assert "filter_used" not in again
    assert [again.get(name) for name in SAME] == [first.get(name) for name in SAME]
    assert counted["total"] == first["total"]
    assert counted.get("filter_used") == first.get("filter_used")


@pytest.mark.parametrize(
    "arguments",
    [
        {"created": "2026"},
        {"created": "last_year", "filter": {"assignedById": {"$ne": "me"}}},
        {"created": {"$gte": "2025-03-01"}, "funnel": "Партнёры", "stuck_days": 3},
        {"entity": "leads", "created": "2026"},
        {"entity": "quotes", "created": "2025"},
        {"entity": "invoices", "created": "2026"},
        {"entity": 174, "created": "2025"},
        {"entity": 156, "created": "2025"},
    ],
    ids=str,
)
async def test_the_figures_of_a_report_add_up_and_are_those_of_other_tools(
    arguments: dict[str, Any], assistant: Assistant
) -> None:
    report = await assistant.ask("funnel_report", **arguments)
    entity = report["entity"]
    created, stage = (
        ("createdAt" if entity in {"deals", "quotes"} else "createdTime"),
        ("statusId" if entity == "leads" else "stageId"),
    )
    rest = arguments.get("filter", {})

    assert report["total"] == sum(funnel["entered"] for funnel in report["funnels"]) > 0
    for funnel in report["funnels"]:
        inside = {"categoryId": funnel["id"]} if "id" in funnel else {}
        figures = await assistant.ask(
            "aggregate", entity=entity, group_by=stage, limit=500, filter={**rest, created: report["created"], **inside}
        )
        assert funnel["entered"] == funnel["in_progress"] + funnel["won"] + funnel["lost"]
        held = {row["code"]: row["records"] for row in funnel["stages"] if row["records"]}
        assert held == {row[stage]: row["count"] for row in figures["rows"]}
        stuck = sum(row.get("stuck", 0) for row in funnel["stages"])
        assert stuck <= funnel["in_progress"]
    if stuck_filter := report.get("stuck", {}).get("filter"):
        listed = await assistant.ask("search_items", entity=entity, filter=stuck_filter, select="id", limit=1)
        assert listed["total"] == report["stuck"]["records"]
        assert "filter_used" not in listed


@pytest.mark.parametrize(
    ("ids", "shown", "missing"),
    [
        ([5, "5", "005", " 5 "], [5], None),
        ([999_999, "999999", 2**62], [], [999_999, 2**62]),
        (["٧"], [7], None),
    ],
    ids=str,
)
async def test_one_record_asked_for_in_several_spellings_is_one(
    ids: list[Any], shown: list[int], missing: list[int] | None, assistant: Assistant
) -> None:
    answer = await assistant.ask("get_item", entity="deals", ids=ids, select="title")

    assert [item["id"] for item in answer["items"]] == shown
    assert answer.get("missing") == missing


@pytest.mark.parametrize("wrong", [0, -1, 2**63, "1e3", "0x5", "5.0", "²", "null", "1;2"])
async def test_what_is_no_id_never_reaches_the_portal(
    wrong: Any, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    error = await own_assistant.fail("get_item", entity="deals", ids=[1, wrong])

    assert error["code"] == "INVALID_VALUE"
    assert [request.path for request in own_portal.requests] == ["/v1/deals/fields"]


CONDITIONS: dict[str, list[Any]] = {
    "stageId": ["NEW", "C5:WON"], "assignedById": [1, 7, 57], "closed": [True, False], "currency": ["RUB", "EUR"],
    "sourceId": ["CALL", "WEB"], "companyId": [5, 400], "probability": [10, 101], "id": [1, 99_999],
}  # fmt: skip
NUMBER = r"([\d,]+)"


async def test_every_figure_in_the_reason_for_an_empty_answer_is_a_right_one(assistant: Assistant, sql: Sql) -> None:
    dice, reasons = Random(7), 0  # noqa: S311 - choices that repeat, no secrets

    def count(conditions: dict[str, Any]) -> str:
        where = " and ".join(["1", *(f"{name} = ?" for name in conditions)])
        return f"{sql(f'select count(*) from deals where {where}', *conditions.values())[0][0]:,}"

    for _ in range(120):
        chosen = {name: dice.choice(CONDITIONS[name]) for name in dice.sample(list(CONDITIONS), dice.randint(1, 4))}
        answer = await assistant.ask("search_items", entity="deals", filter=chosen, limit=1)
        assert f"{answer['total']:,}" == count(chosen)
        note = "" if answer["total"] else answer["note"]
        if found := re.match(rf"Without the condition on (\w+), {NUMBER} match", note):
            left = {name: value for name, value in chosen.items() if name != found[1]}
            assert count(left) == found[2]
            if there := re.search(rf"; {NUMBER} have that value in (\w+)", note):
                assert count({**left, there[2]: chosen[found[1]]}) == there[1]
        elif found := re.match(rf"None of {NUMBER} deals .* without the one on (\w+) or the one on (\w+)", note):
            left_out = [{name: chosen[name] for name in chosen if name != each} for each in (found[2], found[3])]
            assert [count({}), *map(count, left_out)] == [found[1], "0", "0"]
        reasons += bool(found)

    assert reasons > 50
