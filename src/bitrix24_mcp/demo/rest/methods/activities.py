"""The timeline: activities and comments (crm.activity.list, crm.timeline.comment.list)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Where, equals
from bitrix24_mcp.demo.owners import owner_entity
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import elements, entries, whole
from bitrix24_mcp.demo.rest.rights import sees_all, visible
from bitrix24_mcp.demo.rest.tables import conditions, reading
from bitrix24_mcp.demo.rest.tables.shape import Column, Table, columns, fixed
from bitrix24_mcp.demo.schemas.work import ACTIVITIES, TIMELINES

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json

_CRM = ("crm",)
_ACTIVITIES = Table(
    ACTIVITIES,
    (
        *columns(
            {
                "ID": "id",
                "OWNER_ID": "ownerId",
                "OWNER_TYPE_ID": "ownerTypeId",
                "TYPE_ID": "typeId",
                "PROVIDER_ID": "providerId",
                "PROVIDER_TYPE_ID": "providerTypeId",
                "SUBJECT": "subject",
                "CREATED": "createdAt",
                "LAST_UPDATED": "updatedAt",
                "START_TIME": "startTime",
                "END_TIME": "endTime",
                "DEADLINE": "deadline",
                "COMPLETED": "completed",
                "RESPONSIBLE_ID": "responsibleId",
                "PRIORITY": "priority",
                "DESCRIPTION": "description",
                "DIRECTION": "direction",
                "AUTHOR_ID": "authorId",
                "EDITOR_ID": "authorId",
            },
            Column("STATUS", "completed", expression="completed + 1", numeric=True),
            empty="",
        ),
        *fixed(
            {
                "ASSOCIATED_ENTITY_ID": "0",
                "DESCRIPTION_TYPE": "1",
                "NOTIFY_TYPE": "0",
                "NOTIFY_VALUE": "0",
                "LOCATION": "",
                "SETTINGS": [],
                "ORIGINATOR_ID": None,
                "ORIGIN_ID": None,
                "PROVIDER_GROUP_ID": None,
                "PROVIDER_PARAMS": [],
                "PROVIDER_DATA": None,
                "RESULT_MARK": "0",
                "RESULT_VALUE": None,
                "RESULT_SUM": None,
                "RESULT_CURRENCY_ID": None,
                "RESULT_STATUS": "0",
                "RESULT_STREAM": "0",
                "RESULT_SOURCE_ID": None,
                "AUTOCOMPLETE_RULE": "0",
                "IS_INCOMING_CHANNEL": "N",
            }
        ),
        Column("COMMUNICATIONS", fixed=[], filterable=False, sortable=False, shown=False),
        Column("FILES", fixed=[], filterable=False, sortable=False, shown=False),
    ),
    order=(("START_TIME", "ASC"),),
)
_COMMENTS = Table(
    TIMELINES,
    (
        *columns(
            {
                "ID": "id",
                "ENTITY_ID": "entityId",
                "ENTITY_TYPE": "entityType",
                "CREATED": "createdAt",
                "COMMENT": "comment",
                "AUTHOR_ID": "authorId",
            },
            Column("ENTITY_ID", "entityId", sortable=False),
            Column("ENTITY_TYPE", "entityType", sortable=False),
            Column("COMMENT", "comment", sortable=False),
        ),
        *fixed({"FILES": []}),
    ),
)
_DENIED = "Access denied."


def _activities(call: Call) -> Result:
    """Activities of those whom the caller may see, by the time they begin; `BINDINGS` means any of the owners."""
    found = reading.mine(call, "responsibleId")
    for name, value in entries(reading.parameter(call, "filter")):
        if name == "BINDINGS":
            found &= _bound(value)
    return reading.each(reading.listed(call, _ACTIVITIES, found), _activity)


def _bound(raw: object) -> Where:
    clauses = [conditions.where(_ACTIVITIES, owner) for owner in elements(raw)]
    text = " OR ".join(f"({' AND '.join(clause.conditions) or '1'})" for clause in clauses)
    return Where((f"({text or '0'})",), tuple(value for clause in clauses for value in clause.values))


def _activity(row: Json) -> Json:
    """STATUS follows from whether the activity is done: 2, or 1 while it waits."""
    return {**row, "STATUS": "2" if row["STATUS"] == "Y" else "1"} if "STATUS" in row else row


def _activity_get(call: Call) -> Result:
    """One activity, in the error's own words when there is none (crm.activity.get)."""
    found = reading.one(call, _ACTIVITIES)
    if found is None:
        raise RestError("", "Activity is not found")
    if not sees_all(call.caller) and found["RESPONSIBLE_ID"] != str(call.caller.user_id):
        raise RestError("", _DENIED)
    return Result(_activity(found))


def _comments(call: Call) -> Result:
    """The comments of one record. Nothing but the record is looked at in the filter, no date and no author."""
    given = dict(entries(reading.parameter(call, "filter")))
    kind, record = str(given.get("ENTITY_TYPE", "")).lower(), whole(given.get("ENTITY_ID"))
    if not _readable(call, kind, record):
        raise RestError("", _DENIED)
    owner = equals("entityType", kind) & equals("entityId", record)
    plain = replace(call, params={**call.params, "filter": None, "FILTER": None})
    return reading.listed(plain, _COMMENTS, owner)


def _comment_get(call: Call) -> Result:
    """One comment (crm.timeline.comment.get)."""
    found = reading.one(call, _COMMENTS)
    if found is None:
        raise RestError("NOT_FOUND", "Not found")
    if not _readable(call, str(found["ENTITY_TYPE"]), whole(found["ENTITY_ID"])):
        raise RestError("ACCESS_DENIED", _DENIED)
    return Result(found)


def _readable(call: Call, kind: str, record: int) -> bool:
    """Whether there is such a record and the caller may see it."""
    entity = owner_entity(call.portal.registry, kind)
    if record <= 0 or entity is None:
        return False
    return bool(call.portal.database.count(entity.table, equals("id", record) & visible(call.caller, entity)))


METHODS = {
    "crm.activity.list": Method(_CRM, _activities),
    "crm.activity.get": Method(_CRM, _activity_get),
    "crm.activity.fields": Method(_CRM, lambda _call: Result(reading.fields(_ACTIVITIES))),
    "crm.timeline.comment.list": Method(_CRM, _comments),
    "crm.timeline.comment.get": Method(_CRM, _comment_get),
    "crm.timeline.comment.fields": Method(_CRM, lambda _call: Result(reading.fields(_COMMENTS))),
}
