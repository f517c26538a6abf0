"""Workflow tasks that wait for the key's user: what `complete_workflow_task` lists."""

from typing import Any

from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.text import plain
from bitrix24_mcp.crm.workflows.documents import document
from bitrix24_mcp.crm.workflows.tasks import answers_of


async def waiting_tasks(metadata: Metadata) -> list[dict[str, Any]]:
    """The tasks, each with the answers that it takes and what it asks for, without those of others.

    An administrator is given everybody's (bizproc.task.list).
    """
    own = (await metadata.identity()).user_id
    rows = await metadata.portal.workflow_tasks()
    return [_shown(row) for row in rows if own is None or row.get("userId") in {own, None}]


def _shown(row: Record) -> dict[str, Any]:
    asks = [
        {
            "id": each["id"],
            "name": plain(str(each.get("name") or "")),
            **({"required": True} if each.get("required") else {}),
        }
        for each in row.get("fields") or ()
    ]
    told = {
        "id": row["id"],
        "name": plain(str(row.get("name") or "")),
        "description": plain(str(row.get("description") or "")),
        "document": document(str(row.get("moduleId") or ""), row.get("documentId")),
        "workflow": row.get("workflowId"),
        "answers": list(answers_of(row)),
        "comment": {"Y": "required", "YA": "required to agree", "YR": "required to refuse"}.get(
            str(row.get("commentRequired") or ""), ""
        ),
        "overdue": row.get("overdue"),
        "fields": asks,
    }
    return {name: value for name, value in told.items() if value not in (None, "", [], {})}
