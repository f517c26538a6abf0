"""What became of starting, ending or going on with a workflow when no answer came."""

from dataclasses import replace

from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.workflows.tasks import WAITING
from bitrix24_mcp.crm.writing.journal import Entry
from bitrix24_mcp.crm.writing.workflow_reading import instances_of, running_on, tasks_of


async def started(entry: Entry, metadata: Metadata) -> Entry | None:
    """Done when an instance runs that did not run before. One that is over already is not listed, so None otherwise."""
    if entry.record_id is None:
        return None
    entity = await resolve_entity(entry.entity, metadata)
    running = await running_on(int(entry.values["templateId"]), entity, entry.record_id, metadata.portal)
    fresh = [each for each in running if each not in entry.before.get("running", ())]
    return replace(entry, state="done", after={"workflow": fresh[0]}) if len(fresh) == 1 else None


async def ended(entry: Entry, metadata: Metadata) -> Entry | None:
    """Done when the instance does not run any more."""
    if entry.record_id is None:
        return None
    return entry if await instances_of([entry.record_id], metadata.portal) else replace(entry, state="done")


async def completed(entry: Entry, metadata: Metadata) -> Entry | None:
    """Done when the task does not wait for its person any more."""
    if entry.record_id is None:
        return None
    found = (await tasks_of([entry.record_id], metadata.portal)).get(entry.record_id)
    if found is None:
        return None
    return entry if found.get("userStatus") == WAITING else replace(entry, state="done")
