"""Dates in words and in parts, in English and Russian: today, last month, -30d, 2026-Q3, прошлая неделя.

They mean whole days of the calendar, whatever the length of a day; weeks start on Monday.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from bitrix24_mcp.crm.dates import parse_day
from bitrix24_mcp.crm.fields import fold

Unit = Literal["d", "w", "m", "q", "y"]

_DAYS = {"yesterday": -1, "вчера": -1, "today": 0, "сегодня": 0, "tomorrow": 1, "завтра": 1}
_UNITS: Mapping[str, Unit] = {
    **dict.fromkeys(("d", "day", "days", "день", "дня", "дней"), "d"),
    **dict.fromkeys(("w", "week", "weeks", "неделя", "неделю", "недели", "неделе", "недель"), "w"),
    **dict.fromkeys(("m", "month", "months", "месяц", "месяца", "месяце", "месяцев"), "m"),
    **dict.fromkeys(("q", "quarter", "quarters", "квартал", "квартала", "квартале", "кварталов"), "q"),
    **dict.fromkeys(("y", "year", "years", "год", "года", "году", "лет"), "y"),
}
_HOURS = frozenset({"h", "hour", "hours", "час", "часа", "часов"})
_THIS = r"this|current|эт(?:а|у|ой|от|ом|ого)|текущ\w{2,3}"
_LAST = r"last|previous|прошл\w{2,3}|предыдущ\w{2,3}"
_NEXT = r"next|следующ\w{2,3}"

_SMALL_WORDS = re.compile(r"^(?:in|the|в|во|на|за) ")
_SPACES = re.compile(r"[\s_]+")
_CALENDAR = re.compile(rf"(?:({_LAST})|(?:{_THIS})|({_NEXT})) (\w+)")
_COUNTED = re.compile(rf"(?:({_LAST}|past|последн\w{{2,3}})|(?:{_NEXT}|ближайш\w{{2,3}})) (\d{{1,5}}) (\w+)")
_OFFSET = re.compile(r"([+-])(\d{1,5}) ?([a-z])")
_PART = re.compile(r"(\d{4})(?:-(?:q([1-4])|(\d\d)|w(\d\d)))?")


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days: the first one, and the day after the last one."""

    first: date
    end: date

    @property
    def last(self) -> date:
        """The last day."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """What a written date means: the days `within` it, and those `beside` which others are earlier or later.

    The two differ for an offset: -30d is everything since that day, today included, and before -30d is before that day.
    """

    within: Period
    beside: Period


def days(written: object, today: date) -> Span | None:
    """The days that a text or a year means on this day; None when it is something else, or beyond the calendar."""
    text = _words(written)
    try:
        day = parse_day(text)
        period = (_calendar(day, "d") if day else None) or _part(text) or _around(text, today)
        return Span(period, period) if period else _from(text, today)
    except (ValueError, OverflowError):
        return None


def hours(written: object) -> timedelta | None:
    """The distance from now that a number of hours means, such as -24h; None when the text is something else."""
    counted = _counted(_words(written))
    return timedelta(hours=counted[0]) if counted and counted[1] in _HOURS else None


def relative(written: object) -> bool:
    """Whether the meaning depends on when it is asked."""
    text, some_day = _words(written), date(2000, 1, 1)
    return bool(_around(text, some_day) or _counted(text))


def _words(written: object) -> str:
    """The text as it is compared, without what stands before it in a sentence; empty for what is neither."""
    if not isinstance(written, str | int) or isinstance(written, bool):
        return ""
    return _SMALL_WORDS.sub("", _SPACES.sub(" ", fold(str(written))))


def _part(text: str) -> Period | None:
    """A year, or a quarter, month or ISO week of it."""
    found = _PART.fullmatch(text)
    if not found:
        return None
    year, (quarter, month, week) = int(found[1]), found.groups()[1:]
    if week:
        return _calendar(date.fromisocalendar(year, int(week), 1), "w")
    if quarter:
        return _calendar(date(year, int(quarter) * 3, 1), "q")
    return _calendar(date(year, int(month or 1), 1), "m" if month else "y")


def _around(text: str, today: date) -> Period | None:
    """A day, week, month, quarter or year named from today."""
    if text in _DAYS:
        return _calendar(_shift(today, _DAYS[text], "d"), "d")
    found = _CALENDAR.fullmatch(text)
    unit = _UNITS.get(found[3]) if found else None
    if not found or unit is None or unit == "d":
        return None
    way = -1 if found[1] else 1 if found[2] else 0
    return _calendar(_shift(_start(today, unit), way, unit), unit)


def _from(text: str, today: date) -> Span | None:
    """What lies between today and a day so far away, both included."""
    counted = _counted(text)
    unit = _UNITS.get(counted[1]) if counted else None
    if not counted or not unit:
        return None
    day = _shift(today, counted[0], unit)
    first, last = sorted((day, today))
    return Span(Period(first, _shift(last, 1, "d")), _calendar(day, "d"))


def _counted(text: str) -> tuple[int, str] | None:
    """How many of which unit: `-30d` and `last 30 days` are the same."""
    if found := _OFFSET.fullmatch(text):
        back, count, unit = found[1] == "-", int(found[2]), found[3]
    elif found := _COUNTED.fullmatch(text):
        back, count, unit = bool(found[1]), int(found[2]), found[3]
    else:
        return None
    known = unit in _UNITS or unit in _HOURS
    return (-count if back else count, unit) if known else None


def _calendar(day: date, unit: Unit) -> Period:
    first = _start(day, unit)
    return Period(first, _shift(first, 1, unit))


def _start(day: date, unit: Unit) -> date:
    match unit:
        case "d":
            return day
        case "w":
            return day - timedelta(days=day.weekday())
        case "m":
            return day.replace(day=1)
        case "q":
            return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        case "y":
            return date(day.year, 1, 1)


def _shift(day: date, count: int, unit: Unit) -> date:
    """The day so many units on; the 31st becomes the last day of a shorter month."""
    match unit:
        case "d":
            return day + timedelta(days=count)
        case "w":
            return day + timedelta(weeks=count)
        case "m":
            return _months_on(day, count)
        case "q":
            return _months_on(day, 3 * count)
        case "y":
            return _months_on(day, 12 * count)


def _months_on(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
