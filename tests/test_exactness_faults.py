"""Answers of the gateway that are rare or wrong, and what a question may cost: an error or the truth, never a guess."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from assistants import Assistant
from bitrix24_mcp.demo import DemoPortal, Fault
from figuring.judge import verdict
from figuring.question import Narrowing, Period, Question
from figuring.reference import expected
from figuring.tables import CONTRACTS, DEALS
from figuring.tampering import MOST_SEARCHES, Repeating, Rows, Tampering, tampered
from oracle import change

pytestmark = pytest.mark.anyio

AREA, BUDGET, FILE = "UF_CRM_1700000002", "UF_CRM_1700000003", "UF_CRM_1700000014"
SUM = Question(DEALS, (("sum", "amount"), ("avg", "amount"), ("min", "amount"), ("max", "amount")))
BY_STAGE = Question(DEALS, (), (("stageId", None),))


async def judged(assistant: Assistant, question: Question, portal: DemoPortal) -> None:
    answer = await assistant.ask("aggregate", **question.arguments())
    right = expected(question, portal.database)
    assert (verdict(question, answer, [right]), answer["complete"]) == ("equal", True), (answer, right)


def each(**values: Any) -> Callable[[int, Rows], Rows]:
    """Rows with other values; a function gets the old one."""
    return lambda _, rows: [
        {**row, **{name: value(row[name]) if callable(value) else value for name, value in values.items()}}
        for row in rows
    ]


def _with_decimals(amount: float) -> str:
    return f"{amount:.4f}"


def without(column: str) -> Callable[[int, Rows], Rows]:
    return lambda _, rows: [{name: value for name, value in row.items() if name != column} for row in rows]


@pytest.mark.parametrize(
    "tampering",
    [
        Tampering(meta=lambda meta: {**meta, "total": 0}),
        Tampering(meta=lambda meta: {"total": meta["total"]}),
        Tampering(meta=lambda meta: {"hasMore": meta["hasMore"]}),
        Tampering(meta=lambda _: {}),
        Tampering(rows=each(id=str, amount=str)),
        Tampering(rows=each(amount=_with_decimals)),
    ],
    ids=["total 0 beside rows", "no hasMore", "no total", "no meta", "numbers as texts", "texts with decimals"],
)
@pytest.mark.parametrize("page", [100, 300, 5_000])
async def test_all_forms_of_an_answer_give_the_same_figures(
    portal: DemoPortal, tampering: Tampering, page: int
) -> None:
    async with tampered(portal.url, tampering, page) as assistant:
        await judged(assistant, SUM, portal)


def _twice(search: int, rows: Rows) -> Rows:
    return [*rows[:-1], rows[0]] if search == 2 else rows


def _reversed(_: int, rows: Rows) -> Rows:
    return rows[::-1]


def _uncounted(_: dict[str, Any]) -> dict[str, Any]:
    return {"hasMore": True}


@pytest.mark.parametrize(
    "rows",
    [_reversed, _twice, Repeating(1), Repeating(2), without("id"), each(id=-1)],
    ids=["reversed", "a record twice", "the first page again", "the second page again", "no ids", "ids below 1"],
)
@pytest.mark.parametrize("meta", [dict[str, Any], _uncounted], ids=["counted", "not counted"])
@pytest.mark.parametrize("page", [100, 300])
async def test_pages_that_do_not_go_on_end_with_an_error(
    portal: DemoPortal, rows: Callable[[int, Rows], Rows], meta: Callable[[dict[str, Any]], dict[str, Any]], page: int
) -> None:
    """Never with reading on for ever, nor with a figure that passes for complete."""
    again = rows.anew() if isinstance(rows, Repeating) else rows
    tampering = Tampering(rows=again, meta=meta)
    async with tampered(portal.url, tampering, page) as assistant:
        result = await assistant.raw("aggregate", **SUM.arguments())

    found: dict[str, Any] = result.structured_content or {}
    assert tampering.searches < MOST_SEARCHES
    assert found["error"]["code"] == "UNEXPECTED_ANSWER" if result.is_error else found["complete"] is False


async def test_a_portal_that_says_too_early_that_there_is_no_more_is_not_believed(portal: DemoPortal) -> None:
    async with tampered(portal.url, Tampering(meta=lambda _: {"hasMore": False}), 100) as assistant:
        answer = await assistant.ask("aggregate", **SUM.arguments())

    assert answer["complete"] is False
    assert "600 records were counted and 100 read" in answer["note"]


@pytest.mark.parametrize("value", ["12,5", "NaN", "Infinity", "n/a", {"a": 1}, [1], True], ids=str)
@pytest.mark.parametrize("page", [100, 5_000])
async def test_an_amount_that_is_no_number_is_not_left_out_of_a_sum(
    portal: DemoPortal, value: object, page: int
) -> None:
    tampering = Tampering(
        rows=lambda _, rows: [{**row, "amount": value if row["id"] % 7 else row["amount"]} for row in rows]
    )
    async with tampered(portal.url, tampering, page) as assistant:
        error = await assistant.fail("aggregate", **replace(SUM, groups=(("title", None),)).arguments())

    assert error["code"] == "UNEXPECTED_ANSWER"


async def test_amounts_without_a_currency_are_a_row_of_their_own(portal: DemoPortal) -> None:
    by_title = replace(SUM, groups=(("categoryId", None),))
    right = expected(by_title, portal.database)

    async with tampered(portal.url, Tampering(rows=without("currency")), 100) as assistant:
        answer = await assistant.ask("aggregate", **by_title.arguments())

    assert {row["currency"] for row in answer["rows"]} == {None}
    assert sum(row["count"] for row in answer["rows"]) == right.total


async def test_a_currency_that_the_portal_does_not_list_is_a_row_of_its_own(own_portal: DemoPortal) -> None:
    """With one currency known, the gateway's own figures of it are compared with the count of all."""
    change(own_portal.database, "delete from currencies where id <> 'RUB'")
    change(own_portal.database, "update deals set currency = null where id % 11 = 0")

    async with tampered(own_portal.url, Tampering()) as assistant:
        await judged(assistant, SUM, own_portal)
        await judged(assistant, replace(SUM, groups=(("stageId", None),)), own_portal)
        await judged(assistant, Question(DEALS, (), (("currency", None),)), own_portal)


