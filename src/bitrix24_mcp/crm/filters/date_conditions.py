"""Conditions on dates: what a day, a moment or a period means beside a field of moments, and beside one of days."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from bitrix24_mcp.crm import cursors, dates
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters import periods
from bitrix24_mcp.crm.filters.periods import Span
from bitrix24_mcp.crm.filters.syntax import Term, parse_filter
from bitrix24_mcp.crm.filters.values import empty
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition, Operator


async def counted_from(
    raw: Mapping[str, Any] | None, fields: Fields, cursor: str, metadata: Metadata
) -> datetime | None:
    """The moment that the relative dates of a question count from, on every page that of its first one.

    None when the filter has no relative dates.
    """
    terms = [Term(fields.resolve(term.name), term.operator, term.value) for term in parse_filter(raw)]
    return (cursors.as_of(cursor) or await metadata.now()) if _relative(terms, fields) else None


async def present(terms: Sequence[Term], fields: Fields, metadata: Metadata, now: datetime | None) -> datetime:
    """The present in the portal's zone, `now` if given; any moment there when no date counts from it."""
    if _relative(terms, fields):
        return (now or await metadata.now()).astimezone(await metadata.zone())
    zone = await metadata.zone() if any(fields.kind(term.name) == "datetime" for term in terms) else UTC
    return datetime.fromtimestamp(0, zone)


def _relative(terms: Sequence[Term], fields: Fields) -> bool:
    dated = (term for term in terms if fields.kind(term.name) in {"date", "datetime"})
    return any(periods.relative(value) for term in dated for value in term.values)


def moments(name: str, operator: Operator, written: Any, now: datetime) -> list[Condition]:
    """The conditions for a field that holds moments; `now` is the portal's present in its own zone.

    Equal to a period is within it, later than it is from its end on, up to it is before its end.
    """
    _check_given(name, written)
    zone = now.tzinfo or UTC
    try:
        if (away := periods.hours(written)) is not None:
            return _hours(name, operator, now, away)
        if span := periods.days(written, now.date()):
            return _midnights(name, operator, span, zone)
        if isinstance(written, str) and (moment := dates.parse_moment(written, zone)):
            return [Condition(name, operator, _bound(moment, operator))]
    except OverflowError:
        pass
    raise dates.invalid_date(written)


def days(name: str, operator: Operator, written: Any, now: datetime) -> list[Condition]:
    """The conditions for a field that holds days without a time; `now` as above."""
    span = _days(name, written, now)
    match operator:
        case "gte" | "lt":
            return [Condition(name, operator, span.beside.first.isoformat())]
        case "gt" | "lte":
            return [Condition(name, operator, span.beside.last.isoformat())]
        case "eq" if span.within.first != span.within.last:
            first, last = span.within.first.isoformat(), span.within.last.isoformat()
            return [Condition(name, "gte", first), Condition(name, "lte", last)]
        case _:
            return [Condition(name, operator, _single(name, span))]


def any_of(name: str, operator: Operator, written: Sequence[Any], now: datetime) -> list[Condition]:
    """The condition for a field of days that is, or is not, one of several days."""
    chosen = dict.fromkeys(_single(name, _days(name, each, now)) for each in written)
    return [Condition(name, operator, tuple(chosen))]


def _days(name: str, written: Any, now: datetime) -> Span:
    _check_given(name, written)
    if span := periods.days(written, now.date()):
        return span
    if periods.hours(written) is not None or (isinstance(written, str) and dates.parse_moment(written, UTC)):
        raise InvalidArguments(
            f"{name} holds days without a time.",
            advice="Write the day alone, such as 2026-07-01 or yesterday.",
            code="INVALID_VALUE",
        )
    raise dates.invalid_date(written)


def _single(name: str, span: Span) -> str:
    if span.within.first == span.within.last:
        return span.within.first.isoformat()
    raise _no_range(f"{name} holds days; the portal has no filter for “not in that period” or for several periods.")


def _hours(name: str, operator: Operator, now: datetime, away: timedelta) -> list[Condition]:
    there = (now.astimezone(UTC) + away).astimezone(now.tzinfo)
    match operator:
        case "gt" | "gte" | "lt" | "lte":
            return [Condition(name, operator, dates.written(there))]
        case "eq":
            first, last = (there, now) if away <= timedelta(0) else (now, there)
            return [Condition(name, "gte", dates.written(first)), Condition(name, "lte", dates.written(last))]
        case _:
            raise _no_moments(name)


def _midnights(name: str, operator: Operator, span: Span, zone: tzinfo) -> list[Condition]:
    match operator:
        case "gte" | "lt":
            return [Condition(name, operator, dates.start_of(span.beside.first, zone))]
        case "gt":
            return [Condition(name, "gte", dates.start_of(span.beside.end, zone))]
        case "lte":
            return [Condition(name, "lt", dates.start_of(span.beside.end, zone))]
        case "eq":
            first, end = dates.start_of(span.within.first, zone), dates.start_of(span.within.end, zone)
            return [Condition(name, "gte", first), Condition(name, "lt", end)]
        case _:
            raise _no_moments(name)


def _bound(moment: datetime, operator: Operator) -> str:
    """The moment as a bound. Records keep whole seconds, so a fraction moves the bound to the second it lies beside."""
    if operator in {"lt", "gte"} and moment.microsecond:
        moment += timedelta(seconds=1)
    spec = "milliseconds" if operator in {"eq", "ne"} and moment.microsecond else "seconds"
    return dates.written(moment, spec)


def _check_given(name: str, written: Any) -> None:
    if written is None or written == "":
        raise empty(name)


def _no_moments(name: str) -> InvalidArguments:
    return _no_range(f"{name} holds moments; the portal has no filter for “not that day” or for several days at once.")


def _no_range(message: str) -> InvalidArguments:
    return InvalidArguments(
        message, advice="Ask for a range with $gte and $lt, or once for each day.", code="UNSUPPORTED_FILTER"
    )
