"""A plan once more with the records as they are now, so that a confirmation holds only for what was shown."""

from collections.abc import Mapping, Sequence

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Record, RecordId
from bitrix24_mcp.crm.writing.plan import Plan, changed_since
from bitrix24_mcp.crm.writing.workflow_reading import instances_of, tasks_of, with_running

_SHOWN = 20


async def still_so(plan: Plan, metadata: Metadata) -> Plan:
    """The plan with the records as they are now. Raises InvalidArguments when one of them has changed meanwhile."""
    ids = [each.id for each in plan.changes if each.id is not None]
    now = plan.as_read(await _records(plan, ids, metadata) if ids else {})
    if now.seal == plan.seal:
        return now
    changed = changed_since(plan, now)
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    raise InvalidArguments(
        f"Meanwhile somebody changed {plan.entity.plural} {', '.join(map(str, changed[:_SHOWN]))}{more}.",
        advice="Nothing was written. Call again without confirm for a new preview.",
        code="CHANGED_MEANWHILE",
        candidates=[str(each) for each in changed[:_SHOWN]],
    )


async def _records(plan: Plan, ids: Sequence[RecordId], metadata: Metadata) -> Mapping[RecordId, Record]:
    match plan.action:
        case "terminate":
            return await instances_of(ids, metadata.portal)
        case "complete":
            return await tasks_of(ids, metadata.portal)
        case "start":
            return await with_running(plan, ids, metadata.portal)
        case _:
            return (await metadata.portal.records(plan.entity, ids)).found
