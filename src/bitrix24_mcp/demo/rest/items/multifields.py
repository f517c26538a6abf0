"""Phones, mails and sites of items: read and added as one list `fm`, changed as a map by number (crm.item.update)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import multifields
from bitrix24_mcp.demo.multifields import Part
from bitrix24_mcp.demo.rest.items.shape import MULTIFIELDS
from bitrix24_mcp.demo.rest.parameters import entries
from bitrix24_mcp.demo.values import ValueRefused

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Json
    from bitrix24_mcp.demo.rest.items.shape import ItemType
    from bitrix24_mcp.demo.values import Column

_COLUMNS = {kind: column for column, kind in MULTIFIELDS.items()}


def printed(kind: ItemType, row: Row) -> list[Json]:
    """The phones, mails and sites of a row."""
    return [
        {
            "id": part_number(column, part),
            "typeId": MULTIFIELDS[column],
            "valueType": part.kind,
            "value": part.value,
        }
        for column in kind.multifields
        for part in multifields.kept(row[column])
    ]


def part_number(column: str, part: Part) -> int:
    """The number of a value on the outside: columns count by themselves, a record as a whole does not."""
    return int(part.number) * 10 + list(MULTIFIELDS).index(column)


def added(kind: ItemType, raw: object) -> dict[str, Column]:
    """The columns of a new item from a list of `{typeId, valueType, value}`."""
    found: dict[str, list[Part]] = {}
    for _, entry in entries(raw):
        column, part = _new(kind, entry)
        if part.value:
            found.setdefault(column, []).append(part)
    return {column: multifields.column(parts) for column, parts in found.items()}


def changed(kind: ItemType, row: Row, raw: object) -> dict[str, Column]:
    """The columns after changes by number: a value replaces, an empty one deletes, an unknown number adds."""
    found = {column: multifields.kept(row[column]) for column in kind.multifields}
    known = {str(part_number(column, part)): (column, part) for column, parts in found.items() for part in parts}
    for key, entry in entries(raw):
        if key in known:
            column, old = known[key]
            found[column] = [part for part in (_changed(part, old, entry) for part in found[column]) if part.value]
        else:
            column, part = _new(kind, entry)
            found[column] += [part] if part.value else []
    return {column: multifields.column(parts) for column, parts in found.items()}


def _changed(part: Part, old: Part, entry: object) -> Part:
    if part is not old:
        return part
    told = _told(entry)
    return Part(_text(told.get("value", old.value)), _text(told.get("valueType")) or old.kind, old.number)


def _new(kind: ItemType, entry: object) -> tuple[str, Part]:
    told = _told(entry)
    column = _COLUMNS.get(_text(told.get("typeId")), "")
    if column not in kind.multifields:
        raise ValueRefused(f"typeId has to be one of {', '.join(MULTIFIELDS[name] for name in kind.multifields)}")
    return column, Part(_text(told.get("value")), _text(told.get("valueType")) or "WORK")


def _told(entry: object) -> Json:
    if not isinstance(entry, dict):
        raise ValueRefused("a map with typeId, valueType and value is expected")
    return cast("Json", entry)


def _text(value: object) -> str:
    if isinstance(value, (dict, list)):
        raise ValueRefused("a text is expected")
    return "" if value is None else str(value).strip()
