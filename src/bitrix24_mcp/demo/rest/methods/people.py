"""Users, departments and workgroups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, Where, quote
from bitrix24_mcp.demo.rest.calls import Method, PhpObject, Result
from bitrix24_mcp.demo.rest.parameters import elements, entries
from bitrix24_mcp.demo.rest.tables import conditions, reading
from bitrix24_mcp.demo.rest.tables.shape import Column, Table, columns, fixed
from bitrix24_mcp.demo.schemas.people import DEPARTMENTS, USERS, WORKGROUPS

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json

_CONTACTS = ("EMAIL", "PERSONAL_PHONE", "PERSONAL_MOBILE", "WORK_PHONE")
_FULL = Table(
    USERS,
    (
        *columns(
            {
                "ID": "id",
                "ACTIVE": "active",
                "NAME": "name",
                "LAST_NAME": "lastName",
                "EMAIL": "email",
                "LAST_LOGIN": "lastLogin",
                "DATE_REGISTER": "dateRegister",
                "TIME_ZONE": "timeZone",
                "PERSONAL_PHOTO": "personalPhoto",
                "PERSONAL_PHONE": "personalPhone",
                "WORK_POSITION": "workPosition",
                "UF_DEPARTMENT": "departmentId",
                "USER_TYPE": "userType",
            },
            empty="",
        ),
        Column("IS_ONLINE", fixed="N"),
        *fixed(
            {
                "SECOND_NAME": "",
                "TITLE": "",
                "TIMESTAMP_X": PhpObject(),
                "LAST_ACTIVITY_DATE": PhpObject(),
                "PERSONAL_GENDER": "",
                "PERSONAL_BIRTHDAY": "",
                "PERSONAL_MOBILE": "",
                "WORK_PHONE": "",
                "UF_EMPLOYMENT_DATE": "",
            }
        ),
    ),
)


def _without(*names: str) -> Table:
    return replace(_FULL, columns=tuple(column for column in _FULL.columns if column.name not in names))


# What each scope shows, the widest first (docs: user/index).
_BY_SCOPE = {
    "user": _FULL,
    "user_basic": _without("LAST_LOGIN"),
    "user_brief": _without("LAST_LOGIN", *_CONTACTS),
}
_DEPARTMENTS = Table(
    DEPARTMENTS,
    columns({"ID": "id", "NAME": "name", "SORT": "sort", "PARENT": "parentId", "UF_HEAD": "headId"}),
    prefixes=(),
)
_GROUPS = Table(
    WORKGROUPS,
    (
        *columns(
            {
                "ID": "id",
                "NAME": "name",
                "DESCRIPTION": "description",
                "DATE_CREATE": "dateCreate",
                "DATE_UPDATE": "dateUpdate",
                "ACTIVE": "active",
                "VISIBLE": "visible",
                "OPENED": "opened",
                "SUBJECT_ID": "subjectId",
                "OWNER_ID": "ownerId",
                "NUMBER_OF_MEMBERS": "membersCount",
                "DATE_ACTIVITY": "dateUpdate",
                "SUBJECT_NAME": "subjectName",
            },
            Column("DESCRIPTION", "description", filterable=False),
            Column("SUBJECT_ID", "subjectId", filterable=False),
            Column("SUBJECT_NAME", "subjectName", filterable=False),
            Column("NUMBER_OF_MEMBERS", "membersCount", filterable=False),
        ),
        *fixed({"SITE_ID": "s1", "KEYWORDS": None, "PROJECT": "Y"}),
        Column("CLOSED", fixed="N"),
        Column("IS_EXTRANET", fixed="N"),
    ),
    prefixes=("!=", "!%", ">=", "<=", "!", "=", ">", "<", "%"),
    order=(("ID", "DESC"),),
)
# Bots, mail users, guests of open channels, integrators and system users are in nobody's list (user.get).
_PEOPLE = Where((f"{quote('userType')} IN ('employee', 'extranet')",))
_SEARCHED = "contains(COALESCE(name, '') || ' ' || COALESCE(lastName, '') || ' ' || COALESCE(workPosition, ''), ?)"
_IN_DEPARTMENT = (
    "EXISTS (SELECT 1 FROM json_each(departmentId) AS part JOIN departments ON departments.id = part.value"
    " WHERE contains(departments.name, ?))"
)


def _users(call: Call) -> Result:
    """People by filter, dismissed ones included; one field and one direction to sort by (user.get)."""
    table = _visible(call)
    given = {**call.params, **dict(entries(reading.parameter(call, "filter")))}
    return _found(call, table, _chosen_by(table, given))


def _search(call: Call) -> Result:
    """People by parts of what they are called; FIND excludes the other fields (user.search)."""
    table = _visible(call)
    given = {**call.params, **dict(entries(reading.parameter(call, "filter")))}
    if given.get("FIND"):
        return _found(call, table, _words(given["FIND"]))
    names = {f"%{name}": given[name] for name in ("NAME", "LAST_NAME", "WORK_POSITION") if given.get(name)}
    found = conditions.where(table, names)
    if given.get("UF_DEPARTMENT_NAME"):
        found &= Where((_IN_DEPARTMENT,), (str(given["UF_DEPARTMENT_NAME"]),))
    rest = {name: value for name, value in given.items() if name not in ("NAME", "LAST_NAME", "WORK_POSITION")}
    return _found(call, table, found & _chosen_by(table, rest))


def _current(call: Call) -> Result:
    """The caller as a user (user.current)."""
    table = _visible(call)
    found = conditions.condition(table, table.by_name["ID"], "", call.caller.user_id)
    rows = call.portal.database.rows(USERS.table, tuple(USERS.by_name), found, Slice("id", 1))
    return Result(_user(reading.shown_row(table, rows[0], tuple(table.by_name))))


def _user_fields(_call: Call) -> Result:
    """Each field with what people call it (user.fields)."""
    return Result({column.name: _FULL.field(column).title if column.field else column.name for column in _FULL.columns})


def _visible(call: Call) -> Table:
    return next(table for scope, table in _BY_SCOPE.items() if scope in call.caller.scopes)


def _chosen_by(table: Table, given: Json) -> Where:
    """The conditions; a percent sign in a plain value is a wildcard, as in `{"NAME": "Iva%"}`."""
    found = conditions.where(table, {_wildcard(name, value): value for name, value in given.items()})
    return found & _words(given["NAME_SEARCH"]) if given.get("NAME_SEARCH") else found


def _wildcard(name: str, value: object) -> str:
    return f"=%{name}" if name in _FULL.by_name and isinstance(value, str) and "%" in value else name


def _words(raw: object) -> Where:
    words = str(raw).split()
    return Where((_SEARCHED,) * len(words), tuple(words))


def _found(call: Call, table: Table, found: Where) -> Result:
    sort, direction = reading.parameter(call, "sort"), reading.parameter(call, "order")
    order = reading.ordered(table, [(str(sort), str(direction))])
    asked = elements(reading.parameter(call, "select"))
    more = [name for name in table.by_name if name.startswith("UF_")] if "UF_*" in asked else []
    result = reading.page(call, table, _PEOPLE & found, order, reading.chosen(table, [*asked, *more]))
    return reading.each(result, _user)


def _user(row: Json) -> Json:
    """The three values of a user that are not text."""
    if "ACTIVE" in row:
        row["ACTIVE"] = row["ACTIVE"] == "Y"
    if "UF_DEPARTMENT" in row:
        row["UF_DEPARTMENT"] = [int(str(number)) for number in elements(row["UF_DEPARTMENT"])]
    return row


def _departments(call: Call) -> Result:
    """Departments by fields that stand at the top level, `sort` beside `SORT` (department.get)."""
    found = conditions.where(_DEPARTMENTS, dict(call.params))
    order = reading.ordered(_DEPARTMENTS, [(str(call.params.get("sort")), str(reading.parameter(call, "order")))])
    result = reading.page(call, _DEPARTMENTS, found, order, tuple(_DEPARTMENTS.by_name))
    return reading.each(result, _department)


def _department(row: Json) -> Json:
    """A department without the links it does not have, its sorting index as a number."""
    return {name: int(str(value)) if name == "SORT" else value for name, value in row.items() if value is not None}


def _groups(call: Call) -> Result:
    """Workgroups and projects (sonet_group.get)."""
    wanted = call.params.get("GROUP_ID")
    one = conditions.where(_GROUPS, {"ID": wanted}) if wanted else Where()
    return reading.listed(replace(call, params={**call.params, "select": None}), _GROUPS, one)


_USER = tuple(_BY_SCOPE)
METHODS = {
    "user.get": Method(_USER, _users),
    "user.search": Method(_USER, _search),
    "user.current": Method(_USER, _current),
    "user.fields": Method(_USER, _user_fields),
    "department.get": Method(("department",), _departments),
    "sonet_group.get": Method(("sonet_group",), _groups),
}
