"""What is read of workflows before they are started, ended or gone on with."""

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordId, WorkflowQuery
from bitrix24_mcp.crm.reading.progress import silent
from bitrix24_mcp.crm.workflows.documents import document
from bitrix24_mcp.crm.workflows.instances import read_instances
from bitrix24_mcp.crm.writing.plan import Plan

_LASTING = ("id", "templateId", "documentId", "moduleId", "startedBy", "started")
"""What of an instance does not change while it runs."""


async def instances_of(ids: Sequence[RecordId], portal: Portal) -> Mapping[RecordId, Record]:
    """Those of these workflow instances that run, by id, without what changes while they do."""
    wanted = {str(each) for each in ids}
    read = await read_instances(
        portal, WorkflowQuery(), lambda rows: wanted <= {str(row["id"]) for row in rows}, silent
    )
    return {str(row["id"]): {name: row.get(name) for name in _LASTING} for row in read.rows if str(row["id"]) in wanted}


async def running_on(template: int, entity: Entity, record_id: RecordId, portal: Portal) -> list[str]:
    """The ids of the instances of a template that run on a record, in order."""
    of_template = Condition("templateId", "eq", template)
    asked = WorkflowQuery((of_template,)) if portal.filters_workflows(of_template) else WorkflowQuery()
    read = await read_instances(portal, asked, lambda _: False, silent)
    wanted = {"entity": entity.name, "id": record_id}
    return sorted(
        str(row["id"])
        for row in read.rows
        if row.get("templateId") == template
        and document(str(row.get("moduleId") or ""), row.get("documentId")) == wanted
    )


async def with_running(plan: Plan, ids: Sequence[RecordId], portal: Portal) -> Mapping[RecordId, Record]:
    """What a start is bound to: the names of the records, and what runs on them of the same template."""
    found = (await portal.records(plan.entity, ids)).found
    read: dict[RecordId, Record] = {}
    for change in plan.changes:
        if change.id is not None and change.id in found:
            running = await running_on(int(change.values["templateId"]), plan.entity, change.id, portal)
            read[change.id] = bound_to(found[change.id], plan.entity, running)
    return read


def bound_to(record: Record, entity: Entity, running: Sequence[str]) -> dict[str, Any]:
    """What of a record counts for starting a workflow on it."""
    return {**{name: record.get(name) for name in entity.name_fields}, "running": list(running)}


async def tasks_of(ids: Sequence[RecordId], portal: Portal) -> Mapping[RecordId, Record]:
    """The workflow tasks of these ids that the key may see, by id."""
    return {int(row["id"]): row for row in await portal.workflow_tasks([int(each) for each in ids])}
