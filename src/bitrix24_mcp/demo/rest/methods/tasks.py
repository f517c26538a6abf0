"""Tasks: asked for in UPPER_SNAKE, answered in camelCase (tasks.task.list)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Slice, Where, equals
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import elements, entries
from bitrix24_mcp.demo.rest.tables import conditions, reading
from bitrix24_mcp.demo.rest.tables.shape import COMPARING_PREFIXES, Column, Table, columns, fixed
from bitrix24_mcp.demo.schema import camel, upper_snake
from bitrix24_mcp.demo.schemas.work import TASKS

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json

_NOW = times.stored(times.NOW)
_TOMORROW = times.stored(times.NOW + timedelta(days=1))
_OPEN = "status NOT IN (4, 5, 7)"
# Besides what the task says itself: overdue is -1, due within a day is -3.
_SUB_STATUS = (
    f"CASE WHEN {_OPEN} AND deadline < '{_NOW}' THEN -1"
    f" WHEN {_OPEN} AND deadline < '{_TOMORROW}' THEN -3 ELSE status END"
)
_LAST_NAME = "(SELECT lastName FROM users WHERE users.id = {})"
_ON_REQUEST = ("UF_CRM_TASK", "TAGS", "ACCOMPLICES", "AUDITORS")
TASK_TABLE = Table(
    TASKS,
    (
        *columns(
            {
                "ID": "id",
                "PARENT_ID": "parentId",
                "TITLE": "title",
                "DESCRIPTION": "description",
                "PRIORITY": "priority",
                "STATUS": "status",
                "GROUP_ID": "groupId",
                "CREATED_BY": "createdBy",
                "CREATED_DATE": "createdDate",
                "RESPONSIBLE_ID": "responsibleId",
                "CHANGED_DATE": "changedDate",
                "CLOSED_DATE": "closedDate",
                "DEADLINE": "deadline",
                "START_DATE_PLAN": "startDatePlan",
                "END_DATE_PLAN": "endDatePlan",
                "TIME_ESTIMATE": "timeEstimate",
                "TIME_SPENT_IN_LOGS": "timeSpentInLogs",
                "ALLOW_TIME_TRACKING": "allowTimeTracking",
                "TAGS": "tags",
                "ACCOMPLICES": "accomplices",
                "AUDITORS": "auditors",
                "UF_CRM_TASK": "UF_CRM_TASK",
            },
            Column("PARENT_ID", "parentId", sortable=False),
            Column("DESCRIPTION", "description", empty="", filterable=False, sortable=False),
            Column("STATUS", "status", expression=_SUB_STATUS, numeric=True, sortable=False),
            Column("CREATED_BY", "createdBy", sortable=False),
            Column("RESPONSIBLE_ID", "responsibleId", sortable=False),
            Column("START_DATE_PLAN", "startDatePlan", filterable=False),
            Column("END_DATE_PLAN", "endDatePlan", filterable=False),
            Column("TIME_ESTIMATE", "timeEstimate", filterable=False),
            Column("TIME_SPENT_IN_LOGS", "timeSpentInLogs", filterable=False),
            Column("ALLOW_TIME_TRACKING", "allowTimeTracking", filterable=False),
            Column("TAGS", "tags", filterable=False, sortable=False, shown=False),
            Column("ACCOMPLICES", "accomplices", filterable=False, sortable=False, shown=False),
            Column("AUDITORS", "auditors", filterable=False, sortable=False, shown=False),
            Column("UF_CRM_TASK", "UF_CRM_TASK", sortable=False, shown=False),
        ),
        # Names that a filter knows and no answer has.
        Column("REAL_STATUS", "status", shown=False),
        Column("TAG", "tags", sortable=False, shown=False),
        Column("ACCOMPLICE", "accomplices", sortable=False, shown=False),
        Column("AUDITOR", "auditors", sortable=False, shown=False),
        Column(
            "CREATED_BY_LAST_NAME",
            "createdBy",
            expression=_LAST_NAME.format("createdBy"),
            filterable=False,
            shown=False,
        ),
        Column(
            "RESPONSIBLE_LAST_NAME",
            "responsibleId",
            expression=_LAST_NAME.format("responsibleId"),
            filterable=False,
            shown=False,
        ),
        *fixed({"MARK": None, "DESCRIPTION_IN_BBCODE": "Y"}),
    ),
    prefixes=COMPARING_PREFIXES,
    order=(("ID", "DESC"),),
)
_ASKED_ONLY = frozenset(column.name for column in TASK_TABLE.columns if not column.shown) - set(_ON_REQUEST)
_NESTED = (("RESPONSIBLE_ID", "responsible"), ("CREATED_BY", "creator"))


def _list(call: Call) -> Result:
    """A page of the tasks that the caller may see, the latest first."""
    order = list(entries(reading.parameter(call, "order")))
    for name, _ in order:
        if name not in TASK_TABLE.by_name or not TASK_TABLE.by_name[name].sortable:
            raise RestError("0", "Invalid sorting key (internal error)")
    found = _filter(reading.parameter(call, "filter")) & reading.mine(call, "responsibleId")
    shown = chosen_columns(reading.parameter(call, "select"))
    result = reading.page(call, TASK_TABLE, found, reading.ordered(TASK_TABLE, order), shown)
    return reading.under("tasks", reading.each(result, lambda row: shown_task(call, row)))


def _get(call: Call) -> Result:
    """One task; an empty array when there is none or the caller may not see it (tasks.task.get)."""
    sent = reading.parameter(call, "taskid")
    if sent is None:
        raise RestError("100", "CTaskItem All parameters in the constructor must have real class type (internal error)")
    if not str(sent).isdecimal():
        raise RestError("0", "wrong task id")
    found = equals("id", int(str(sent))) & reading.mine(call, "responsibleId")
    rows = call.portal.database.rows(TASKS.table, tuple(TASKS.by_name), found, Slice("id", 1))
    if not rows:
        return Result([])
    row = reading.shown_row(TASK_TABLE, rows[0], chosen_columns(reading.parameter(call, "select")))
    return Result({"task": shown_task(call, row)})


def _fields(_call: Call) -> Result:
    """What each field is called and of which type it is (tasks.task.getFields)."""
    described = {
        column.name: {"title": TASK_TABLE.field(column).title, "type": TASK_TABLE.field(column).type}
        for column in TASK_TABLE.columns
        if column.field and column.name not in _ASKED_ONLY
    }
    return Result({"fields": described})


def _filter(raw: object) -> Where:
    """The conditions; `TITLE` searches by pattern when its value holds a percent sign."""
    found = Where()
    for key, value in entries(raw):
        if key in ("TITLE", "=TITLE") and "%" in str(value):
            found &= conditions.condition(TASK_TABLE, TASK_TABLE.by_name["TITLE"], "=%", value)
        else:
            found &= conditions.where(TASK_TABLE, {key: value})
    return found


def chosen_columns(select: object) -> tuple[str, ...]:
    """The columns that `select` names in capitals or in humps, the usual ones without it."""
    names = [name if name.isupper() else upper_snake(name) for name in map(str, elements(select))]
    return tuple(name for name in reading.chosen(TASK_TABLE, names) if name not in _ASKED_ONLY)


def shown_task(call: Call, row: Json) -> Json:
    """A task in camelCase with the people and the group spelt out."""
    task = {camel(name): value for name, value in row.items()}
    if "TAGS" in row:
        tags = enumerate(elements(row["TAGS"]), start=1)
        task["tags"] = {str(place): {"id": place, "title": title} for place, title in tags} or []
    for name, nested in _NESTED:
        if name in row:
            task[nested] = _person(call, int(str(row[name])))
    if "GROUP_ID" in row:
        task["group"] = _group(call, int(str(row["GROUP_ID"])))
    if "STATUS" in row:
        task["subStatus"] = _sub_status(task)
    return task


def _sub_status(task: Json) -> object:
    """The task's status, or that it is overdue or due within a day."""
    deadline = task.get("deadline")
    if not deadline or task["status"] in ("4", "5", "7"):
        return task["status"]
    moment = times.stored(times.parse_moment(str(deadline)))
    return "-1" if moment < _NOW else "-3" if moment < _TOMORROW else task["status"]


def _person(call: Call, user: int) -> object:
    names = ("name", "lastName", "workPosition")
    rows = call.portal.database.rows("users", names, equals("id", user), Slice("id", 1))
    if not rows:
        return []
    return {
        "id": str(user),
        "name": f"{rows[0]['name']} {rows[0]['lastName']}",
        "link": f"/company/personal/user/{user}/",
        "icon": "/bitrix/images/tasks/default_avatar.png",
        "workPosition": rows[0]["workPosition"],
    }


def _group(call: Call, group: int) -> object:
    rows = call.portal.database.rows("workgroups", ("name", "opened"), equals("id", group), Slice("id", 1))
    return {"id": str(group), "name": rows[0]["name"], "opened": bool(rows[0]["opened"])} if rows else []


METHODS = {
    "tasks.task.list": Method(("task",), _list),
    "tasks.task.get": Method(("task",), _get),
    "tasks.task.getfields": Method(("task",), _fields),
}
