"""Reversing what was written: the plan that puts every record back as it was, unless it has moved on since."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.errors import InvalidArguments, NotFound
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.links import called
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.portal_values import Record, Records
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.writing.desk import Desk
from bitrix24_mcp.crm.writing.fate import settle
from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Operation
from bitrix24_mcp.crm.writing.plan import Plan, steady
from bitrix24_mcp.crm.writing.same import same
from bitrix24_mcp.crm.writing.values import emptied

_INSTEAD = {
    "delete": "What was deleted may still lie in the portal's recycle bin: restore it there.",
    "start": "A workflow that runs is ended with run_workflow.",
    "terminate": "Start the workflow again with run_workflow if it is wanted.",
    "complete": "The workflow has gone on; what it did is changed record by record.",
}
_SHOWN = 10


async def plan_undo(number: int, ids: Sequence[int], desk: Desk, metadata: Metadata) -> Plan:
    """The plan that reverses an operation, or some of its records.

    Raises NotFound for an operation that the journal does not hold, InvalidArguments for one that cannot be reversed,
    was reversed already, is still open, or whose records have moved on.
    """
    portal = (await metadata.identity()).portal
    await settle(desk.journal, portal, metadata)
    operation = await desk.journal.operation(number)
    if operation is None or operation.portal != portal:
        raise NotFound(
            f"The journal holds no operation {number} on this portal.",
            advice="Call undo without operation for the latest ones.",
            code="UNKNOWN_OPERATION",
        )
    entries = _reversible(operation, ids)
    entity = await resolve_entity(entries[0].entity, metadata)
    fields = await metadata.fields(entity)
    read = await metadata.portal.records(entity, [each.record_id for each in entries if each.record_id is not None])
    if moved := [told for each in entries if (told := _moved(each, read, fields))]:
        undone_by = await desk.journal.undone_by(number)
        raise _moved_on(number, moved, undone_by)
    changes = [_reversal(each, read.found[each.record_id or 0], fields) for each in entries]
    action = changes[0].action
    kept = tuple(each for each in changes if each.action == "delete" or each.values)
    names = {place: called(each.before, entity) for place, each in enumerate(kept)}
    return Plan(action, entity, kept, undoes=number, called=names)


def _reversible(operation: Operation, ids: Sequence[int]) -> list[Entry]:
    if operation.entries[0].action not in {"create", "update"}:
        action = operation.entries[0].action
        raise InvalidArguments(
            f"Operation {operation.number} cannot be reversed.", advice=_INSTEAD[action], code="CANNOT_UNDO"
        )
    if any(each.state in OPEN for each in operation.entries):
        raise InvalidArguments(
            f"Nobody knows yet what became of a part of operation {operation.number}.",
            advice="Look again in a few minutes: each call looks it up.",
            code="OUTCOME_UNKNOWN",
        )
    done = [each for each in operation.entries if each.state == "done" and each.record_id is not None]
    chosen = [each for each in done if not ids or each.record_id in ids]
    if unknown := set(ids) - {each.record_id for each in chosen}:
        raise InvalidArguments(
            f"Operation {operation.number} did not write {sorted(unknown)[:_SHOWN]}.",
            advice="Leave ids out to reverse all of it.",
            code="INVALID_ARGUMENT",
        )
    if not chosen:
        raise InvalidArguments(
            f"Nothing of operation {operation.number} was carried out.",
            advice="There is nothing to reverse.",
            code="CANNOT_UNDO",
        )
    return chosen


def _moved(entry: Entry, read: Records, fields: Fields) -> str:
    """In words what has changed on a record since it was written; empty when nothing has."""
    record = read.found.get(entry.record_id or 0)
    if entry.record_id in read.refused:
        return f"{entry.record_id} may not be seen with this key"
    if record is None:
        return f"{entry.record_id} is gone"
    expected = steady({**entry.values, **entry.after} if entry.action == "update" else entry.after or entry.values)
    sent: Mapping[str, Any] = entry.values if entry.action == "update" else {}
    differing = [
        name
        for name, value in expected.items()
        if name in fields
        and not same(name, record.get(name), value, fields)
        and not (name in sent and same(name, record.get(name), sent[name], fields))
    ]
    return f"{entry.record_id} ({', '.join(differing[:4])})" if differing else ""


def _reversal(entry: Entry, record: Record, fields: Fields) -> Change:
    if entry.action == "create":
        return Change("delete", fields.entity, entry.record_id, {}, record)
    values = {name: restored(name, value, fields) for name, value in entry.before.items() if name in fields}
    differing = {name: each for name, each in values.items() if not same(name, record.get(name), each, fields)}
    return Change("update", fields.entity, entry.record_id, differing, record)


def restored(name: str, held: Any, fields: Fields) -> Any:
    """A value as a record held it, in the form in which it is written."""
    if held in (None, "", []):
        return emptied(name, fields)
    if fields.has_parts(name) and isinstance(held, list):
        rows = [cast("dict[str, Any]", each) for each in cast("list[Any]", held) if isinstance(each, dict)]
        return [{"VALUE": each.get("VALUE"), "VALUE_TYPE": each.get("VALUE_TYPE")} for each in rows]
    if fields.kind(name) == "date" and isinstance(held, str):
        return held[:10]
    return held


def _moved_on(number: int, moved: Sequence[str], undone_by: int | None) -> InvalidArguments:
    already = f" Operation {undone_by} reversed it." if undone_by else ""
    more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    return InvalidArguments(
        f"What operation {number} wrote has changed since: {'; '.join(moved[:_SHOWN])}{more}.{already}",
        advice="Reversing it would overwrite that. Give ids to reverse only records that nobody touched, or write the "
        "fields that should change with write_items.",
        code="RECORD_MOVED_ON",
    )
