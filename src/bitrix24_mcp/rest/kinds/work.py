"""People, their groups and calendars (user.get, department.get, sonet_group.get, calendar.event.get)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.rest.kinds.kind import Json, Kind, Known, known, known_alike
from bitrix24_mcp.rest.reading.dialects import Dialect, Order, Single


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
            }
        ),
        Known("departmentId", "integer", "UF_DEPARTMENT", multiple=True),
        *known(
            {
                "personalPhone": "string",
                "personalPhoto": "string",
                "lastLogin": "datetime",
                "timeZone": "string",
                "userType": "string",
                "dateRegister": "datetime",
            }
        ),
    ),
    dialect=Dialect(method="user.get", filter="FILTER", order=_one_step),
    described="user.fields",
    filterable=frozenset({"id", "name", "lastName", "active", "workPosition", "departmentId", "userType"}),
    sortable=frozenset({"id", "name", "lastName", "active", "workPosition"}),
    steps=1,
    scoped=True,
)
"""A condition on a field that the scope hides, or on a date in a form that it does not know, is passed over or meets
nobody without a word (user.get); so only what every scope shows is asked of the portal.
"""
DEPARTMENTS = Kind(
    fields=known(
        BY_NAME["departments"].known_fields,
        {"parentId": "PARENT", "headId": "UF_HEAD"},
    ),
    dialect=Dialect(method="department.get", filter="", select="", order=_one_step),
    filterable=frozenset(),
    sortable=frozenset(),
)
"""Its filter stands among the parameters and compares nothing (department.get): all are read and chosen from here."""
WORKGROUPS = Kind(
    fields=known(BY_NAME["workgroups"].known_fields, {"membersCount": "NUMBER_OF_MEMBERS"}),
    dialect=Dialect(
        method="sonet_group.get",
        fixed={"IS_ADMIN": "Y"},
        filter="FILTER",
        select="",
        order=_capital,
        operators={"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "contains": "%"},
    ),
    filterable=frozenset({"id", "name", "ownerId", "active", "visible", "opened", "dateCreate", "dateUpdate"}),
    sortable=frozenset({"id", "name", "dateCreate", "dateUpdate"}),
)
"""With `IS_ADMIN` an administrator sees hidden groups too; of everybody else it changes nothing (sonet_group.get)."""
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
