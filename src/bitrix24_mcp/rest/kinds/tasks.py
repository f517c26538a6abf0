"""Tasks: asked for in UPPER_SNAKE and answered in camelCase (tasks.task.list)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.rest.kinds.kind import COMPARING, Json, Kind, Known, known
from bitrix24_mcp.rest.reading.dialects import Dialect, Order, Single


def _single(types: Mapping[str, str]) -> Iterator[Known]:
    """Fields with one value, which a row has under the names of tools."""
    for each in known(types):
        yield replace(each, read=each.name, filtered="REAL_STATUS" if each.name == "status" else "")


def _of_tasks(order: Order) -> Mapping[str, Any]:
    """A task's status is called so in its row, and otherwise in filter and order (tasks.task.list)."""
    names = {"STATUS": "REAL_STATUS"}
    return {"order": {names.get(name, name): "DESC" if descending else "ASC" for name, descending in order}}


def _tags(row: Json) -> Json:
    """A task with its tags by name; they come as a map of objects."""
    held: object = row.get("tags")
    several = list(cast("Json", held).values()) if isinstance(held, dict) else held
    if not isinstance(several, list):
        return row
    tags = cast("list[Any]", several)
    return {**row, "tags": [cast("Json", tag).get("title") if isinstance(tag, dict) else tag for tag in tags]}


def _title_pattern(condition: Condition) -> Condition:
    """A part of a title is asked for by a pattern (tasks.task.list)."""
    return (
        replace(condition, operator="eq", value=f"%{condition.value}%")
        if condition.operator == "contains"
        else condition
    )


_TASK_FIELDS = (
    *_single(
        {
            "id": "integer",
            "title": "string",
            "description": "string",
            "responsibleId": "user",
            "createdBy": "user",
            "status": "integer",
            "priority": "integer",
            "groupId": "integer",
            "parentId": "integer",
            "deadline": "datetime",
            "startDatePlan": "datetime",
            "endDatePlan": "datetime",
            "timeEstimate": "integer",
            "timeSpentInLogs": "integer",
            "allowTimeTracking": "boolean",
        }
    ),
    Known("tags", "string", "TAGS", multiple=True, read="tags", filtered="TAG"),
    Known("accomplices", "user", "ACCOMPLICES", multiple=True, read="accomplices", filtered="ACCOMPLICE"),
    Known("auditors", "user", "AUDITORS", multiple=True, read="auditors", filtered="AUDITOR"),
    *_single({"createdDate": "datetime", "changedDate": "datetime", "closedDate": "datetime"}),
    Known("UF_CRM_TASK", "crm", "UF_CRM_TASK", multiple=True, read="ufCrmTask"),
)
TASKS = Kind(
    fields=_TASK_FIELDS,
    dialect=Dialect(
        method="tasks.task.list",
        path=("tasks",),
        order=_of_tasks,
        operators=COMPARING,
        single=Single(
            method="tasks.task.get",
            id="taskId",
            fixed={"select": [each.asked for each in _TASK_FIELDS]},
            path=("task",),
        ),
    ),
    described="tasks.task.getFields",
    described_at=("fields",),
    filterable=frozenset(
        {
            "id", "parentId", "groupId", "createdBy", "priority", "responsibleId", "title", "tags", "status",
            "deadline", "createdDate", "closedDate", "changedDate", "accomplices", "auditors", "UF_CRM_TASK",
        }
    ),
    sortable=frozenset(
        {
            "id", "title", "timeSpentInLogs", "createdDate", "changedDate", "closedDate", "startDatePlan",
            "endDatePlan", "deadline", "status", "priority", "groupId", "timeEstimate", "allowTimeTracking",
        }
    ),
    patterns=frozenset({"title"}),
    written=_title_pattern,
    prepared=_tags,
)  # fmt: skip
