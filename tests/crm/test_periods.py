"""Periods in words and in parts are whole days of the portal's calendar, counted from its own present."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.filters import periods
from bitrix24_mcp.crm.filters.periods import Period, Span
from bitrix24_mcp.crm.portal_values import Condition

pytestmark = pytest.mark.anyio

Meaning = Callable[[Mapping[str, Any] | None], Awaitable[Sequence[Condition]]]
MeaningAt = Callable[[str, str, Any], Awaitable[Sequence[Condition]]]
WEDNESDAY = date(2026, 7, 15)


def within(first: str, last: str) -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1))


def bounds(field: str = "createdAt", **operators: str) -> tuple[Condition, ...]:
    return tuple(Condition(field, operator, value) for operator, value in operators.items())  # pyright: ignore[reportArgumentType] - the names are operators


NAMED = {
    ("today", "Today", "сегодня", "за сегодня", "СЕГОДНЯ"): ("2026-07-15", "2026-07-15"),
    ("yesterday", " yesterday ", "вчера", "за вчера"): ("2026-07-14", "2026-07-14"),
    ("tomorrow", "завтра", "на завтра"): ("2026-07-16", "2026-07-16"),
    ("this_week", "this week", "THIS_WEEK", "current week", "эта неделя", "на этой неделе", "эту неделю",
     "текущая неделя"): ("2026-07-13", "2026-07-19"),
    ("last_week", "last week", "прошлая неделя", "на прошлой неделе", "за прошлую неделю", "предыдущая неделя"):
        ("2026-07-06", "2026-07-12"),
    ("next_week", "next week", "следующая неделя", "на следующей неделе", "следующую неделю"):
        ("2026-07-20", "2026-07-26"),
    ("this_month", "in this month", "этот месяц", "в этом месяце", "текущий месяц", "за текущий месяц"):
        ("2026-07-01", "2026-07-31"),
    ("last_month", "last month", "previous month", "the last month", "прошлый месяц", "в прошлом месяце",
     "за прошлый месяц", "предыдущий месяц", "предыдущего месяца"): ("2026-06-01", "2026-06-30"),
    ("next_month", "следующий месяц", "в следующем месяце"): ("2026-08-01", "2026-08-31"),
    ("this_quarter", "этот квартал", "в этом квартале", "текущий квартал"): ("2026-07-01", "2026-09-30"),
    ("last_quarter", "прошлый квартал", "за прошлый квартал", "в прошлом квартале"): ("2026-04-01", "2026-06-30"),
    ("next_quarter", "следующий квартал"): ("2026-10-01", "2026-12-31"),
    ("this_year", "этот год", "в этом году", "текущий год", "за этот год"): ("2026-01-01", "2026-12-31"),
    ("last_year", "прошлый год", "в прошлом году", "предыдущий год"): ("2025-01-01", "2025-12-31"),
    ("next_year", "следующий год", "в следующем году"): ("2027-01-01", "2027-12-31"),
    ("2026", 2026, "in 2026", " 2026 "): ("2026-01-01", "2026-12-31"),
    ("2026-Q3", "2026-q3"): ("2026-07-01", "2026-09-30"),
    ("2026-07",): ("2026-07-01", "2026-07-31"),
    ("2028-02",): ("2028-02-01", "2028-02-29"),
    ("2026-W29", "2026-w29"): ("2026-07-13", "2026-07-19"),
    ("2020-W53",): ("2020-12-28", "2021-01-03"),
    ("2026-W53",): ("2026-12-28", "2027-01-03"),
    ("2026-W01",): ("2025-12-29", "2026-01-04"),
    ("2026-12-31",): ("2026-12-31", "2026-12-31"),
}  # fmt: skip
OFFSETS = {
    ("-30d", "-30D", "last_30_days", "last 30 days", "past 30 days", "последние 30 дней",
     "за последние 30 дней", "за прошлые 30 дней"): ("2026-06-15", "2026-07-15", "2026-06-15"),
    ("-1d", "last 1 day", "последний 1 день"): ("2026-07-14", "2026-07-15", "2026-07-14"),
    ("-2w", "last_2_weeks", "за последние 2 недели", "последних 2 недель"): ("2026-07-01", "2026-07-15", "2026-07-01"),
    ("-6m", "last 6 months", "последние 6 месяцев"): ("2026-01-15", "2026-07-15", "2026-01-15"),
    ("-2q",): ("2026-01-15", "2026-07-15", "2026-01-15"),
    ("-1y",): ("2025-07-15", "2026-07-15", "2025-07-15"),
    ("+2w", "next_2_weeks", "next 2 weeks", "следующие 2 недели", "ближайшие 2 недели"):
        ("2026-07-15", "2026-07-29", "2026-07-29"),
    ("+7d", "next 7 days", "в ближайшие 7 дней"): ("2026-07-15", "2026-07-22", "2026-07-22"),
    ("-0d", "+0d"): ("2026-07-15", "2026-07-15", "2026-07-15"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "period"), [(word, within(*days)) for words, days in NAMED.items() for word in words]
)
def test_a_period_is_read_in_english_and_russian(written: object, period: Period) -> None:
    assert periods.days(written, WEDNESDAY) == Span(period, period)


@pytest.mark.parametrize(
    ("written", "range_", "day"), [(word, days[:2], days[2]) for words, days in OFFSETS.items() for word in words]
)
def test_an_offset_reaches_from_that_day_to_today(written: str, range_: tuple[str, str], day: str) -> None:
    assert periods.days(written, WEDNESDAY) == Span(within(*range_), within(day, day))


@pytest.mark.parametrize(
    "written",
    ["", "soon", "30d", "-30", "-d", "-30x", "--30d", "-99999y", "+99999y", "+9999999d", "last", "last day", "this day",
     "last decade", "month", "неделя", "последняя неделя", "last 30", "last many days", "прошлый", "2026-13", "2026-00",
     "2026-Q5", "2026-Q0", "2026-W54", "2026-W00", "2025-W53", "2026-7", "0000", "9999", "20260701", 20260701, 5, True,
     None, 2026.0, ["today"], {"day": 1}, "01.07.2026", "today today", "2026-02-30"],
)  # fmt: skip
def test_what_is_no_period_is_none(written: object) -> None:
    assert periods.days(written, WEDNESDAY) is None


@pytest.mark.parametrize(
    ("today", "written", "period"),
    [
        ("2026-03-31", "-1m", within("2026-02-28", "2026-03-31")),
        ("2028-03-31", "-1m", within("2028-02-29", "2028-03-31")),
        ("2026-05-31", "-1q", within("2026-02-28", "2026-05-31")),
        ("2028-02-29", "-1y", within("2027-02-28", "2028-02-29")),
        ("2028-02-29", "+4y", within("2028-02-29", "2032-02-29")),
        ("2026-01-31", "+1m", within("2026-01-31", "2026-02-28")),
        ("2026-12-31", "next_month", within("2027-01-01", "2027-01-31")),
        ("2026-12-31", "next_quarter", within("2027-01-01", "2027-03-31")),
        ("2026-01-01", "yesterday", within("2025-12-31", "2025-12-31")),
        ("2026-01-01", "last_week", within("2025-12-22", "2025-12-28")),
        ("2026-01-01", "this_week", within("2025-12-29", "2026-01-04")),
        ("2026-01-01", "last_month", within("2025-12-01", "2025-12-31")),
        ("2026-01-01", "last_quarter", within("2025-10-01", "2025-12-31")),
        ("2026-03-31", "last_month", within("2026-02-01", "2026-02-28")),
        ("2028-03-30", "last_month", within("2028-02-01", "2028-02-29")),
        ("2026-07-12", "this_week", within("2026-07-06", "2026-07-12")),
        ("2026-07-13", "this_week", within("2026-07-13", "2026-07-19")),
        ("2021-01-03", "this_week", within("2020-12-28", "2021-01-03")),
    ],
)
def test_months_weeks_and_years_end_where_the_calendar_ends_them(today: str, written: str, period: Period) -> None:
    span = periods.days(written, date.fromisoformat(today))

    assert span is not None
    assert span.within == period


@given(today=st.dates(date(1900, 1, 1), date(2199, 12, 31)), unit=st.sampled_from(["week", "month", "quarter", "year"]))
def test_last_this_and_next_follow_each_other_without_a_gap(today: date, unit: str) -> None:
    spans = [periods.days(f"{way}_{unit}", today) for way in ("last", "this", "next")]

    last, this, following = [span.within for span in spans if span]
    assert (last.end, this.end) == (this.first, following.first)
    assert this.first <= today <= this.last


@pytest.mark.parametrize(
    ("written", "depends"),
    [(word, True) for words in OFFSETS for word in words]
    + [("today", True), ("прошлый месяц", True), ("-24h", True), ("last 24 hours", True)]
    + [("2026-07", False), (2026, False), ("2026-07-01", False), ("soon", False), (None, False), ("-30x", False)],
)
def test_only_what_counts_from_the_present_is_relative(written: object, depends: bool) -> None:  # noqa: FBT001 - a row
    assert periods.relative(written) is depends


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("last_month", bounds(gte="2026-06-01T00:00:00+02:00", lt="2026-07-01T00:00:00+02:00")),
        ({"$gte": "last_month"}, bounds(gte="2026-06-01T00:00:00+02:00")),
        ({"$gt": "last_month"}, bounds(gte="2026-07-01T00:00:00+02:00")),
        ({"$lt": "last_month"}, bounds(lt="2026-06-01T00:00:00+02:00")),
        ({"$lte": "last_month"}, bounds(lt="2026-07-01T00:00:00+02:00")),
        ("-30d", bounds(gte="2026-06-15T00:00:00+02:00", lt="2026-07-16T00:00:00+02:00")),
        ("+2w", bounds(gte="2026-07-15T00:00:00+02:00", lt="2026-07-30T00:00:00+02:00")),
        ({"$gte": "-30d"}, bounds(gte="2026-06-15T00:00:00+02:00")),
        ({"$gt": "-30d"}, bounds(gte="2026-06-16T00:00:00+02:00")),
        ({"$lt": "-30d"}, bounds(lt="2026-06-15T00:00:00+02:00")),
        ({"$lte": "-30d"}, bounds(lt="2026-06-16T00:00:00+02:00")),
        ({"$between": ["-30d", "today"]}, bounds(gte="2026-06-15T00:00:00+02:00", lt="2026-07-16T00:00:00+02:00")),
        ({"$between": [2025, "last_week"]}, bounds(gte="2025-01-01T00:00:00+01:00", lt="2026-07-13T00:00:00+02:00")),
        ("-24h", bounds(gte="2026-07-14T12:30:00+02:00", lte="2026-07-15T12:30:00+02:00")),
        ("последние 24 часа", bounds(gte="2026-07-14T12:30:00+02:00", lte="2026-07-15T12:30:00+02:00")),
        ("+3h", bounds(gte="2026-07-15T12:30:00+02:00", lte="2026-07-15T15:30:00+02:00")),
        ({"$gt": "-24h"}, bounds(gt="2026-07-14T12:30:00+02:00")),
        ({"$lte": "-0h"}, bounds(lte="2026-07-15T12:30:00+02:00")),
    ],
    ids=str,
)
async def test_a_period_on_moments_is_half_open_in_the_portals_zone(
    written: Any, meant: tuple[Condition, ...], meaning: Meaning
) -> None:
    assert await meaning({"createdAt": written}) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("today", bounds("closedAt", eq="2026-07-15")),
        ({"$ne": "today"}, bounds("closedAt", ne="2026-07-15")),
        ("last_month", bounds("closedAt", gte="2026-06-01", lte="2026-06-30")),
        ({"$gte": "last_month"}, bounds("closedAt", gte="2026-06-01")),
        ({"$gt": "last_month"}, bounds("closedAt", gt="2026-06-30")),
        ({"$lt": "last_month"}, bounds("closedAt", lt="2026-06-01")),
        ({"$lte": "last_month"}, bounds("closedAt", lte="2026-06-30")),
        ("-30d", bounds("closedAt", gte="2026-06-15", lte="2026-07-15")),
        ({"$gt": "-30d"}, bounds("closedAt", gt="2026-06-15")),
        ({"$between": ["-30d", "today"]}, bounds("closedAt", gte="2026-06-15", lte="2026-07-15")),
        (2026, bounds("closedAt", gte="2026-01-01", lte="2026-12-31")),
        (["yesterday", "2026-07-15", "today"], (Condition("closedAt", "in", ("2026-07-14", "2026-07-15")),)),
        ({"$nin": ["вчера"]}, (Condition("closedAt", "nin", ("2026-07-14",)),)),
    ],
    ids=str,
)
async def test_a_period_on_days_holds_its_first_and_last_day(
    written: Any, meant: tuple[Condition, ...], meaning: Meaning
) -> None:
    assert await meaning({"closedAt": written}) == meant


@pytest.mark.parametrize(
    "raw",
    [
        *({"createdAt": written} for written in ({"$ne": "last_month"}, {"$ne": "-24h"}, ["today"], {"$in": "2026"})),
        *({"closedAt": written} for written in ({"$ne": "last_month"}, ["today", "last_week"], {"$nin": ["-30d"]})),
    ],
    ids=str,
)
async def test_a_period_that_is_no_single_range_is_refused(raw: dict[str, Any], meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments, match=r"holds (moments|days)") as refused:
        await meaning(raw)

    assert refused.value.code == "UNSUPPORTED_FILTER"


async def test_hours_mean_nothing_to_a_field_of_days(meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning({"closedAt": {"$gte": "-24h"}})

    assert (refused.value.message, refused.value.code) == ("closedAt holds days without a time.", "INVALID_VALUE")


async def test_what_is_no_date_is_answered_with_the_forms_that_are(meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning({"createdAt": "last decade"})

    assert str(refused.value) == (
        "“last decade” is not a date. Write an ISO date such as 2026-07-01, a moment such as "
        "2026-07-01T09:30:00+03:00, or a period such as today, last_month, -30d, 2026-Q3 or 2026-07. [INVALID_VALUE]"
    )


BERLIN, SAO_PAULO, BEIRUT = "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut"


@pytest.mark.parametrize(
    ("moment", "zone", "written", "start", "end", "hours"),
    [
        ("2026-03-29T12:00", BERLIN, "today", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23),
        ("2026-10-25T12:00", BERLIN, "today", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25),
        ("2026-03-29T00:30", BERLIN, "this_month", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00", 743),
        ("2026-10-25T22:30", BERLIN, "yesterday", "2026-10-24T00:00:00+02:00", "2026-10-25T00:00:00+02:00", 24),
        ("2026-10-25T23:30", BERLIN, "yesterday", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25),
        ("2026-10-26T12:00", BERLIN, "-1d", "2026-10-25T00:00:00+02:00", "2026-10-27T00:00:00+01:00", 49),
        ("2018-11-04T12:00", SAO_PAULO, "today", "2018-11-04T00:00:00-03:00", "2018-11-05T00:00:00-02:00", 23),
        ("2018-11-04T12:00", SAO_PAULO, "yesterday", "2018-11-03T00:00:00-03:00", "2018-11-04T00:00:00-03:00", 24),
        ("2018-02-17T12:00", SAO_PAULO, "today", "2018-02-17T00:00:00-02:00", "2018-02-18T00:00:00-03:00", 25),
        ("2025-03-30T12:00", BEIRUT, "today", "2025-03-30T00:00:00+02:00", "2025-03-31T00:00:00+03:00", 23),
        ("2026-07-14T21:00", "Europe/Moscow", "today", "2026-07-15T00:00:00+03:00", "2026-07-16T00:00:00+03:00", 24),
        ("2026-07-14T20:59", "Europe/Moscow", "today", "2026-07-14T00:00:00+03:00", "2026-07-15T00:00:00+03:00", 24),
        ("2025-12-31T21:00", "Europe/Moscow", "this_year", "2026-01-01T00:00:00+03:00", "2027-01-01T00:00:00+03:00",
         8760),
    ],
)  # fmt: skip
async def test_a_day_reaches_from_midnight_to_midnight_whatever_the_clocks_do(
    moment: str, zone: str, written: str, start: str, end: str, hours: int, meaning_at: MeaningAt
) -> None:
    assert await meaning_at(moment, zone, {"createdAt": written}) == bounds(gte=start, lt=end)
    assert datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(hours=hours)


@pytest.mark.parametrize(("zone", "day"), [(SAO_PAULO, "2018-11-04"), (BEIRUT, "2025-03-30")])
async def test_where_midnight_does_not_exist_the_day_starts_with_its_first_moment(
    zone: str, day: str, meaning_at: MeaningAt
) -> None:
    (start, _) = await meaning_at("2026-07-15T12:00", zone, {"createdAt": day})
    moment = datetime.fromisoformat(str(start.value)).astimezone(UTC)
    local = [(moment - timedelta(seconds=before)).astimezone(ZoneInfo(zone)) for before in (0, 1)]

    assert [each.isoformat()[:16] for each in local] == [
        f"{day}T01:00",
        f"{date.fromisoformat(day) - timedelta(days=1)}T23:59",
    ]


@pytest.mark.parametrize(
    ("moment", "bounds_"),
    [
        ("2026-10-25T01:10", ("2026-10-25T02:10:00+02:00", "2026-10-25T02:10:00+01:00")),
        ("2026-03-29T01:10", ("2026-03-29T01:10:00+01:00", "2026-03-29T03:10:00+02:00")),
    ],
    ids=["clocks go back", "clocks go forward"],
)
async def test_an_hour_is_an_hour_also_while_clocks_change(
    moment: str, bounds_: tuple[str, str], meaning_at: MeaningAt
) -> None:
    first, last = bounds_

    assert await meaning_at(moment, BERLIN, {"createdAt": "-1h"}) == bounds(gte=first, lte=last)
