"""People, their groups and calendars (user.get, department.get, sonet_group.get, calendar.event.get)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from bitrix24_mcp.rest.dialects import Dialect, Order, Single
from bitrix24_mcp.rest.known import Json, Kind, Known, known, known_alike


def _one_step(order: Order) -> Mapping[str, Any]:
    """An order of one field as two texts (user.get)."""
    name, descending = order[0]
    return {"sort": name, "order": "DESC" if descending else "ASC"}


def _capital(order: Order) -> Mapping[str, Any]:
    return {"ORDER": {name: "DESC" if descending else "ASC" for name, descending in order}}


def _of_calendar(row: Json) -> Json:
    """An event under the names of tools; its times are read from the seconds, the site's format being unknown."""
    return {
        "id": row.get("ID"),
        "type": row.get("CAL_TYPE"),
        "ownerId": row.get("OWNER_ID"),
        "name": row.get("NAME"),
        "description": row.get("DESCRIPTION"),
        "from": _moment(row.get("DATE_FROM_TS_UTC"), row.get("TZ_OFFSET_FROM")),
        "to": _moment(row.get("DATE_TO_TS_UTC"), row.get("TZ_OFFSET_TO")),
        "location": row.get("LOCATION"),
        "createdBy": row.get("CREATED_BY"),
    }


def _moment(seconds: Any, offset: Any) -> str:
    """ISO text for seconds since 1970 in an offset, both of which come as text."""
    zone = timezone(timedelta(seconds=int(offset or 0)))
    return datetime.fromtimestamp(int(seconds), zone).isoformat()


USERS = Kind(
    fields=(
        *known(
            {
                "id": "integer",
                "name": "string",
                "lastName": "string",
                "email": "string",
                "active": "boolean",
                "workPosition": "string",
                "personalPhone": "string",
                "personalPhoto": "string",
                "lastLogin": "datetime",
                "timeZone": "string",
                "userType": "string",
                "dateRegister": "datetime",
            }
        ),
        Known("departmentId", "integer", "UF_DEPARTMENT", multiple=True),
    ),
    dialect=Dialect(method="user.get", filter="FILTER", order=_one_step),
    described="user.fields",
    steps=1,
)
DEPARTMENTS = Kind(
    fields=known(
        {"id": "integer", "name": "string", "parentId": "integer", "headId": "user", "sort": "integer"},
        {"parentId": "PARENT", "headId": "UF_HEAD"},
    ),
    dialect=Dialect(method="department.get", filter="", select="", order=_one_step),
    filterable=frozenset(),
    sortable=frozenset(),
)
"""Its filter stands among the parameters and compares nothing (department.get): all are read and chosen from here."""
WORKGROUPS = Kind(
    fields=known(
        {
            "id": "integer",
            "name": "string",
            "description": "string",
            "active": "boolean",
            "visible": "boolean",
            "opened": "boolean",
            "ownerId": "user",
            "subjectId": "integer",
            "subjectName": "string",
            "membersCount": "integer",
            "dateCreate": "datetime",
            "dateUpdate": "datetime",
        },
        {"membersCount": "NUMBER_OF_MEMBERS"},
    ),
    dialect=Dialect(
        method="sonet_group.get",
        filter="FILTER",
        select="",
        order=_capital,
        operators={"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "contains": "%"},
    ),
    filterable=frozenset({"id", "name", "ownerId", "active", "visible", "opened", "dateCreate", "dateUpdate"}),
    sortable=frozenset({"id", "name", "dateCreate", "dateUpdate"}),
)
CALENDAR_EVENTS = Kind(
    fields=known_alike(
        {
            "id": "integer",
            "type": "string",
            "ownerId": "integer",
            "name": "string",
            "description": "string",
            "from": "datetime",
            "to": "datetime",
            "location": "string",
            "createdBy": "user",
        }
    ),
    dialect=Dialect(
        method="calendar.event.get", filter="", select="", windows=False, single=Single(method="calendar.event.getbyid")
    ),
    filterable=frozenset(),
    sortable=frozenset(),
    prepared=_of_calendar,
)

WORK_KINDS: Sequence[tuple[str, Kind]] = (
    ("users", USERS),
    ("departments", DEPARTMENTS),
    ("workgroups", WORKGROUPS),
    ("calendar-events", CALENDAR_EVENTS),
)
