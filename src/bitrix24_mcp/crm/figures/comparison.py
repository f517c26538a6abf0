"""The period to compare with: the one before, or the same a year earlier."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.portal_values import Condition

Compare = Literal["previous", "year_ago"]
_LOWER = frozenset({"gt", "gte", "eq"})
_UPPER = frozenset({"lt", "lte", "eq"})
"""Operators that bound a date; one day alone is a period too."""


@dataclass(frozen=True, slots=True)
class Period:
    """A filter's period of one date field: from `start` to before `end`, both midnights of the portal's zone."""

    field: str
    start: date
    end: date


def period_of(conditions: Sequence[Condition], fields: Fields, zone: tzinfo) -> Period:
    """The period that a filter asks for.

    Raises InvalidArguments unless exactly one date field is bounded on both sides, by whole days.
    """
    held = {(each.field, each.operator): each.value for each in conditions}
    lower, upper = ({name for name, operator in held if operator in bounds} for bounds in (_LOWER, _UPPER))
    dated = sorted(name for name in lower & upper if fields.kind(name) in {"date", "datetime"})
    if len(dated) != 1:
        raise InvalidArguments(
            f"{quoted(dated)} both have a period." if dated else "There is no period to compare with another.",
            advice='Give one date field a period in filter, such as {"createdAt": "last_month"}.',
            code="INVALID_COMPARISON",
        )
    name = dated[0]
    if day := _day(held.get((name, "eq")), zone):
        return Period(name, day, day + timedelta(days=1))
    start = _day(held.get((name, "gte")), zone) or _following(_day(held.get((name, "gt")), zone))
    end = _day(held.get((name, "lt")), zone) or _following(_day(held.get((name, "lte")), zone))
    if start is None or end is None or start >= end:
        raise InvalidArguments(
            f"The period of {name} does not begin and end with a day.",
            advice='Use whole days, such as {"createdAt": {"$between": ["2026-04-01", "2026-06-30"]}}.',
            code="INVALID_COMPARISON",
        )
    return Period(name, start, end)


def earlier(period: Period, compare: Compare) -> Period:
    """The period before: as many calendar months if it is made of whole months, else as many days. Or a year back."""
    try:
        if compare == "year_ago":
            last = period.end if period.end.day == 1 else period.end - timedelta(days=1)
            end = _months_back(last, 12) + (period.end - last)
            return Period(period.field, _months_back(period.start, 12), end)
        if period.start.day == period.end.day == 1:
            months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
            return Period(period.field, _months_back(period.start, months), period.start)
        return Period(period.field, period.start - (period.end - period.start), period.start)
    except (ValueError, OverflowError):
        raise InvalidArguments(
            "There is no period before that one.", advice="Ask for a later period.", code="INVALID_COMPARISON"
        ) from None


def in_period(conditions: Sequence[Condition], period: Period, fields: Fields, zone: tzinfo) -> tuple[Condition, ...]:
    """The same conditions with another period."""
    others = [each for each in conditions if each.field != period.field or each.operator not in _LOWER | _UPPER]
    if fields.kind(period.field) == "date":
        lower, upper = period.start.isoformat(), period.end.isoformat()
    else:
        lower, upper = dates.start_of(period.start, zone), dates.start_of(period.end, zone)
    return (*others, Condition(period.field, "gte", lower), Condition(period.field, "lt", upper))


def _day(bound: object, zone: tzinfo) -> date | None:
    """The day that a bound begins; None for one that is no midnight."""
    if not isinstance(bound, str):
        return None
    if day := dates.parse_day(bound):
        return day
    moment = dates.parse_moment(bound, zone)
    if moment is None:
        return None
    day = moment.astimezone(zone).date()
    return day if moment == datetime.fromisoformat(dates.start_of(day, zone)) else None


def _following(day: date | None) -> date | None:
    return None if day is None else day + timedelta(days=1)


def _months_back(day: date, count: int) -> date:
    """The same day so many months earlier; the last of the month where it has no such day."""
    month = day.year * 12 + day.month - 1 - count
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))
