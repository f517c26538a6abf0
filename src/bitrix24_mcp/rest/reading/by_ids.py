"""Records by their ids, in as few requests as their method allows."""

from collections.abc import Awaitable, Callable, Sequence

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import NotFound, PermissionRefused, PortalError
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordId, RecordPage, RecordQuery, Records
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import ROWS, Single
from bitrix24_mcp.sending.failures import unexpected

_OF_THIS_RECORD = "ACCESS_DENIED"
"""The refusal that means one record, not the method (crm.item.get)."""


async def singly(ids: Sequence[RecordId], single: Single, columns: Columns, reads: Reads) -> Records:
    """Each by a call of its own; calls that come at once share requests. Raises PortalError."""
    outcomes = await reads.read([RestCall(single.method, {**single.fixed, single.id: each}) for each in ids])
    found: dict[RecordId, Record] = {}
    missing: list[RecordId] = []
    refused: list[RecordId] = []
    for record_id, outcome in zip(ids, outcomes, strict=True):
        if isinstance(outcome, NotFound):
            missing.append(record_id)
        elif isinstance(outcome, PermissionRefused) and outcome.code == _OF_THIS_RECORD:
            refused.append(record_id)
        elif row := _record(outcome, record_id, single, columns):
            found[record_id] = row
        else:
            missing.append(record_id)
    return Records(found, tuple(missing), tuple(refused))


async def listed(
    entity: Entity, ids: Sequence[RecordId], search: Callable[[RecordQuery], Awaitable[RecordPage]]
) -> Records:
    """By lists that name the ids; what a list leaves out is missing, whatever the reason. Raises PortalError."""
    found: dict[str, Record] = {}
    for place in range(0, len(ids), ROWS):
        condition = Condition("id", "in", tuple(ids[place : place + ROWS]))
        page = await search(RecordQuery(entity, (condition,), limit=ROWS))
        found |= {str(row.get("id")): row for row in page.rows}
    known = {each: found[str(each)] for each in ids if str(each) in found}
    return Records(known, tuple(each for each in ids if each not in known))


def _record(outcome: Answer | PortalError, record_id: RecordId, single: Single, columns: Columns) -> Record | None:
    """The record of an answer; None where it is empty."""
    if isinstance(outcome, PortalError):
        raise outcome
    raw = outcome.record(*single.path) if outcome.result else {}
    if not raw:
        return None
    row = columns.row(raw)
    if str(row.get("id")) != str(record_id):
        raise unexpected("The portal sent another record than the one asked for.")
    return row
