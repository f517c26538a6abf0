"""What an answer to a change says of it. An answer that says yes, but not of what, leaves its fate open."""

from collections.abc import Mapping
from typing import Any, cast

from bitrix24_mcp.crm.errors import PortalError, UnexpectedAnswer
from bitrix24_mcp.crm.portal_changes import Change, Outcome
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.rest.calling.envelope import Answer, number
from bitrix24_mcp.rest.calling.forms import known_form
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.sending.changes import outcome_of
from bitrix24_mcp.sending.failures import Failure, unexpected


def outcome(change: Change, answer: Answer | Failure | PortalError, columns: Columns, path: str) -> Outcome:
    """What became of a change: its call's answer or failure, or why there was none.

    `path`: the key of the result under which the record stands, empty where only its id comes.
    """
    if isinstance(answer, PortalError):
        return Outcome("refused", error=answer)
    if isinstance(answer, Failure):
        return outcome_of(answer)
    try:
        return _done(change, _told(answer.result, path), columns)
    except UnexpectedAnswer as error:
        return outcome_of(Failure(error))


def _done(change: Change, told: Any, columns: Columns) -> Outcome:
    if told is False:
        raise unexpected("The portal answered a change with no.")
    match change.action:
        case "create":
            return _created(told, columns)
        case "update":
            return _updated(change, told, columns)
        case "start":
            return _started(told)
        case "delete" | "terminate" | "complete":
            return Outcome("done")


def _created(told: Any, columns: Columns) -> Outcome:
    record = _record(told, columns)
    made = number(record["id"] if record else told)
    if made is None or made <= 0:
        raise unexpected("The portal did not say which record it made.")
    return Outcome("done", id=made, record=record if record and len(record) > 1 else None)


def _updated(change: Change, told: Any, columns: Columns) -> Outcome:
    record = _record(told, columns)
    if record and str(record["id"]) != str(change.id):
        raise unexpected("The portal sent another record than the one it was to change.")
    return Outcome("done", record=record if record and len(record) > 1 else None)


def _started(told: Any) -> Outcome:
    if not isinstance(told, str) or not told:
        raise unexpected("The portal did not say which workflow it started.")
    return Outcome("done", id=told)


def _record(told: Any, columns: Columns) -> Record | None:
    """The record as reading gives it; None where the answer shows none."""
    if not isinstance(told, dict):
        return None
    with known_form():
        record = columns.row(cast("Mapping[str, Any]", told))
    return record if record.get("id") is not None else None


def _told(result: Any, path: str) -> Any:
    held: object = result
    if path and isinstance(held, dict):
        return cast("Mapping[str, Any]", held).get(path)
    return held
