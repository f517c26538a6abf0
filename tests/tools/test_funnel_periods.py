"""`funnel_report`: whose period it is, what stands still outside of it, and when conversion says nothing."""

from typing import Any, Literal

import pytest

from assistants import Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal, Fault
from funnel_rows import KEPT, block, stuck_of_any_age
from oracle import found_ids

pytestmark = pytest.mark.anyio

QUARTER = {"$gte": "2026-07-01T00:00:00+03:00", "$lt": "2026-10-01T00:00:00+03:00"}
SPRING = {"$gte": "2026-04-01T00:00:00+03:00", "$lt": "2026-07-01T00:00:00+03:00"}
LONG_AGO = {"movedTime": {"$lt": "2026-06-15T12:00:00+03:00"}}
EARLY = "Much of it is still in progress, so conversion will rise: judge by win_rate, or by an older period."
NOT_COUNTED = "How many are stuck of any age was not counted: "


async def test_a_quarter_that_has_just_begun_hides_nothing_that_stands_still(assistant: Assistant, sql: Sql) -> None:
    wanted = stuck_of_any_age(sql, "deals")

    answer = await assistant.ask("funnel_report")

    assert answer["created"] == QUARTER
    assert answer["stuck"] == {
        "days": 30,
        "records": 0,
        "filter": {"createdAt": QUARTER, "stageSemanticId": "P", **LONG_AGO},
        "of_any_age": {"records": len(wanted), "filter": {"stageSemanticId": "P", **LONG_AGO}},
    }
    assert wanted


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"entity": "deals"}, "true"),
        (
            {"entity": "deals", "funnel": "Партнёры", "filter": {"currency": "RUB"}},
            "categoryId = 5 and currency = 'RUB'",
        ),
        ({"entity": "deals", "filter": {">movedTime": "2026-01-01"}}, "movedTime >= '2026-01-01T21:00:00Z'"),
        ({"entity": "174", "filter": {"Воронка": "Renewals"}}, "categoryId = 9"),
        ({"entity": "156"}, "true"),
    ],
)
@pytest.mark.parametrize("stuck_days", [3, 30])
async def test_what_stands_still_is_counted_whatever_its_age_and_can_be_listed(
    assistant: Assistant, sql: Sql, arguments: dict[str, Any], where: str, stuck_days: int
) -> None:
    wanted = stuck_of_any_age(sql, arguments["entity"], stuck_days, where)

    answer = await assistant.ask("funnel_report", **arguments, stuck_days=stuck_days)

    there = answer["stuck"]["of_any_age"]
    assert there["records"] == len(wanted) > 0
    listed = await found_ids(assistant, entity=arguments["entity"], filter=there["filter"], sort="id")
    assert listed == wanted


async def test_a_period_without_records_does_not_hide_it_either(assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("funnel_report", entity="deals", created="2019")

    assert (answer["total"], answer["stuck"]["records"]) == (0, 0)
    assert answer["stuck"]["of_any_age"]["records"] == len(stuck_of_any_age(sql, "deals"))


@pytest.mark.parametrize("created", ["all", " Any", "ВСЕ", "всё"])
async def test_all_records_are_those_of_any_age(assistant: Assistant, sql: Sql, created: str) -> None:
    wanted = block(sql, "deals", "DEAL_STAGE_7", "categoryId = 7")

    answer = await assistant.ask("funnel_report", funnel="Export", created=created)

    assert answer == {
        "entity": "deals",
        "created": {},
        "funnels": [{"id": 7, "name": "Export"} | wanted],
        "stuck": {
            "days": 30,
            "records": len(stuck_of_any_age(sql, "deals", where="categoryId = 7")),
            "filter": {"categoryId": 7, "stageSemanticId": "P", **LONG_AGO},
        },
        "total": wanted["entered"],
        "complete": True,
    }


@pytest.mark.parametrize(
    ("entity", "filters"),
    [
        ("deals", {"createdAt": "2026-Q2"}),
        ("deals", {"created": "прошлый квартал"}),
        ("deals", {"Дата создания": "last_quarter"}),
        ("deals", {">=CREATED_AT": "2026-04-01", "<createdAt": "2026-07-01"}),
        ("leads", {"createdAt": "2026-Q2"}),
        ("174", {"createdTime": {"$between": ["2026-04-01", "2026-06-30"]}}),
    ],
)
async def test_the_period_of_the_filter_is_that_of_the_report(
    assistant: Assistant, entity: str, filters: dict[str, Any]
) -> None:
    wanted = await assistant.ask("funnel_report", entity=entity, created="2026-Q2")

    answer = await assistant.ask("funnel_report", entity=entity, filter=filters)

    assert answer["created"] == SPRING
    assert answer == wanted


async def test_a_condition_on_another_moment_is_no_period(assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("funnel_report", entity="deals", filter={"updatedAt": {"$gte": "2026-07-10"}})

    [(count,)] = sql(
        "select count(*) from deals where createdAt >= '2026-06-30T21:00:00Z' and updatedAt >= '2026-07-09T21:00:00Z'"
    )
    assert (answer["created"], answer["total"]) == (QUARTER, count)


@pytest.mark.parametrize(
    ("entity", "created", "written"),
    [("deals", "2026", "createdAt"), ("deals", "all", "Дата создания"), ("leads", "last_month", "createdAt")],
)
async def test_two_periods_are_refused_before_anything_is_read(
    own_portal: DemoPortal, own_assistant: Assistant, entity: str, created: str, written: str
) -> None:
    error = await own_assistant.fail("funnel_report", entity=entity, created=created, filter={written: "2026-Q2"})

    assert error == {
        "code": "INVALID_ARGUMENT",
        "message": f"The period of creation is given twice: as created, and as “{written}” in the filter. Leave one of "
        "them out.",
    }
    assert not [request.path for request in own_portal.requests if request.path.endswith(("/search", "/aggregate"))]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("access_denied", "Bitrix24 does not let this user see or do that. [BITRIX_ACCESS_DENIED]"),
        ("bad_gateway", "[BITRIX_UNAVAILABLE]"),
    ],
)
async def test_a_count_that_fails_costs_the_report_nothing_but_itself(
    own_portal: DemoPortal, own_assistant: Assistant, kind: Literal["access_denied", "bad_gateway"], told: str
) -> None:
    whole = await own_assistant.ask("funnel_report", entity="deals", created="2026")
    own_portal.inject(Fault(kind=kind, path="/v1/deals/aggregate", times=None, after=1))

    answer = await own_assistant.ask("funnel_report", entity="deals", created="2026")

    note = answer.pop("note")
    del whole["stuck"]["of_any_age"]
    assert answer == whole
    assert note.startswith(NOT_COUNTED)
    assert note.endswith(told)


