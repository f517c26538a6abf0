"""`crm.timeline.comment.add`, `.update`, `.delete` (docs: crm/timeline/comments)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import storing
from bitrix24_mcp.demo.database import equals
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.owners import owner_entity
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import entries, whole
from bitrix24_mcp.demo.rest.rights import sees_all, visible
from bitrix24_mcp.demo.schemas.work import TIMELINES

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.values import Column

_DENIED = "Access denied."


def _add(call: Call) -> Result:
    """The number of the new comment."""
    fields = _fields(call)
    missing = [name for name in ("ENTITY_ID", "ENTITY_TYPE", "COMMENT") if name not in fields]
    if missing:
        raise RestError("100", f"Required fields: {', '.join(missing)}")
    kind, record = str(fields["ENTITY_TYPE"]).lower(), whole(fields["ENTITY_ID"])
    _check_owner(call, kind, record)
    values: dict[str, Column] = {"entityType": kind, "entityId": record, "comment": _comment(fields)}
    if "AUTHOR_ID" in fields:
        values["authorId"] = whole(fields["AUTHOR_ID"])
    try:
        return Result(storing.add(call.portal, call.caller.user_id, TIMELINES, values))
    except FieldRefused as refused:
        raise RestError("INVALID_ARG_VALUE", refused.reason) from refused


def _update(call: Call) -> Result:
    """The number of the comment."""
    before, fields = _own(call), _fields(call)
    if "COMMENT" in fields:
        changes: dict[str, Column] = {"comment": _comment(fields)}
        storing.change(call.portal, call.caller.user_id, TIMELINES, before, changes)
    return Result(before["id"])


def _delete(call: Call) -> Result:
    """Nothing."""
    storing.remove(call.portal, TIMELINES, int(_own(call)["id"]))
    return Result(None)


def _fields(call: Call) -> Json:
    """The parameter under its name in small letters and no other."""
    if "fields" not in call.params:
        raise RestError("100", "Could not find value for parameter {fields}")
    return dict(entries(call.params["fields"]))


def _comment(fields: Json) -> str:
    text = fields["COMMENT"]
    if not isinstance(text, str) or not text.strip():
        raise RestError("INVALID_ARG_VALUE", "Empty comment message")
    return text


def _check_owner(call: Call, kind: str, record: int) -> None:
    entity = owner_entity(call.portal.registry, kind)
    key = equals("id", record)
    if entity is None or not call.portal.database.count(entity.table, key):
        raise RestError("OWNER_NOT_FOUND", "The owner of the element was not found")
    if not call.portal.database.count(entity.table, key & visible(call.caller, entity)):
        raise RestError("ACCESS_DENIED", _DENIED)


def _own(call: Call) -> Row:
    """The comment that `id` names. Ordinary users have a say over their own, under records that they see."""
    if "id" not in call.params:
        raise RestError("100", "Could not find value for parameter {id}")
    row = call.portal.database.one(TIMELINES, whole(call.params["id"]))
    if row is None:
        raise RestError("NOT_FOUND", "Not found.")
    _check_owner(call, row["entityType"], row["entityId"])
    if not sees_all(call.caller) and row["authorId"] != call.caller.user_id:
        raise RestError("ACCESS_DENIED", _DENIED)
    return row


METHODS = {
    "crm.timeline.comment.add": Method(("crm",), _add),
    "crm.timeline.comment.update": Method(("crm",), _update),
    "crm.timeline.comment.delete": Method(("crm",), _delete),
}
