"""What workflows wait for people to do: `bizproc.task.list`, `bizproc.task.complete` (docs: bizproc/bizproc-task)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Where, equals, quote
from bitrix24_mcp.demo.rest.answers import Answered, check_answer
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import elements, entries, whole
from bitrix24_mcp.demo.rest.tables import conditions, reading
from bitrix24_mcp.demo.rest.tables.shape import Table, columns
from bitrix24_mcp.demo.schemas.automation import BIZPROC_TASKS

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json

_TASKS = Table(
    BIZPROC_TASKS,
    columns({name: name for name in BIZPROC_TASKS.by_name}),
    prefixes=("!=", ">=", "<=", "!", "=", ">", "<"),
    defaults=("ENTITY", "DOCUMENT_ID", "ID", "WORKFLOW_ID", "DOCUMENT_NAME", "NAME", "DOCUMENT_URL"),
)
# People of the departments that somebody heads.
_SUBORDINATE = (
    "USER_ID IN (SELECT users.id FROM users, json_each(users.departmentId) AS part"
    " WHERE part.value IN (SELECT id FROM departments WHERE headId = ?))"
)


def _list(call: Call) -> Result:
    """A page of tasks: of everybody for administrators, of others only for their superiors, else the caller's own."""
    selected = reading.parameter(call, "select")
    asked = [str(name) for name in elements(selected)]
    if isinstance(selected, str) or any(name not in _TASKS.by_name and name != "*" for name in asked):
        raise RestError("ERROR_SELECT_VALIDATION_FAILURE", "Invalid data in SELECT parameter")
    given = {name.upper(): value for name, value in entries(reading.parameter(call, "filter"))}
    found = conditions.where(_TASKS, given) & _allowed(call, given)
    order = reading.ordered(_TASKS, list(entries(reading.parameter(call, "order"))))
    return reading.page(call, _TASKS, found, order, reading.chosen(_TASKS, asked))


def _allowed(call: Call, given: Json) -> Where:
    caller = call.caller
    if caller.admin:
        return Where()
    own = equals("USER_ID", caller.user_id)
    if not any(key.lstrip("!=<>") == "USER_ID" for key in given):
        return own
    either = Where((f"({own.conditions[0]} OR {_SUBORDINATE})",), (caller.user_id, caller.user_id))
    wanted = {
        whole(value) for key, value in given.items() if key in ("USER_ID", "=USER_ID") for value in elements(value)
    }
    for person in wanted - {caller.user_id}:
        if not call.portal.database.count("users", _heads(caller.user_id) & equals("id", person)):
            raise RestError("ACCESS_DENIED", "Access denied!")
    return either


def _heads(user: int) -> Where:
    return Where((_SUBORDINATE.replace("USER_ID", quote("id"), 1),), (user,))


def _complete(call: Call) -> Result:
    """One's own task, done once."""
    number = reading.parameter(call, "task_id")
    if not number:
        raise RestError("ERROR_TASK_VALIDATION", "empty TASK_ID")
    row = call.portal.database.one(BIZPROC_TASKS, whole(number))
    if row is None or row["USER_ID"] != call.caller.user_id:
        raise RestError("ERROR_TASK_NOT_FOUND", "Task not found")
    if row["USER_STATUS"]:
        raise RestError("ERROR_TASK_COMPLETED", "Task already completed")
    answer = Answered(
        reading.parameter(call, "status"),
        str(reading.parameter(call, "comment") or ""),
        dict(entries(reading.parameter(call, "fields"))),
    )
    status = check_answer(row["ACTIVITY"], json.loads(row["PARAMETERS"]), answer)
    if not call.portal.database.count("workflows", equals("ID", row["WORKFLOW_ID"])):
        raise RestError("ERROR_TASK_EXECUTION", "The workflow does not run any more")
    changes = {"STATUS": status, "USER_STATUS": status, "MODIFIED": times.stored(times.NOW)}
    call.portal.database.update(BIZPROC_TASKS.table, equals("ID", row["ID"]), changes)
    return Result(True)  # noqa: FBT003 - what the method answers


METHODS = {
    "bizproc.task.list": Method(("bizproc",), _list),
    "bizproc.task.complete": Method(("bizproc",), _complete),
}