@pytest.mark.parametrize(("calls", "counted"), [(15, True), (14, False)])
async def test_a_count_for_which_no_request_is_left_is_said(
    own_portal: DemoPortal, calls: int, *, counted: bool
) -> None:
    """Eleven histories beside a count, a search and the count that proves that nothing moved come before it."""
    asked: dict[str, Any] = {"entity": "deals", "funnel": 5, "created": "2026-Q2", "history": True}
    async with assistant_for(own_portal.url, BITRIX24_MCP_MAX_CALLS=str(calls)) as assistant:
        answer = await assistant.ask("funnel_report", **asked)
        plan = (await assistant.ask("funnel_report", **asked, explain=True))["plan"]

    assert (answer["total"], "reached" in answer["funnels"][0]["stages"][0]) == (11, True)
    assert ("of_any_age" in answer["stuck"]) is counted
    assert answer.get("note", "") == ("" if counted else f"{NOT_COUNTED}no request was left for it.")
    assert plan["calls_at_most"] == calls


@pytest.mark.parametrize(
    "arguments",
    [
        {"entity": "deals", "created": "all"},
        {"entity": "leads", "created": "2026"},
        {"entity": "deals", "created": "2026", "filter": {"stageSemanticId": "won"}},
    ],
    ids=["of any age already", "no times", "nothing open"],
)
async def test_what_cannot_be_asked_is_not_paid_for(
    own_portal: DemoPortal, own_assistant: Assistant, arguments: dict[str, Any]
) -> None:
    plan = (await own_assistant.ask("funnel_report", **arguments, explain=True))["plan"]
    own_portal.requests.clear()

    answer = await own_assistant.ask("funnel_report", **arguments)

    paths = [request.path for request in own_portal.requests if request.path.startswith(f"/v1/{arguments['entity']}/")]
    assert paths == [f"/v1/{arguments['entity']}/{path}" for path in ("aggregate", "search")]
    assert plan["calls_at_most"] == len(paths)
    assert "of_any_age" not in answer.get("stuck", {})


@pytest.mark.parametrize("entity", ["deals", "leads", "quotes", "invoices", "174", "156"])
@pytest.mark.parametrize(
    ("created", "where"),
    [
        ("this_month", "{created} >= '2026-06-30T21:00:00Z'"),
        ("2026-Q2", "{created} >= '2026-03-31T21:00:00Z' and {created} < '2026-06-30T21:00:00Z'"),
        ("2025", "{created} >= '2024-12-31T21:00:00Z' and {created} < '2025-12-31T21:00:00Z'"),
    ],
)
async def test_a_period_whose_records_are_mostly_in_progress_is_said_once(
    assistant: Assistant, sql: Sql, entity: str, created: str, where: str
) -> None:
    kept = KEPT[entity]
    funnel = "0" if entity in {"leads", "quotes"} else "categoryId"
    counts = sql(
        "select count(*), sum(semantics is null) from"
        f" (select {funnel} as funnel, {kept.stage} as stage from {kept.table}"
        f" where {where.format(created=kept.created)}) join (select distinct statusId, semantics from statuses)"
        " on statusId = stage group by funnel"
    )
    early = any(count < 2 * still_open and still_open < count for count, still_open in counts)

    answer = await assistant.ask("funnel_report", entity=entity, created=created)

    assert answer.get("note", "").count(EARLY) == early
    assert [each["entered"] for each in answer["funnels"] if each["entered"]] == [count for count, _ in counts]


async def test_records_of_which_none_is_over_are_no_reason_to_warn(assistant: Assistant) -> None:
    """Their win_rate is empty, which says enough."""
    answer = await assistant.ask("funnel_report", created="last_week")

    assert answer["total"] == sum(each["in_progress"] for each in answer["funnels"]) > 0
    assert "note" not in answer


@pytest.mark.parametrize(
    ("filters", "note"),
    [
        ({"stageSemanticId": "P"}, "The filter asks for an outcome, so conversion says nothing."),
        ({"!stageSemanticId": "lost"}, "The filter asks for an outcome, so conversion says nothing."),
        ({"closed": False}, "The filter asks for an outcome, so conversion says nothing."),
        ({"stageId": ["C5:NEW", "C5:WON"]}, "The filter asks for stages, so conversion says nothing."),
    ],
)
async def test_a_filter_for_the_end_of_the_way_takes_the_meaning_of_conversion(
    assistant: Assistant, filters: dict[str, Any], note: str
) -> None:
    answer = await assistant.ask("funnel_report", created="2026", filter=filters)

    assert answer["note"] == note
    assert answer["total"] > 0
