"""Records by their ids, with what belongs to them: what `get_item` answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.labels import with_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Record, RecordId
from bitrix24_mcp.crm.records.related import Related, check_number, read_related, resolve_relations
from bitrix24_mcp.crm.records.relations import named_rows, unset
from bitrix24_mcp.crm.records.room import fit
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.shape import compact, shape, tokens
from bitrix24_mcp.crm.text import plain

_TECHNICAL = frozenset(
    {
        "xmlId",
        "opened",
        "export",
        "previousStageId",
        "allowTimeTracking",
        "providerTypeId",
        "personalPhoto",
        "sort",
        "originatorId",
        "originId",
    }
)
"""Fields that tell people nothing, or what the record says elsewhere; shown when they are asked for."""
_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class ItemsQuestion:
    """What is asked, as the caller wrote it; `budget` counts tokens of the whole answer."""

    entity: str
    ids: Sequence[RecordId]
    include: Sequence[str]
    select: Sequence[str]
    budget: int


@dataclass(frozen=True, slots=True)
class ItemsFound:
    """Shaped records in the order asked for, ids without a record, ids that this key's user may not see.

    `labels` says what people call the user fields that are shown.
    """

    items: list[dict[str, Any]]
    missing: list[RecordId]
    not_allowed: list[RecordId]
    labels: dict[str, str]
    note: str | None


async def read_items(question: ItemsQuestion, metadata: Metadata) -> ItemsFound:
    """The records, as much of them as the token budget holds; what does not fit is named in the note.

    Raises InvalidArguments before any record is read when the question is wrong.
    """
    entity = await resolve_entity(question.entity, metadata)
    fields = await metadata.fields(entity)
    ids = list(dict.fromkeys(_checked(each, fields) for each in question.ids))
    columns = _columns(question.select, fields)
    relations = await resolve_relations(question.include, fields, metadata)
    check_number(relations, len(ids))
    records = await metadata.portal.records(entity, ids)
    rows = {each: records.found[each] for each in ids if each in records.found}
    related = await read_related(relations, rows, metadata) if rows and relations else Related({})
    items = await _shown(rows, fields, columns, metadata) if rows else []
    for item, held in zip(items, (related.values.get(each) for each in rows), strict=True):
        item.update({"related": dict(held)} if held else {})
    beside = tokens(compact([_labels(items, fields), records.missing, records.refused, related.notes]))
    kept, cut = fit(items, question.budget - beside)
    note = " ".join([*related.notes, *cut]) or None
    return ItemsFound(kept, list(records.missing), list(records.refused), _labels(kept, fields), note)


def _checked(written: RecordId, fields: Fields) -> RecordId:
    """The id as the portal takes it: a number, or the code of a currency."""
    text = str(written).strip()
    if text.isdecimal() and 0 < int(text) < 2**63:
        return int(text)
    if fields.kind("id") == "string" and _CODE.fullmatch(text):
        return text
    raise InvalidArguments(
        f"A record of {fields.entity.name} has another kind of id.",
        advice="Give whole numbers above 0; search_items finds the ids.",
        code="INVALID_VALUE",
    )


def _columns(written: Sequence[str], fields: Fields) -> tuple[str, ...]:
    """Those asked for, money with its currency; empty for everything that people read."""
    wanted = [fields.resolve(name) for name in written]
    with_currency = [column for name in wanted for column in (name, fields.currency_of(name)) if column in fields]
    return tuple(dict.fromkeys(("id", *with_currency))) if written else ()


async def _shown(
    rows: Mapping[RecordId, Record], fields: Fields, columns: Sequence[str], metadata: Metadata
) -> list[dict[str, Any]]:
    """The records with names beside codes. Links that nobody asked for stay ids: their names would cost a request."""
    zone = await metadata.zone()
    usual = [name for name in fields.entity.select if name in fields]
    every = tuple(dict.fromkeys(("id", *usual, *(info.name for info in fields))))
    shown = [shape(row, fields, columns or _worth_reading(row, every, fields), zone) for row in rows.values()]
    return await (
        with_names(shown, fields, columns, metadata) if columns else named_rows(shown, fields, every, metadata)
    )


def _worth_reading(row: Record, columns: Sequence[str], fields: Fields) -> list[str]:
    """The columns without the technical ones, unset links, and lists that repeat a single value."""
    return [
        name
        for name in columns
        if name not in _TECHNICAL
        and not (name == "entityTypeId" and fields.entity.entity_type_id is not None)
        and not unset(row, name, fields)
        and not (name.endswith("Ids") and row.get(name) == [row.get(name[:-1])])
    ]


def _labels(items: Sequence[Mapping[str, Any]], fields: Fields) -> dict[str, str]:
    """What people call each user field that is shown, where the portal says."""
    shown = dict.fromkeys(name for item in items for name in item if name in fields and fields.is_user_field(name))
    return {name: plain(title, 80) for name in shown if (title := fields[name].title) and title != name}