async def test_groups_that_the_gateway_left_out_are_read_instead(portal: DemoPortal) -> None:
    tampering = Tampering(figures=lambda data: {**data, "meta": {**data["meta"], "groupsTruncated": True}})

    async with tampered(portal.url, tampering) as assistant:
        await judged(assistant, BY_STAGE, portal)

    assert tampering.searches == 1


async def test_a_refused_group_is_asked_for_once() -> None:
    question = Question(CONTRACTS, (), (("stageId", None),))
    with DemoPortal.start(deals=600, limits=False, items_group_by=False) as portal:
        async with tampered(portal.url, Tampering()) as assistant:
            for _ in range(3):
                await judged(assistant, question, portal)
        refused = [request.path for request in portal.requests if request.status == 400]

    assert refused == ["/v1/items/174/aggregate"]


@pytest.mark.parametrize("kind", ["truncated", "access_denied", "expired_key", "bitrix_error"])
@pytest.mark.parametrize("after", [0, 3])
async def test_a_page_that_fails_is_an_error_and_nothing_goes_on(own_portal: DemoPortal, kind: Any, after: int) -> None:
    async with tampered(own_portal.url, Tampering(), 100) as assistant:
        await judged(assistant, SUM, own_portal)
        own_portal.inject(Fault(kind=kind, path="/v1/deals/search", times=None, after=after))
        await assistant.fail("aggregate", **SUM.arguments())
        own_portal.clear_faults()
        await judged(assistant, Question(DEALS), own_portal)  # by now what was under way has arrived
        seen = len(own_portal.requests)
        await judged(assistant, Question(DEALS), own_portal)

    assert [request.path for request in own_portal.requests[seen:]] == ["/v1/deals/aggregate"]


