"""What a portal changes along with the fields that are sent, so that reversing the one puts the other back as well.

Closing a deal moves its day of closing, say. What a record held before is known; what it holds is read right after the
change, when every difference comes from it. Where it can be read only later, other people may have changed the record
meanwhile, and only what is known to follow counts.
"""

from dataclasses import replace

from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.portal_values import FieldInfo, Record
from bitrix24_mcp.crm.writing.journal import Entry
from bitrix24_mcp.crm.writing.plan import RESTLESS
from bitrix24_mcp.crm.writing.same import same


def before_of(change: Change, fields: Fields) -> Record:
    """What is kept of a record before it is changed: the fields that are sent, and those that may follow them."""
    if change.action != "update":
        return change.before
    following = [info.name for info in fields if info.name in change.before and _follows(info, change, fields)]
    return {name: change.before.get(name) for name in (*change.values, *following)}


def afterwards(entry: Entry, was: Record, record: Record, fields: Fields) -> Entry:
    """The entry with the record afterwards, and with what has changed along with it of the fields in `was`."""
    if entry.action != "update":
        return replace(entry, after=record)
    along = [
        info.name
        for info in fields
        if info.name not in entry.values and not info.read_only and info.name in record and info.name in was
        if not info.name.startswith(RESTLESS) and info.type.casefold() != "file"
        if not same(info.name, was[info.name], record[info.name], fields)
    ]
    before = {**{name: entry.before.get(name) for name in entry.values}, **{name: was[name] for name in along}}
    return replace(entry, before=before, after={name: record.get(name) for name in before})


def not_taken(entry: Entry, record: Record, fields: Fields) -> list[str]:
    """The fields that do not hold what was sent."""
    return [
        name
        for name, value in entry.values.items()
        if name in fields and not same(name, record.get(name), value, fields)
    ]


def _follows(info: FieldInfo, change: Change, fields: Fields) -> bool:
    """Whether a field may change with the stage: the days on which a record begins and ends (crm.item.update)."""
    moved = {*fields.entity.stage_fields, fields.entity.funnel_field} & change.values.keys()
    return bool(moved) and info.name not in change.values and not info.read_only and fields.kind(info.name) == "date"
