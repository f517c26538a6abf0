"""What figures over Bitrix24's own REST cost: the price that is said beforehand is kept, and so are the limits."""

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from assistants import Sql, TestTime, direct_assistant_for
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.gateway import RestSwitches
from figuring.direct import direct
from figuring.judge import verdict
from figuring.question import Period, Question
from figuring.reference import expected
from figuring.tables import DEALS
from oracle import change

pytestmark = pytest.mark.anyio

SUM = Question(DEALS, (("sum", "amount"),))
BY_FUNNEL = Question(DEALS, (), (("categoryId", None),))
BY_STAGE = Question(DEALS, (), (("stageId", None),))
YEAR = Period(DEALS.by_name["createdAt"], date(2025, 1, 1), date(2026, 1, 1), "2025")
BY_MONTH = Question(DEALS, (), (("createdAt", "month"),), period=YEAR)
BY_YEAR = Question(DEALS, (), (("createdAt", "year"),))
SOME_HAVE_NONE = Question(DEALS, (), (("sourceId", None),))
YEARS = replace(SUM, period=YEAR, compare="previous")


@pytest.mark.parametrize(
    ("question", "page", "route", "requests"),
    [
        (Question(DEALS), 2_500, "count", 1),
        (SUM, 2_500, "scan", 3),
        (SUM, 60, "scan", 12),
        (YEARS, 2_500, "scan", 7),
        (BY_FUNNEL, 2_500, "counts per value", 3),
        (BY_STAGE, 2_500, "scan", 3),
        (BY_STAGE, 60, "counts per value", 3),
        (BY_MONTH, 2_500, "scan", 3),
        (BY_MONTH, 60, "counts per value", 3),
        (SOME_HAVE_NONE, 60, "counts per value", 13),
        (BY_YEAR, 60, "counts per value", 4),
        (BY_YEAR, 2_500, "scan", 3),
    ],
    ids=[
        "a count", "a sum", "a sum by batches of two", "two years", "three counts for twelve answers",
        "a count for every second record", "a batch of counts for ten batches", "a count for every second answer",
        "a batch of counts for five", "counts that leave some out",
        "years that two records tell", "years of one batch",
    ],
)  # fmt: skip
async def test_the_cheapest_way_is_taken_and_its_price_kept(
    portal: DemoPortal, question: Question, page: int, route: str, requests: int
) -> None:
    """600 deals are twelve answers of fifty: a count, the ends of a period, the values or the pages, a second look.

    Where two readers read from both ends, in the end also after counts that left some out, chance decides who asks
    for the page in the middle, or whether both do.
    """
    async with direct(portal.url, page) as door:
        plan = (await door.asked("aggregate", **question.arguments(), explain=True))[0]["plan"]
        await door.asked("get_status_items", entity="deals")
        asked = (await door.asked("aggregate", **question.arguments()))[1]

    by_chance = 1 if page < 600 // 2 and (route == "scan" or question is SOME_HAVE_NONE) else 0
    assert plan["route"] == route
    assert requests - by_chance <= asked <= min(requests + by_chance, plan["calls_at_most"])


@pytest.mark.parametrize("matching", [49, 50, 51, 100, 101])
async def test_the_price_is_kept_at_the_borders_of_answers(portal: DemoPortal, sql: Sql, matching: int) -> None:
    """Up to fifty records are one answer, which needs no proof; a full one says itself that nothing follows."""
    [(last,)] = sql("select id from deals order by id limit 1 offset ?", matching - 1)
    asked = {**SUM.arguments(), "filter": {"id": {"$lte": last}}}
    async with direct(portal.url) as door:
        plan = (await door.asked("aggregate", **asked, explain=True))[0]["plan"]
        answer, requests = await door.asked("aggregate", **asked)

    assert (plan["total"], answer["total"]) == (matching, matching)
    assert (requests, plan["calls_at_most"]) == ((2, 2) if matching <= 50 else (3, 3))


@pytest.mark.parametrize(
    ("entity", "conditions", "a_look"),
    [("tasks", {"timeEstimate": {"$gt": 0}}, 5), ("contacts", {}, 4)],
    ids=["looked through", "found by another list"],
)
async def test_what_the_list_cannot_choose_by_has_its_price(
    portal: DemoPortal, sql: Sql, entity: str, conditions: dict[str, Any], a_look: int
) -> None:
    """Tasks cannot be chosen by the time planned for them; contacts with a phone are found by an older list."""
    if entity == "contacts":
        [(phones,)] = sql("select phone from contacts where phone <> '[]' limit 1")
        conditions = {"phone": json.loads(phones)[0]["VALUE"]}
    asked = {"entity": entity, "filter": conditions, "measures": [{"function": "max", "field": "id"}]}
    async with direct(portal.url) as door:
        plan = (await door.asked("aggregate", **asked, explain=True))[0]["plan"]
        answer, requests = await door.asked("aggregate", **asked)

    assert (answer["complete"], plan["calls_at_most"] % a_look) == (True, 0)
    assert 2 < requests <= plan["calls_at_most"]


