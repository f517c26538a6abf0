"""Relative dates against a calendar that is counted out day by day, and against the records of those days."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistants import Sql, assistant_for
from bitrix24_mcp.crm.filters import periods
from bitrix24_mcp.demo import DemoPortal

pytestmark = pytest.mark.anyio

NUMBERED: dict[str, Callable[[date], int]] = {
    "day": lambda day: day.toordinal(),
    "week": lambda day: (day.toordinal() - 1) // 7,
    "month": lambda day: day.year * 12 + day.month,
    "quarter": lambda day: day.year * 4 + (day.month - 1) // 3,
    "year": lambda day: day.year,
}
"""The number of the week, month… that a day lies in; the first day of the calendar was a Monday."""
WORDS = {"last": -1, "previous": -1, "this": 0, "current": 0, "next": 1}
RUSSIAN = {
    "прошлая неделя": ("week", -1), "на этой неделе": ("week", 0), "следующая неделя": ("week", 1),
    "прошлый месяц": ("month", -1), "в текущем месяце": ("month", 0), "следующего месяца": ("month", 1),
    "за прошлый квартал": ("quarter", -1), "этот квартал": ("quarter", 0), "в прошлом году": ("year", -1),
    "вчера": ("day", -1), "Сегодня": ("day", 0), "завтра": ("day", 1),
}  # fmt: skip
SPELT = {
    **{f"{word}_{unit}": (unit, way) for word, way in WORDS.items() for unit in NUMBERED if unit != "day"},
    **{f"the {word} {unit}": (unit, way) for word, way in WORDS.items() for unit in NUMBERED if unit != "day"},
    **RUSSIAN,
    "yesterday": ("day", -1),
    "today": ("day", 0),
    "tomorrow": ("day", 1),
}
DAYS = st.dates(date(1905, 1, 1), date(2190, 12, 31))


def counted_out(today: date, unit: str, way: int) -> list[date]:
    """Every day of the period, found by looking at each day around."""
    number = NUMBERED[unit]
    near = (today + timedelta(days=away) for away in range(-735, 736))
    return [day for day in near if number(day) == number(today) + way]


@given(DAYS, st.sampled_from(sorted(SPELT)))
@example(date(2024, 2, 29), "last_year")
@example(date(2027, 1, 1), "this_week")
@example(date(2026, 12, 31), "next_quarter")
def test_a_period_in_words_holds_the_days_that_the_calendar_has(today: date, written: str) -> None:
    span = periods.days(written, today)

    assert span
    period = span.within
    held = [period.first + timedelta(days=each) for each in range((period.end - period.first).days)]
    assert held == counted_out(today, *SPELT[written])
    assert span.beside == period


@given(DAYS, st.integers(1, 900), st.sampled_from(["d", "w"]), st.sampled_from([-1, 1]))
def test_days_and_weeks_back_and_on_are_counted_from_today(today: date, count: int, unit: str, way: int) -> None:
    span = periods.days(f"{'-' if way < 0 else '+'}{count}{unit}", today)
    there = today + way * timedelta(days=count * (7 if unit == "w" else 1))

    assert span
    assert (span.within.first, span.within.last) == (min(there, today), max(there, today))
    assert (span.beside.first, span.beside.last) == (there, there)


@given(DAYS, st.integers(1, 60), st.sampled_from(["m", "q", "y"]))
def test_months_back_end_on_the_same_day_or_on_the_last_that_the_month_has(today: date, count: int, unit: str) -> None:
    months = count * {"m": 1, "q": 3, "y": 12}[unit]
    span = periods.days(f"-{count}{unit}", today)

    assert span
    first = span.within.first
    assert NUMBERED["month"](first) == NUMBERED["month"](today) - months
    assert first.day == today.day or (first.day < today.day and (first + timedelta(days=1)).day == 1)
    assert span.within.last == today


@given(st.dates(date(1900, 1, 4), date(2300, 12, 25)))
def test_a_day_lies_in_the_parts_of_the_calendar_that_name_it(day: date) -> None:
    year, week, _ = day.isocalendar()
    for written, unit in {
        f"{day.year}": "year",
        f"{day:%Y-%m}": "month",
        f"{day.year}-Q{(day.month - 1) // 3 + 1}": "quarter",
        f"{year}-W{week:02}": "week",
        day.isoformat(): "day",
    }.items():
        span = periods.days(written, date(2026, 7, 15))
        assert span
        inside = (span.within.first, span.within.last)
        assert [NUMBERED[unit](each) for each in inside] == [NUMBERED[unit](day)] * 2
        beyond = (span.within.first - timedelta(days=1), span.within.end)
        assert all(NUMBERED[unit](each) != NUMBERED[unit](day) for each in beyond)


ZONES = [
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"
]  # fmt: skip
NOW = datetime(2026, 7, 15, 9, tzinfo=UTC)
"""The demo portal's present."""


@pytest.mark.parametrize("zone", ZONES)
async def test_a_period_finds_the_records_of_its_days_in_every_zone(zone: str, portal: DemoPortal, sql: Sql) -> None:
    here = ZoneInfo(zone)
    today = NOW.astimezone(here).date()

    def midnight(day: date) -> str:
        return datetime.combine(day, time.min, here).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async with assistant_for(portal.url, BITRIX24_MCP_TIME_ZONE=zone) as assistant:
        for written in ("yesterday", "last_week", "this_month", "last_quarter", "last_year", "this_year"):
            days = counted_out(today, *SPELT[written])
            first, end = midnight(days[0]), midnight(days[-1] + timedelta(days=1))
            within = sql("select count(*) from deals where createdAt >= ? and createdAt < ?", first, end)
            before = sql("select count(*) from deals where createdAt < ?", first)
            after = sql("select count(*) from deals where createdAt >= ?", end)
            asked = (written, {"$lt": written}, {"$gt": written})
            found = [await assistant.ask("aggregate", entity="deals", filter={"createdAt": each}) for each in asked]
            assert [answer["total"] for answer in found] == [within[0][0], before[0][0], after[0][0]], written
