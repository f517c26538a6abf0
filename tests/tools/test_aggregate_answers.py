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

    note = "No record matches. Without the condition on amount, 600 match."
    assert counted == {"rows": [], "total": 0, "complete": True, "note": note}
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
        "note": note,
    }  # fmt: skip


async def test_a_limit_shows_the_largest_rows_and_counts_the_others(assistant: Assistant, sql: Sql) -> None:
    rows = sql("select assignedById, count(*) from deals group by 1 order by 2 desc, 1")

    answer = await assistant.ask("aggregate", entity="deals", group_by="assignedById", limit=3)

    rest = sum(count for _, count in rows[3:])
    assert [(row["assignedById"], row["count"]) for row in answer["rows"]] == rows[:3]
    assert answer["note"] == (
        f"Shown are the 3 of {len(rows)} rows with the most records; the other {len(rows) - 3} hold {rest:,} records."
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
        "filter_used": {"currency": "EUR"},
    }


async def test_a_plan_says_what_it_would_cost_and_only_counts(
    own_portal: DemoPortal, own_assistant: Assistant, sql: Sql
) -> None:
    total = sql("select count(*) from items_156 where createdTime >= '2026-05-31T21:00:00Z'")[0][0]

    answer = await own_assistant.ask(
        "aggregate",
        entity="Закупки",
        measures=[{"function": "avg", "field": "Сумма"}],
        group_by="Стадия",
        filter={"createdTime": {"$gt": "2026-05"}},
        explain=True,
    )

    assert answer == {
        "plan": {
            "entity": "156",
            "filter": {"createdTime": {"$gte": "2026-06-01T00:00:00+03:00"}},
            "group_by": ["stageId"],
            "measures": ["avg_opportunity"],
            "total": total,
            "route": "scan",
            "calls_at_most": 2,
            "calls_allowed": 100,
            "time_zone": "Europe/Moscow",
        }
    }
    assert data_calls(own_portal) == [COUNT]
    own_portal.requests.clear()
    await own_assistant.ask(
        "aggregate", entity="156", measures=[{"function": "avg", "field": "opportunity"}], group_by="stageId"
    )
    assert data_calls(own_portal) == [COUNT, "/v1/items/156/search"]


async def test_a_plan_of_a_comparison_says_both_periods(assistant: Assistant) -> None:
    asked = {"entity": "deals", "filter": {"createdAt": "2026-Q2"}, "compare": "year_ago"}

    answer = await assistant.ask("aggregate", **asked, group_by="stageId", explain=True)

    counts = [
        (await assistant.ask("aggregate", entity="deals", filter={"createdAt": quarter}))["total"]
        for quarter in ("2026-Q2", "2025-Q2")
    ]
    assert answer["plan"] == {
        "entity": "deals",
        "filter": {"createdAt": {"$gte": "2026-04-01T00:00:00+03:00", "$lt": "2026-07-01T00:00:00+03:00"}},
        "compared_with": {"createdAt": {"$gte": "2025-04-01T00:00:00+03:00", "$lt": "2025-07-01T00:00:00+03:00"}},
        "group_by": ["stageId"],
        "measures": ["count"],
        "total": counts[0],
        "route": "native",
        "total_previous": counts[1],
        "route_previous": "native",
        "calls_at_most": 7,
        "calls_allowed": 100,
        "time_zone": "Europe/Moscow",
    }


COUNT = "/v1/items/156/aggregate"


def data_calls(portal: DemoPortal) -> list[str]:
    """The requests that were about records."""
    return [request.path for request in portal.requests if request.path.endswith(("/aggregate", "/search"))]


@pytest.mark.parametrize(
    ("arguments", "code", "candidates"),
    [
        ({"group_by": "createdAt"}, "INVALID_GROUP_BY", ["createdAt:day", "createdAt:week", "createdAt:month"]),
        ({"group_by": "createdAt:moth"}, "INVALID_GROUP_BY", ["createdAt:month"]),
        ({"group_by": "Выезд замерщика"}, "INVALID_GROUP_BY", ["UF_CRM_1700000008:day"]),
        ({"group_by": "title:month"}, "INVALID_GROUP_BY", ["title"]),
        ({"group_by": "stageIds"}, "UNKNOWN_FIELD", ["stageId"]),
        ({"group_by": "stageId,stageId"}, "INVALID_GROUP_BY", None),
        ({"group_by": ["stageId", "sourceId", "categoryId", "currency", "assignedById", "closed"]},
         "TOO_MANY_GROUPS", None),
        ({"measures": [{"function": "sum"}]}, "MISSING_FIELD", ["amount"]),
        ({"measures": [{"function": "sum", "field": "*"}]}, "MISSING_FIELD", ["amount"]),
        ({"measures": [{"function": "sum", "field": "title"}]}, "NOT_MEASURABLE", ["amount"]),
        ({"measures": [{"function": "avg", "field": "createdAt"}]}, "NOT_MEASURABLE", ["amount"]),
        ({"measures": [{"function": "max", "field": "observers"}]}, "NOT_MEASURABLE", ["amount"]),
        ({"measures": [{"function": "avg", "field": "Бюджет клиента"}, {"function": "sum", "field": "amount"}]},
         "MIXED_CURRENCIES", None),
        ({"sort": "sum_amount"}, "UNKNOWN_COLUMN", ["count"]),
        ({"having": {"sum_amount": {"$gt": 5}}}, "UNKNOWN_COLUMN", ["count"]),
        ({"compare": "previous"}, "INVALID_COMPARISON", None),
        ({"compare": "previous", "filter": {"createdAt": "2026-Q2", "closedAt": "2026-Q2"}},
         "INVALID_COMPARISON", None),
        ({"compare": "previous", "filter": {"createdAt": {"$gte": "2026-Q2"}}}, "INVALID_COMPARISON", None),
        ({"compare": "previous", "filter": {"createdAt": "2026-Q2"}, "group_by": "createdAt:month"},
         "INVALID_COMPARISON", None),
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
