"""Dates as the portal means them: days and moments in its own time zone, sent with an explicit offset."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bitrix24_mcp.crm.errors import InvalidArguments

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_day(text: str) -> date | None:
    """The day of a bare ISO date such as `2026-07-01`; None when the text is something else."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_moment(text: str, zone: tzinfo) -> datetime | None:
    """The moment of an ISO date-time; without an offset it is portal time. None when the text is something else."""
    if "T" not in text and " " not in text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def start_of(day: date, zone: tzinfo) -> str:
    """Midnight at the start of a day in the zone, with its offset: `2026-07-01T00:00:00+03:00`.

    Where clocks go forward at midnight, the offset before it makes that the moment at which the day starts.
    """
    try:
        return written(datetime.combine(day, time.min, tzinfo=zone))
    except OverflowError:
        raise invalid_date(day.isoformat()) from None


def written(moment: datetime, timespec: str = "seconds") -> str:
    """The moment in ISO form; before time zones there were offsets with seconds, which no portal reads, so in UTC."""
    offset = moment.utcoffset() or timedelta()
    return (moment.astimezone(UTC) if offset.seconds % 60 else moment).isoformat(timespec=timespec)


def shown(value: str, zone: tzinfo) -> str:
    """A stored moment in the zone, to the second; a text that is no moment comes back unchanged."""
    moment = parse_moment(value, zone)
    if moment is None:
        return value
    try:
        return written(moment.astimezone(zone))
    except OverflowError:
        return value


def invalid_date(text: object) -> InvalidArguments:
    """The error for a value that is no date."""
    return InvalidArguments(
        f"“{str(text)[:40]}” is not a date.",
        advice="Write an ISO date such as 2026-07-01, a moment such as 2026-07-01T09:30:00+03:00, or a period such as "
        "today, last_month, -30d, 2026-Q3 or 2026-07.",
        code="INVALID_VALUE",
    )
