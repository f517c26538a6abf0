"""What an answer to a change says of it. An answer that says yes, but not of what, leaves its fate open."""

from typing import Any, cast

from bitrix24_mcp.crm.portal_changes import Change, Outcome
from bitrix24_mcp.crm.portal_values import Record, RecordId
from bitrix24_mcp.sending.failures import Failure, of_unexpected, unexpected
from bitrix24_mcp.vibecode.envelope import Answer, Json


def changed(change: Change, answer: Answer) -> Outcome | Failure:
    """The outcome of a change that the gateway says it made."""
    if answer.data is False:
        return of_unexpected(unexpected("The portal answered a change with no."))
    match change.action:
        case "create":
            return _created(answer.data)
        case "update":
            return _updated(change.id, answer.data)
        case "start":
            return _started(answer.data)
        case "delete" | "terminate" | "complete":
            return Outcome("done")


def _created(data: Any) -> Outcome | Failure:
    row = _row(data)
    number = _number((row.get("id") or row.get("ID")) if row else data)
    if number is None:
        return of_unexpected(unexpected("The portal did not say which record it made."))
    return Outcome("done", id=number, record=_record(row))


def _updated(record_id: RecordId | None, data: Any) -> Outcome | Failure:
    record = _record(_row(data))
    if record is not None and str(record["id"]) != str(record_id):
        return of_unexpected(unexpected("The portal sent another record than the one it was to change."))
    return Outcome("done", record=record)


def _started(data: Any) -> Outcome | Failure:
    row = _row(data)
    workflow = row.get("workflowId") if row else None
    if not isinstance(workflow, str) or not workflow:
        return of_unexpected(unexpected("The portal did not say which workflow it started."))
    return Outcome("done", id=workflow)


def _record(row: Json | None) -> Record | None:
    """The record as reading gives it; None where the answer shows no more than its id (docs/entities)."""
    return row if row and row.get("id") is not None and len(row) > 1 else None


def _row(data: Any) -> Json | None:
    """The object of an answer, which may come in a list of one (docs/batch)."""
    held: object = data
    if isinstance(held, list) and len(cast("list[Any]", held)) == 1:
        held = cast("list[Any]", held)[0]
    return cast("Json", held) if isinstance(held, dict) else None


def _number(told: Any) -> int | None:
    if isinstance(told, str) and told.isascii() and told.isdecimal():
        told = int(told)
    return told if type(told) is int and told > 0 else None
