"""The portal's clock and its three ways to write a moment."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

# Europe/Moscow has had no daylight saving since 2014, so a fixed offset serves where no zone database is installed.
PORTAL_ZONE = timezone(timedelta(hours=3))
NOW = datetime(2026, 7, 15, 12, 0, 0, tzinfo=PORTAL_ZONE)
HTTP_DATE = "Wed, 15 Jul 2026 09:00:00 GMT"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def stored(moment: datetime) -> str:
    """The text kept in the database: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_utc(text: str) -> str:
    """The stored text as deals send it."""
    return text[:-1] + ".000Z"


def in_portal_zone(text: str) -> str:
    """The stored text as smart-process items send it."""
    return datetime.fromisoformat(text).astimezone(PORTAL_ZONE).isoformat()


def parse_moment(text: str) -> datetime:
    """A moment from a request; without an offset it is portal time, a bare date is midnight there (docs/filtering)."""
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=PORTAL_ZONE)


def parse_date(text: str) -> date:
    """A calendar day; of a moment, the day it falls on in the portal."""
    if _DATE.fullmatch(text.strip()):
        return date.fromisoformat(text.strip())
    return parse_moment(text).astimezone(PORTAL_ZONE).date()
