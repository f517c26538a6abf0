"""Records to create, change or delete, checked against the portal's own schema before anything is sent."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.links import called
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.portal_values import Record, RecordId
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.crm.writing.plan import Plan, check_number
from bitrix24_mcp.crm.writing.problems import Problems
from bitrix24_mcp.crm.writing.same import same
from bitrix24_mcp.crm.writing.stages import with_first_stage, with_stage
from bitrix24_mcp.crm.writing.values import stored

ItemAction = Literal["create", "update", "delete"]
ORIGINATOR = "bitrix24-mcp"
"""What new records name as the system that they come from, where they have a field for it."""
_FROM_THE_STAGE = frozenset({"stageSemanticId", "closed"})
"""Fields that follow from the stage, whether or not the portal calls them read-only (crm.item.update)."""


@dataclass(frozen=True, slots=True)
class ItemsWanted:
    """What is wanted, as the caller wrote it: `items` to create or change, `ids` to delete."""

    entity: str
    action: ItemAction
    items: Sequence[Mapping[str, Any]] = ()
    ids: Sequence[RecordId] = ()


async def plan_items(wanted: ItemsWanted, writer: Writer, metadata: Metadata) -> Plan:
    """The plan for it. Raises InvalidArguments that names everything which is wrong; nothing has been sent then."""
    entity = await resolve_entity(wanted.entity, metadata)
    if not entity.writable or not writer.takes(wanted.action, entity):
        raise _not_writable(entity)
    fields = await metadata.fields(entity)
    if wanted.action == "delete":
        return await _deletions(wanted, fields, metadata)
    if wanted.ids:
        raise _of_the_other_kind("ids", "delete")
    check_number(len(wanted.items), "items")
    if wanted.action == "create":
        return await _creations(wanted.items, fields, metadata)
    return await _updates(wanted.items, fields, metadata)


async def _creations(items: Sequence[Mapping[str, Any]], fields: Fields, metadata: Metadata) -> Plan:
    problems = Problems(lambda place: f"Item {place + 1}" if len(items) > 1 else "")
    reading = _Reading(fields, metadata, await metadata.now(), problems)
    found: list[dict[str, Any]] = []
    for place, item in enumerate(items):
        values = await reading.values(place, item, None)
        _check_required(place, values, fields, problems)
        found.append({name: each for name, each in values.items() if each not in (None, [])})
    problems.check()
    token = secrets.token_hex(8)
    marks = [_mark(values, fields, f"{token}-{place}") for place, values in enumerate(found)]
    changes = [
        Change("create", fields.entity, None, {**values, **_origin(fields, mark)})
        for values, mark in zip(found, marks, strict=True)
    ]
    which = "it" if len(items) == 1 else "each"
    note = f"{' and '.join(fields.entity.origin)} will hold a mark by which {which} can be found again."
    return Plan(
        "create", fields.entity, tuple(changes), marks=tuple(marks), notes=(note,) if any(marks) else (),
        called={place: called(values, fields.entity) for place, values in enumerate(found)},
    )  # fmt: skip


async def _updates(items: Sequence[Mapping[str, Any]], fields: Fields, metadata: Metadata) -> Plan:
    ids = _ids([_id_of(place, item, fields) for place, item in enumerate(items)], fields)
    problems = Problems(lambda place: f"{fields.entity.singular.capitalize()} {ids[place]}" if len(items) > 1 else "")
    records = await _read(ids, fields, metadata, problems)
    reading = _Reading(fields, metadata, await metadata.now(), problems)
    changes: list[Change] = []
    unchanged: list[RecordId] = []
    notes: list[str] = []
    for place, (record_id, item) in enumerate(zip(ids, items, strict=True)):
        before = records.get(record_id, {})
        values = await reading.values(place, {name: each for name, each in item.items() if name != "id"}, before)
        if not item.keys() - {"id"}:
            problems.add(place, _nothing_given())
        if problems.of(place):
            continue
        differing = {name: each for name, each in values.items() if not same(name, before.get(name), each, fields)}
        if differing:
            changes.append(Change("update", fields.entity, record_id, differing, before))
            notes += _lost(changes[-1])
        else:
            unchanged.append(record_id)
    problems.check()
    called_so = _names(changes, fields.entity)
    return Plan("update", fields.entity, tuple(changes), tuple(unchanged), tuple(notes), called=called_so)


def _lost(change: Change) -> list[str]:
    """What goes along with a change and cannot come back: a record that is given one contact has no others."""
    others = change.before.get("contactIds") or ()
    if "contactId" not in change.values or len(others) < 2:
        return []
    what = f"{change.entity.singular.capitalize()} {change.id} has {len(others)} contacts"
    return [f"{what}, which give way to this one; undo brings back only the first."]


async def _deletions(wanted: ItemsWanted, fields: Fields, metadata: Metadata) -> Plan:
    if wanted.items:
        raise _of_the_other_kind("items", "create and update")
    check_number(len(wanted.ids), "ids")
    ids = _ids(wanted.ids, fields)
    problems = Problems(lambda place: f"{fields.entity.singular.capitalize()} {ids[place]}" if len(ids) > 1 else "")
    records = await _read(ids, fields, metadata, problems)
    problems.check()
    changes = tuple(Change("delete", fields.entity, each, {}, records[each]) for each in ids)
    return Plan("delete", fields.entity, changes, called=_names(changes, fields.entity))


class _Reading:
    """Turns items into stored values; the same value of the same field is looked up once for all of them."""

    def __init__(self, fields: Fields, metadata: Metadata, now: datetime, problems: Problems) -> None:
        self._fields = fields
        self._metadata = metadata
        self._now = now
        self._problems = problems
        self._known: dict[tuple[str, str, str], Any] = {}

    async def values(self, place: int, item: Mapping[str, Any], before: Record | None) -> dict[str, Any]:
        """The stored values by canonical field name; what is wrong is noted and left out."""
        written: dict[str, Any] = {}
        for name, value in item.items():
            field = await self._problems.keep(place, self._field(name, before), "")
            if field and field in written:
                self._problems.add(place, _twice(field))
            if field:
                written[field] = value
        values: dict[str, Any] = {}
        stages = {name: each for name, each in written.items() if self._fields.kind(name) == "stage"}
        for name, value in written.items():
            if name not in stages:
                held = (before or {}).get(name)
                values[name] = await self._problems.keep(place, self._value(name, value, held), None, name)
        for name, value in stages.items():
            work = with_stage(values, name, value, self._fields, self._metadata, before)
            values = await self._problems.keep(place, work, values, name)
        return await with_first_stage(values, self._fields, self._metadata, before) if before else values

    async def _field(self, written: str, before: Record | None) -> str:
        name = self._fields.resolve(written)
        info = self._fields[name]
        # The universal methods move a record to another funnel, whatever its description says (crm.item.update).
        fixed = before is not None and info.immutable and name != self._fields.entity.funnel_field
        if name == "id" or info.read_only or name in _FROM_THE_STAGE or fixed:
            raise InvalidArguments(
                f"{name} cannot be written{' once the record is made' if fixed else ''}.",
                advice="Leave it out." if fixed and not info.read_only else _instead(name, self._fields),
                code="READ_ONLY_FIELD",
            )
        return name

    async def _value(self, name: str, written: Any, held: Any) -> Any:
        key = (name, repr(written), repr(held) if self._fields.has_parts(name) else "")
        if key not in self._known:
            value = await stored(name, written, self._fields, self._metadata, self._now, held)
            if value in (None, []) and self._fields[name].required:
                raise InvalidArguments(
                    f"{name} must not be empty.", advice="Give it a value, or leave it out.", code="REQUIRED_FIELD"
                )
            self._known[key] = value
        return self._known[key]


def _instead(name: str, fields: Fields) -> str:
    if name in _FROM_THE_STAGE:
        return (
            f"It follows from the stage: write {fields.entity.stage_fields[0] if fields.entity.stage_fields else ''}."
        )
    return "The portal writes it itself; leave it out."


def _check_required(place: int, values: Mapping[str, Any], fields: Fields, problems: Problems) -> None:
    for info in fields:
        if info.required and not info.read_only and info.name not in values:
            shown = f"{info.name} ({info.title})" if info.title and info.title != info.name else info.name
            problems.add(
                place,
                InvalidArguments(f"{shown} is missing.", advice="The portal requires it.", code="REQUIRED_FIELD"),
            )


def _mark(values: Mapping[str, Any], fields: Fields, mark: str) -> str:
    """The mark, where the new record has fields for it that nobody wants to use otherwise; else empty."""
    free = [name in fields and not fields[name].read_only and name not in values for name in fields.entity.origin]
    return mark if free and all(free) else ""


def _origin(fields: Fields, mark: str) -> dict[str, Any]:
    """Where the mark stands; where there are two fields, the first names this program."""
    if not mark:
        return {}
    return dict(zip(reversed(fields.entity.origin), (mark, ORIGINATOR), strict=False))


async def _read(
    ids: Sequence[RecordId], fields: Fields, metadata: Metadata, problems: Problems
) -> Mapping[RecordId, Record]:
    read = await metadata.portal.records(fields.entity, ids)
    for place, each in enumerate(ids):
        what = f"{fields.entity.singular} {each}"
        if each in read.missing:
            problems.add(place, InvalidArguments(f"There is no {what}.", advice="Check the id.", code="NOT_FOUND"))
        if each in read.refused:
            advice = "Leave it out, or ask an administrator for the right."
            problems.add(place, InvalidArguments(f"This key may not see {what}.", advice=advice, code="ACCESS_DENIED"))
    return read.found


def _ids(written: Sequence[Any], fields: Fields) -> list[RecordId]:
    ids = [_number(each, fields) for each in written]
    doubled = sorted({each for each in ids if ids.count(each) > 1})
    if doubled:
        raise InvalidArguments(
            f"{', '.join(map(str, doubled[:8]))}{' and others' if len(doubled) > 8 else ''}: named more than once.",
            advice="Put all that is to change of a record into one item.",
            code="INVALID_ARGUMENT",
        )
    return list(ids)


def _number(written: Any, fields: Fields) -> int:
    text = str(written).strip()
    if isinstance(written, bool) or not text.isdecimal() or not 0 < int(text) < 2**63:
        raise InvalidArguments(
            f"“{text[:40]}” is no id of a {fields.entity.singular}.",
            advice="Give whole numbers above 0; search_items finds the ids.",
            code="INVALID_VALUE",
        )
    return int(text)


def _id_of(place: int, item: Mapping[str, Any], fields: Fields) -> Any:
    if "id" not in item:
        raise InvalidArguments(
            f"Item {place + 1} has no id.",
            advice=f"To change a {fields.entity.singular}, give its id and the new values.",
            code="INVALID_ARGUMENT",
        )
    return item["id"]


def _names(changes: Sequence[Change], entity: Entity) -> dict[int, str]:
    return {place: called(each.before, entity) for place, each in enumerate(changes)}


def _not_writable(entity: Entity) -> InvalidArguments:
    return InvalidArguments(
        f"{entity.title} cannot be written here.",
        advice="write_items takes deals, leads, contacts, companies, quotes, invoices, tasks, products and smart "
        "processes; comments are written with add_comment.",
        code="NOT_WRITABLE",
    )


def _of_the_other_kind(given: str, action: str) -> InvalidArguments:
    return InvalidArguments(
        f"{given} belong to {action}.", advice="Records are created and changed by items, deleted by ids.",
        code="INVALID_ARGUMENT",
    )  # fmt: skip


def _nothing_given() -> InvalidArguments:
    return InvalidArguments("Nothing is to be changed.", advice="Give the fields to change.", code="INVALID_ARGUMENT")


def _twice(field: str) -> InvalidArguments:
    return InvalidArguments(f"{field} is given twice.", advice="Name it once.", code="INVALID_ARGUMENT")
