"""What more than 5,000 records change: the gateway's own ceilings, said in the answer."""

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


def incomplete(currency: str, total: int) -> str:
    return (
        f"INCOMPLETE: the portal's figures{currency} cover only 5,000 of {total:,} matching records; narrow the filter "
        "to 5,000 or fewer for exact ones."
    )


async def test_a_count_stays_exact(assistant: Assistant) -> None:
    answer = await assistant.ask("aggregate", entity="deals")

    assert answer == {"rows": [{"count": 6_600}], "total": 6_600, "complete": True}


async def test_a_sum_over_too_many_records_says_what_it_covers(assistant: Assistant, sql: Sql) -> None:
    """Roubles pass the ceiling, euros do not."""
    held: dict[str, list[float]] = {code: [] for code in ("RUB", "EUR")}
    for amount, code in sql("select amount, currency from deals order by id"):
        held[code].append(amount)
    rows = [
        {"count": len(held[code]), **covered, **figures("amount", held[code][:CEILING]), "currency": code}
        for code, covered in (("RUB", {"covered": CEILING}), ("EUR", {}))
    ]

    answer = await assistant.ask(
        "aggregate",
        entity="deals",
        measures=[{"function": function, "field": "amount"} for function in FUNCTIONS],
    )

    assert len(held["RUB"]) > CEILING > len(held["EUR"])
    assert answer == {
        "rows": rows,
        "total": 6_600,
        "complete": False,
        "note": incomplete(" in RUB", len(held["RUB"])),
    }


async def test_groups_of_too_many_records_say_what_they_cover(assistant: Assistant, sql: Sql) -> None:
    rows = sql("select categoryId, count(*) from (select categoryId from deals order by id limit 5000) group by 1")

    answer = await assistant.ask("aggregate", entity="deals", group_by="categoryId")

    assert [(row["categoryId"], row["count"]) for row in answer["rows"]] == sorted(rows, key=lambda row: -row[1])
    assert (answer["total"], answer["complete"], answer["note"]) == (6_600, False, incomplete("", 6_600))


@pytest.mark.parametrize("most", [CEILING, CEILING + 1])
async def test_exactly_five_thousand_records_are_still_complete(assistant: Assistant, sql: Sql, most: int) -> None:
    last = sql("select id from deals order by id limit 1 offset ?", most - 1)[0][0]

    answer = await assistant.ask("aggregate", entity="deals", group_by="categoryId", filter={"id": {"$lte": last}})

    assert answer["total"] == most
    assert sum(row["count"] for row in answer["rows"]) == CEILING
    assert (answer["complete"], answer.get("note")) == (
        (True, None) if most == CEILING else (False, incomplete("", most))
    )


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
