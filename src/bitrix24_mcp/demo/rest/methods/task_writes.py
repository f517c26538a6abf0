"""`tasks.task.add`, `tasks.task.update`, `tasks.task.delete` (docs: tasks)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import storing
from bitrix24_mcp.demo.database import Slice, equals
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.methods.tasks import TASK_TABLE, chosen_columns, shown_task
from bitrix24_mcp.demo.rest.parameters import entries
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.rest.tables.writing import written
from bitrix24_mcp.demo.schemas.work import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call
    from bitrix24_mcp.demo.values import Column

_STATUSES = (2, 3, 4, 5, 6)
_ANSWERED = ["*", "ACCOMPLICES", "AUDITORS"]


def _add(call: Call) -> Result:
    """The new task."""
    values = _values(call, also=("CREATED_BY",))
    for name, text in (("title", "Task title not specified"), ("responsibleId", "Assignee not specified")):
        if values.get(name) in (None, ""):
            raise _core(text)
    _check(call, values, None)
    try:
        key = storing.add(call.portal, call.caller.user_id, TASKS, values)
    except FieldRefused as refused:
        raise _refusal(refused) from refused
    return _task(call, key)


def _update(call: Call) -> Result:
    """The task as it now is."""
    before = _mine(call, RestError("0", "Action on the task is not allowed (internal error)"))
    values = _values(call)
    _check(call, values, before)
    try:
        storing.change(call.portal, call.caller.user_id, TASKS, before, values)
    except FieldRefused as refused:
        raise _refusal(refused) from refused
    return _task(call, before["id"])


def _delete(call: Call) -> Result:
    task = _mine(call, RestError("1048582", "No access to delete the task"))
    storing.remove(call.portal, TASKS, int(task["id"]))
    return Result({"task": True})


def _values(call: Call, *, also: tuple[str, ...] = ()) -> dict[str, Column]:
    fields = dict(entries(reading.parameter(call, "fields")))
    if not fields:
        raise RestError("100", "Could not find value for parameter {fields} (internal error)")
    try:
        return written(TASK_TABLE, fields, also=also)
    except FieldRefused as refused:
        raise _refusal(refused) from refused


def _check(call: Call, values: Mapping[str, Column], before: Row | None) -> None:
    """Refuse what contradicts itself or names a task that there is none of."""
    if values.get("title", "-") in (None, ""):
        raise _core("Task title not specified")
    if values.get("status", _STATUSES[0]) not in _STATUSES:
        raise _core("Invalid status")
    parent = values.get("parentId")
    if before is not None and parent == before["id"]:
        raise _core("Cannot bind the node to itself")
    if parent and call.portal.database.one(TASKS, parent) is None:
        raise _core('Task specified in the "Parent Task" field not found')
    begin, end = values.get("startDatePlan"), values.get("endDatePlan")
    if begin and end and str(end) < str(begin):
        raise _core("End date specified earlier than start date in scheduling")


def _mine(call: Call, otherwise: RestError) -> Row:
    """The task that `taskId` names, if the caller may see it."""
    sent = reading.parameter(call, "taskid")
    if sent is None:
        raise RestError("100", "CTaskItem All parameters in the constructor must have real class type (internal error)")
    if not str(sent).isdecimal():
        raise RestError("0", "wrong task id")
    found = equals("id", int(str(sent))) & reading.mine(call, "responsibleId")
    rows = call.portal.database.rows(TASKS.table, tuple(TASKS.by_name), found, Slice("id", 1))
    if not rows:
        raise otherwise
    return rows[0]


def _task(call: Call, key: Column) -> Result:
    row = call.portal.database.one(TASKS, key)
    if row is None:
        raise RestError("0", "Action on the task is not allowed (internal error)")
    return Result({"task": shown_task(call, reading.shown_row(TASK_TABLE, row, chosen_columns(_ANSWERED)))})


def _refusal(refused: FieldRefused) -> RestError:
    if refused.name == "responsibleId":
        return _core('User specified in the "Assignee" field not found')
    return _core(refused.reason)


def _core(text: str) -> RestError:
    return RestError("ERROR_CORE", f"{text}<br>")


METHODS = {
    "tasks.task.add": Method(("task",), _add),
    "tasks.task.update": Method(("task",), _update),
    "tasks.task.delete": Method(("task",), _delete),
}
