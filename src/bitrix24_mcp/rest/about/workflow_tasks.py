"""Workflow tasks: what running workflows wait for somebody to do (bizproc.task.list). Everybody may see their own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import known_form, text, whole_number
from bitrix24_mcp.rest.calling.lists import Lists

_COLUMNS = (
    "ID", "NAME", "DESCRIPTION", "ACTIVITY", "WORKFLOW_ID", "MODULE_ID", "DOCUMENT_ID", "USER_ID", "USER_STATUS",
    "OVERDUE_DATE", "PARAMETERS",
)  # fmt: skip
_WAITING = 0


async def tasks(ids: Sequence[int], lists: Lists) -> tuple[Record, ...]:
    """Those of these ids, or those that wait for the user; a filter without a user gives one's own."""
    chosen: Mapping[str, Any] = {"ID": list(ids)} if ids else {"USER_STATUS": _WAITING}
    call = RestCall("bizproc.task.list", {"select": list(_COLUMNS), "filter": chosen, "order": {"ID": "ASC"}})
    rows = await lists.all(call)
    with known_form():
        return tuple(_task(row) for row in rows)


def _task(row: Json) -> Record:
    told = row.get("PARAMETERS")
    parameters = cast("Json", told) if isinstance(told, dict) else {}
    return {
        "id": int(row["ID"]),
        "name": text(row, "NAME"),
        "description": text(row, "DESCRIPTION"),
        "activity": text(row, "ACTIVITY"),
        "workflowId": text(row, "WORKFLOW_ID"),
        "moduleId": text(row, "MODULE_ID"),
        "documentId": row.get("DOCUMENT_ID"),
        "userId": whole_number(row.get("USER_ID")),
        "userStatus": whole_number(row.get("USER_STATUS")),
        "overdue": text(row, "OVERDUE_DATE"),
        "commentRequired": text(parameters, "CommentRequired"),
        "fields": list(_fields(parameters.get("Fields"))),
    }


def _fields(told: Any) -> Iterator[Json]:
    """What a task asks for; PHP writes some lists as maps."""
    held = list(cast("Json", told).values()) if isinstance(told, dict) else cast("list[Any]", told or [])
    for each in held:
        if isinstance(each, dict):
            field = cast("Json", each)
            yield {
                "id": str(field["Id"]),
                "name": text(field, "Name"),
                "type": text(field, "Type"),
                "required": str(field.get("Required") or "").upper() in {"Y", "1", "TRUE"},
            }
