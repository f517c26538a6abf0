"""Calendar events: of one owner within some days, all at once, or one by its id (calendar.event.get)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import whole
from bitrix24_mcp.demo.schemas.work import CALENDAR_EVENTS

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json

_ZONE = "Europe/Moscow"
_SITE_FORMAT = "%d.%m.%Y %H:%M:%S"
_MONTH = timedelta(days=30)


def _events(call: Call) -> Result:
    """Events that touch the days from `from` to `to`, both included; a month back and three ahead without them."""
    for name in ("type", "ownerId"):
        if name not in call.params:
            raise RestError("", f'The required parameter "{name}" for the method "calendar.event.get" is not set')
    first = _day(call.params.get("from"), times.NOW.date() - _MONTH)
    last = _day(call.params.get("to"), times.NOW.date() + 3 * _MONTH)
    found = equals("type", str(call.params["type"])) & equals("ownerId", whole(call.params["ownerId"]))
    found &= Where((f"{quote('to')} >= ?",), (_midnight(first),))
    found &= Where((f"{quote('from')} < ?",), (_midnight(last + timedelta(days=1)),))
    rows = call.portal.database.rows("calendar_events", tuple(CALENDAR_EVENTS.by_name), found, Slice(quote("from")))
    return Result([_event(row) for row in rows])


def _event_by_id(call: Call) -> Result:
    """One event, or null where there is none (calendar.event.getbyid)."""
    row = call.portal.database.one(CALENDAR_EVENTS, whole(call.params.get("id")))
    return Result(_event(row) if row is not None else None)


def _day(raw: object, otherwise: date) -> date:
    if raw in (None, ""):
        return otherwise
    try:
        return times.parse_date(str(raw))
    except ValueError:
        return otherwise


def _midnight(day: date) -> str:
    return times.stored(datetime.combine(day, time(), times.PORTAL_ZONE))


def _event(row: Row) -> Json:
    """An event with its times as the site shows them, and as seconds of UTC."""
    begin, end = datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["to"])
    made = datetime.fromisoformat(row["dateCreate"])
    return {
        "ID": str(row["id"]),
        "PARENT_ID": str(row["id"]),
        "DELETED": "N",
        "CAL_TYPE": row["type"],
        "OWNER_ID": str(row["ownerId"]),
        "NAME": row["name"],
        "DATE_FROM": _shown(begin),
        "DATE_TO": _shown(end),
        "TZ_FROM": _ZONE,
        "TZ_TO": _ZONE,
        "TZ_OFFSET_FROM": "10800",
        "TZ_OFFSET_TO": "10800",
        "DATE_FROM_TS_UTC": str(int(begin.timestamp())),
        "DATE_TO_TS_UTC": str(int(end.timestamp())),
        "DT_SKIP_TIME": "N",
        "DT_LENGTH": int((end - begin).total_seconds()),
        "CREATED_BY": str(row["createdBy"]),
        "DATE_CREATE": _shown(made),
        "TIMESTAMP_X": _shown(made),
        "DESCRIPTION": row["description"] or "",
        "LOCATION": row["location"] or "",
        "IS_MEETING": False,
        "ACCESSIBILITY": "busy",
        "IMPORTANCE": "normal",
        "RRULE": "",
        "SECTION_ID": "1",
    }


def _shown(moment: datetime) -> str:
    return moment.astimezone(times.PORTAL_ZONE).strftime(_SITE_FORMAT)


METHODS = {
    "calendar.event.get": Method(("calendar",), _events),
    "calendar.event.getbyid": Method(("calendar",), _event_by_id),
}
