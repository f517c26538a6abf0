"""`aggregate`: empty and cut answers, plans, and what the portal cannot compute."""

from typing import Any

import pytest

from assistants import Assistant, Sql
from bitrix24_mcp.demo import DemoPortal

pytestmark = pytest.mark.anyio

FLOORS = "UF_CRM_1700000005"


async def test_no_matching_record_is_said(assistant: Assistant) -> None:
    nothing = {"entity": "deals", "filter": {"amount": {"$lt": 0}}}

    counted = await assistant.ask("aggregate", **nothing, group_by="stageId")
    summed = await assistant.ask(
        "aggregate",
        **nothing,
        measures=[{"function": function, "field": FLOORS} for function in ("sum", "avg", "min", "max")],
    )

    assert counted == {"rows": [], "total": 0, "complete": True, "note": "No record matches."}
    assert summed == {
        "rows": [{
            "count": 0,
            f"sum_{FLOORS}": 0,
            f"avg_{FLOORS}": None,
            f"min_{FLOORS}": None,
            f"max_{FLOORS}": None,
        }],
        "total": 0,
        "complete": True,
        "note": "No record matches.",
    }  # fmt: skip


async def test_a_limit_shows_the_largest_rows_and_counts_the_others(assistant: Assistant, sql: Sql) -> None:
    rows = sql("select assignedById, count(*) from deals group by 1 order by 2 desc, 1")

    answer = await assistant.ask("aggregate", entity="deals", group_by="assignedById", limit=3)

    rest = sum(count for _, count in rows[3:])
    assert [(row["assignedById"], row["count"]) for row in answer["rows"]] == rows[:3]
    assert answer["note"] == (
        f"Shown are the 3 of {len(rows)} rows with the most records; the other {len(rows) - 3} hold {rest:,}."
    )
    assert (answer["total"], answer["complete"]) == (600, True)


async def test_an_asked_currency_is_the_only_one(assistant: Assistant, sql: Sql) -> None:
    count, total = sql("select count(*), sum(amount) from deals where currency = 'EUR'")[0]

    answer = await assistant.ask(
        "aggregate", entity="deals", measures=[{"function": "sum", "field": "Сумма"}], filter={"Валюта": "EUR"}
    )

    assert answer == {
        "rows": [{"count": count, "sum_amount": round(total, 2), "currency": "EUR"}],
        "total": count,
        "complete": True,
    }


async def test_a_plan_says_what_it_would_cost_and_reads_no_record(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    answer = await own_assistant.ask(
        "aggregate",
        entity="Закупки",
        measures=[{"function": "avg", "field": "Сумма"}],
        group_by="Стадия",
        filter={"createdTime": {"$gt": "2026-07-01"}},
        explain=True,
    )

    assert answer == {
        "plan": {
            "entity": "156",
            "filter": {"createdTime": {"$gte": "2026-07-02T00:00:00+03:00"}},
            "group_by": ["stageId"],
            "measures": ["avg_opportunity"],
            "route": "native",
            "calls_at_most": 4,
            "time_zone": "Europe/Moscow",
        }
    }
    assert [request.path for request in own_portal.requests if request.path.endswith("/aggregate")] == []
    await own_assistant.ask(
        "aggregate", entity="156", measures=[{"function": "avg", "field": "opportunity"}], group_by="stageId"
    )
    calls = [request.path for request in own_portal.requests if request.path.endswith("/aggregate")]
    assert 1 < len(calls) <= answer["plan"]["calls_at_most"]


@pytest.mark.parametrize(
    ("arguments", "code", "candidates"),
    [
        ({"group_by": "title"}, "NOT_GROUPABLE", ["stageId"]),
        ({"group_by": "createdAt"}, "NOT_GROUPABLE", ["stageId"]),
        ({"group_by": "stage"}, "UNKNOWN_FIELD", ["stageId"]),
        ({"group_by": "stageId,stageId"}, "INVALID_GROUP_BY", None),
        ({"group_by": ["stageId", "sourceId", "categoryId", "currency", "assignedById", "closed"]},
         "TOO_MANY_GROUPS", None),
        ({"measures": [{"function": "sum"}]}, "MISSING_FIELD", ["amount"]),
        ({"measures": [{"function": "sum", "field": "*"}]}, "MISSING_FIELD", ["amount"]),
        ({"measures": [{"function": "sum", "field": "title"}]}, "NOT_MEASURABLE", ["amount"]),
        ({"measures": [{"function": "sum", "field": "probability"}]}, "NOT_MEASURABLE", ["amount"]),
        ({"measures": [{"function": "max", "field": "createdAt"}]}, "NOT_MEASURABLE", ["amount"]),
        ({"measures": [{"function": "avg", "field": "Бюджет клиента"}]}, "MIXED_CURRENCIES", ["amount"]),
        ({"measures": [{"function": "median", "field": "amount"}]}, "INVALID_ARGUMENT", None),
        ({"measures": [{"function": "sum", "field": "amuont"}]}, "UNKNOWN_FIELD", ["amount"]),
        ({"filter": {"stageId": "C7:WOM"}}, "UNKNOWN_VALUE", ["C7:WON"]),
    ],
)  # fmt: skip
async def test_what_the_portal_cannot_compute_is_an_error_that_names_what_it_can(
    own_portal: DemoPortal,
    own_assistant: Assistant,
    arguments: dict[str, Any],
    code: str,
    candidates: list[str] | None,
) -> None:
    error = await own_assistant.fail("aggregate", entity="deals", **arguments)

    assert (error["code"], error.get("candidates", [])[: len(candidates or [])]) == (code, candidates or [])
    assert [request.path for request in own_portal.requests if request.path.endswith("/aggregate")] == []