@pytest.mark.parametrize(
    ("question", "page", "counts"), [(SUM, 20, 1), (YEARS, 20, 2)], ids=["one reading", "two readings"]
)
async def test_what_costs_too_much_is_said_before_any_record_is_read(
    portal: DemoPortal, question: Question, page: int, counts: int
) -> None:
    async with direct(portal.url, page, BITRIX24_MCP_MAX_CALLS="15") as door:
        await door.asked("aggregate", **question.arguments(), explain=True)
        answer, requests = await door.asked("aggregate", **question.arguments())

    assert (answer["error"]["code"], requests) == ("TOO_EXPENSIVE", counts)


@pytest.mark.parametrize("question", [SUM, YEARS, SOME_HAVE_NONE, BY_FUNNEL])
@pytest.mark.parametrize("page", [60, 2_500])
@pytest.mark.parametrize("allowed", [5, 7, 9, 12, 13, 16, 20])
async def test_a_question_takes_no_more_requests_than_allowed(
    own_portal: DemoPortal, question: Question, page: int, allowed: int
) -> None:
    """A record was changed just now, so that short readings are repeated."""
    change(own_portal.database, "update deals set updatedAt = '2026-07-15T09:00:00Z' where id = 1")
    async with direct(own_portal.url, page, BITRIX24_MCP_MAX_CALLS=str(allowed)) as door:
        await door.asked("aggregate", **question.arguments(), explain=True)
        answer, requests = await door.asked("aggregate", **question.arguments())

    assert requests <= allowed, answer


@pytest.mark.parametrize(
    "asked",
    [
        {"entity": "deals", "created": "2025"},
        {"entity": "deals", "created": "2025", "history": True},
        {"entity": "deals", "created": "2025", "funnel": "Export", "history": True},
    ],
    ids=["records", "records and histories", "one funnel"],
)
async def test_a_funnel_report_keeps_its_price(portal: DemoPortal, asked: dict[str, Any]) -> None:
    """Fifty histories share a request."""
    async with direct(portal.url) as door:
        plan = (await door.asked("funnel_report", **asked, explain=True))[0]["plan"]
        answer, requests = await door.asked("funnel_report", **asked)

    assert answer["complete"]
    assert requests <= plan["calls_at_most"] <= 4 + (-(-plan["total"] // 50) + 1 if "history" in asked else 0)


@pytest.fixture
def busy_bucket() -> Generator[tuple[DemoPortal, TestTime]]:
    """12,000 deals behind the portal's limits; time passes only where somebody waits."""
    time = TestTime()
    with DemoPortal.start(deals=12_000, clock=lambda: time.now) as portal:
        yield portal, time


async def test_a_scan_uses_the_bucket_well_and_never_overruns_it(busy_bucket: tuple[DemoPortal, TestTime]) -> None:
    """Twenty questions of seven requests: a burst first, then what drains, two a second."""
    portal, time = busy_bucket
    right = expected(SUM, portal.database)
    async with direct_assistant_for(portal.url, clock=time.clock) as assistant:
        answers = [await assistant.ask("aggregate", **SUM.arguments()) for _ in range(20)]

    assert [verdict(SUM, answer, [right]) for answer in answers] == ["equal"] * 20
    assert {request.status for request in portal.requests} == {200}
    assert len(portal.requests) <= 20 * 7 + 3
    assert time.now <= (len(portal.requests) - 44) / 2


async def test_working_time_that_is_used_up_is_an_error_and_never_a_part_of_the_figures() -> None:
    """240 lists of a second each; of the next question some pass, in the midst of a batch the portal refuses."""
    time = TestTime()
    switches = RestSwitches(costs={"crm.item.list": 1.0})
    with DemoPortal.start(deals=12_000, clock=lambda: time.now, rest=switches) as portal:
        right = expected(SUM, portal.database)
        async with direct_assistant_for(portal.url, clock=time.clock) as assistant:
            first = await assistant.ask("aggregate", **SUM.arguments())
            error = await assistant.fail("aggregate", **SUM.arguments())
            asked = len(portal.requests)
            again = await assistant.fail("aggregate", **SUM.arguments())
            held_back = len(portal.requests) - asked
            time.now += 600
            later = await assistant.ask("aggregate", **SUM.arguments())

    assert [error["code"], again["code"]] == ["OPERATION_TIME_LIMIT"] * 2
    assert held_back == 0
    assert [verdict(SUM, answer, [right]) for answer in (first, later)] == ["equal", "equal"]
