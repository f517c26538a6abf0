"""What more than 5,000 records change: nothing in the figures; where a list cannot be read to its end, that is said."""

from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest

from assistants import Assistant, Sql, assistant_for, sql_over
from bitrix24_mcp.demo import DemoPortal
from oracle import FUNCTIONS, MOST_TOKENS, figures, found_ids, pages

pytestmark = pytest.mark.anyio

CEILING = 5_000
"""Records that the gateway's aggregate reads, the first by id."""


@pytest.fixture(scope="module")
def large_portal() -> Generator[DemoPortal]:
    with DemoPortal.start(deals=6_600, limits=False) as started:
        yield started


@pytest.fixture
async def assistant(large_portal: DemoPortal) -> AsyncGenerator[Assistant]:
    async with assistant_for(large_portal.url) as ready:
        yield ready


@pytest.fixture
def sql(large_portal: DemoPortal) -> Sql:
    return sql_over(large_portal.database)


async def test_a_count_stays_exact(assistant: Assistant) -> None:
    answer = await assistant.ask("aggregate", entity="deals")

    assert answer == {"rows": [{"count": 6_600}], "total": 6_600, "complete": True}


MOMENT = "2026-07-15T12:00:00+03:00"
"""The demo portal's clock stands still."""


async def test_a_sum_over_more_records_than_the_gateway_adds_up_is_exact(assistant: Assistant, sql: Sql) -> None:
    """Roubles pass the ceiling, euros do not; the answer says when it was true."""
    held: dict[str, list[float]] = {code: [] for code in ("RUB", "EUR")}
    for amount, code in sql("select amount, currency from deals"):
        held[code].append(amount)

    answer = await assistant.ask(
        "aggregate",
        entity="deals",
        measures=[{"function": function, "field": "amount"} for function in FUNCTIONS],
    )

    assert len(held["RUB"]) > CEILING > len(held["EUR"])
    assert answer == {
        "rows": [
            {"count": len(amounts), **figures("amount", amounts), "currency": code} for code, amounts in held.items()
        ],
        "total": 6_600,
        "complete": True,
        "as_of": MOMENT,
    }


@pytest.mark.parametrize(
    ("field", "searches"), [("categoryId", 2), ("stageId", 2), ("sourceId", 2), ("title", 2), ("closed", 2)]
)
async def test_groups_of_more_records_than_the_gateway_reads_are_exact(
    large_portal: DemoPortal, assistant: Assistant, sql: Sql, field: str, searches: int
) -> None:
    rows = sql(f"select {field}, count(*) from deals group by 1 order by 2 desc, 1 is null, 1")
    before = len(large_portal.requests)

    answer = await assistant.ask("aggregate", entity="deals", group_by=field, limit=10)

    assert [(row[field], row["count"]) for row in answer["rows"]] == rows[:10]
    assert (answer["total"], answer["complete"], answer["as_of"]) == (6_600, True, MOMENT)
    asked = [request.path for request in large_portal.requests[before:] if request.path == "/v1/deals/search"]
    assert len(asked) <= searches


@pytest.mark.parametrize("most", [CEILING, CEILING + 1])
async def test_what_one_answer_holds_is_of_one_moment(
    large_portal: DemoPortal, assistant: Assistant, sql: Sql, most: int
) -> None:
    """Beyond it the records are looked at a second time, and the answer says when that was."""
    last = sql("select id from deals order by id limit 1 offset ?", most - 1)[0][0]
    total = sql("select sum(probability) from (select probability from deals order by id limit ?)", most)[0][0]
    before = len(large_portal.requests)

    answer = await assistant.ask(
        "aggregate",
        entity="deals",
        measures=[{"function": "sum", "field": "probability"}],
        filter={"id": {"$lte": last}},
    )

    several = {"as_of": MOMENT} if most > CEILING else {}
    rows = [{"count": most, "sum_probability": total}]
    assert answer == {"rows": rows, "total": most, "complete": True, **several}
    asked = [request.path for request in large_portal.requests[before:] if request.path.startswith("/v1/deals/")]
    assert asked.count("/v1/deals/search") == (1 if most == CEILING else 2)


async def test_an_order_without_a_keyset_says_that_its_end_cannot_be_reached(assistant: Assistant, sql: Sql) -> None:
    wanted = [row[0] for row in sql("select id from deals order by title, id limit 2998")]

    answers = await pages(
        assistant, "search_items", entity="deals", select="id", sort="title", limit=500, max_tokens=MOST_TOKENS
    )

    assert [item["id"] for answer in answers for item in answer["items"]] == wanted[:2_500]
    assert [answer.get("note") for answer in answers] == [*[None] * 4, UNREACHABLE]
    assert {answer["total"] for answer in answers} == {6_600}


async def test_the_last_page_that_an_offset_reaches_may_go_beyond_it(assistant: Assistant, sql: Sql) -> None:
    wanted = [row[0] for row in sql("select id from deals order by title, id limit 2880")]

    answers = await pages(
        assistant, "search_items", entity="deals", select="id", sort="title", limit=480, max_tokens=MOST_TOKENS
    )

    assert [item["id"] for answer in answers for item in answer["items"]] == wanted
    assert answers[-1]["note"] == UNREACHABLE


async def test_a_filter_that_leaves_fewer_is_read_to_its_end(assistant: Assistant, sql: Sql) -> None:
    wanted = [row[0] for row in sql("select id from deals where categoryId = 7 order by title, id")]

    found = await found_ids(assistant, entity="deals", filter={"categoryId": 7}, sort="title", limit=480)

    assert found == wanted


@pytest.mark.parametrize(
    ("sort", "order"), [("-id", "id desc"), ("amount", "amount, id"), ("-createdAt", "createdAt desc, id")]
)
async def test_a_keyset_reaches_the_last_of_all_records(assistant: Assistant, sql: Sql, sort: str, order: str) -> None:
    wanted: list[Any] = [row[0] for row in sql(f"select id from deals order by {order}")]

    assert await found_ids(assistant, entity="deals", sort=sort) == wanted


UNREACHABLE = (
    "More records match, but in this order the portal gives only the first 2,500. Sort by id to reach all, or narrow "
    "the filter."
)