async def test_empty_amounts_are_left_out_of_an_average(own_portal: DemoPortal) -> None:
    """The gateway's own aggregate counts records, not values."""
    change(own_portal.database, "update deals set amount = null where id % 3 = 0")
    euros = Narrowing("currency", "EUR", "currency = 'EUR'")
    asked = (*SUM.measures, ("count", "amount"))

    async with tampered(own_portal.url, Tampering()) as assistant:
        await judged(assistant, replace(SUM, measures=asked), own_portal)
        await judged(assistant, replace(SUM, measures=asked, narrowings=(euros,)), own_portal)
        await judged(assistant, replace(SUM, groups=(("stageId", None),), narrowings=(euros,)), own_portal)


async def test_numbers_keep_the_decimals_that_the_gateway_rounds_away(own_portal: DemoPortal) -> None:
    change(own_portal.database, f"update deals set {AREA} = 0.125 where id = (select min(id) from deals)")
    change(own_portal.database, f"update deals set {AREA} = 0.0049 where id = (select max(id) from deals)")

    async with tampered(own_portal.url, Tampering()) as assistant:
        for groups in ((), (("stageId", None),)):
            asked = Question(DEALS, (("min", AREA), ("sum", AREA), ("avg", AREA)), groups)
            await judged(assistant, asked, own_portal)


@pytest.mark.parametrize("value", [1e30, -1e30, 123456789012345678.25])
async def test_very_large_numbers_are_figures_too(own_portal: DemoPortal, value: float) -> None:
    change(own_portal.database, f"update deals set {AREA} = ? where id = (select min(id) from deals)", value)

    async with tampered(own_portal.url, Tampering(), 300) as assistant:
        asked = Question(DEALS, (("max", AREA), ("sum", AREA)), (("stageId", None),))
        await judged(assistant, asked, own_portal)


@pytest.mark.parametrize("stored", ["9999-12-31T23:30:00Z", "0001-01-01T00:30:00Z"])
async def test_moments_at_the_ends_of_the_calendar_break_nothing(own_portal: DemoPortal, stored: str) -> None:
    """In the portal's zone they may lie beyond it."""
    change(own_portal.database, "update deals set createdAt = ? where id = (select min(id) from deals)", stored)

    async with tampered(own_portal.url, Tampering(), 300) as assistant:
        grouped = await assistant.ask("aggregate", entity="deals", group_by="createdAt:year", row_filters=True)
        measured = await assistant.ask(
            "aggregate", entity="deals", measures=[{"function": end, "field": "createdAt"} for end in ("min", "max")]
        )

    assert sum(row["count"] for row in grouped["rows"]) == 600
    assert [row["count"] for row in measured["rows"]] == [600]


@pytest.mark.parametrize(("entity", "field"), [("deals", FILE), ("contacts", "phone"), ("contacts", "email")])
async def test_a_group_of_nested_values_shows_neither_links_nor_their_inner_names(
    assistant: Assistant, entity: str, field: str
) -> None:
    """An error that says so is as good: a file's download link carries a token."""
    result = await assistant.raw("aggregate", entity=entity, group_by=field)

    text = str(result.structured_content)
    assert [word for word in ("urlDownload", "/download/", "VALUE_TYPE") if word in text] == []


@pytest.mark.parametrize(
    ("entity", "group", "money"),
    [("deals", "currency", BUDGET), ("174", "currencyId", "ufCrm3_1700000103")],
)
@pytest.mark.parametrize("function", ["sum", "avg", "min", "max"])
async def test_records_by_their_currency_are_not_the_currency_of_another_amount(
    assistant: Assistant, entity: str, group: str, money: str, function: str
) -> None:
    """All advances of contracts are in roubles, those of contracts in euros too."""
    error = await assistant.fail(
        "aggregate", entity=entity, group_by=group, measures=[{"function": function, "field": money}]
    )

    assert error["code"] == "MIXED_CURRENCIES"


@pytest.mark.parametrize("field", ["begindate", "createdAt"])
@pytest.mark.parametrize("day", ["yesterday", "2026-07-01"])
async def test_one_day_is_compared_with_the_day_before(
    assistant: Assistant, portal: DemoPortal, field: str, day: str
) -> None:
    first = date(2026, 7, 14) if day == "yesterday" else date(2026, 7, 1)
    period = Period(DEALS.by_name[field], first, date(2026, 7, first.day + 1), day)

    await judged(assistant, replace(SUM, period=period, compare="previous"), portal)
