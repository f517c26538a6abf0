"""The older `crm.{lead,deal,contact,company,quote}.update`: capitals, and `true` for an answer (docs: crm)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import checking, multifields, storing
from bitrix24_mcp.demo.database import equals
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items.multifields import part_number
from bitrix24_mcp.demo.rest.items.shape import find_type
from bitrix24_mcp.demo.rest.methods.classic import NUMBERS
from bitrix24_mcp.demo.rest.parameters import elements, entries, whole
from bitrix24_mcp.demo.rest.rights import visible
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.values import ValueRefused

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.rest.items.shape import ItemField, ItemType
    from bitrix24_mcp.demo.values import Column

# A deal does not change its funnel by this method, and nobody is told (crm.deal.update).
_IMMUTABLE = "CATEGORY_ID"


def _update(call: Call, *, number: int) -> Result:
    """True. Unknown names are passed over, and so is what cannot be written."""
    kind = find_type(call.portal, number)
    if kind is None:
        raise RestError("", "Access denied.")
    before = _row(call, kind)
    fields = reading.parameter(call, "fields")
    if not isinstance(fields, (dict, list)):
        raise RestError("", "Parameter 'fields' must be array.")
    try:
        values = _written(kind, before, dict(entries(cast("object", fields))))
        storing.change(call.portal, call.caller.user_id, kind.entity, before, values)
    except (FieldRefused, ValueRefused) as wrong:
        raise RestError("", str(wrong)) from wrong
    return Result(True)  # noqa: FBT003 - what the method answers


def _row(call: Call, kind: ItemType) -> Row:
    number = whole(reading.parameter(call, "id"))
    if number <= 0:
        raise RestError("", "ID is not defined or invalid.")
    row = call.portal.database.one(kind.entity, number)
    if row is None:
        raise RestError("", "Not found")
    if not call.portal.database.count(kind.entity.table, equals("id", number) & visible(call.caller, kind.entity)):
        raise RestError("", "Access denied.")
    return row


def _written(kind: ItemType, before: Row, fields: Json) -> dict[str, Column]:
    known = {item.original: item for item in kind.fields if not item.field.readonly and item.original != _IMMUTABLE}
    values = {known[name].field.name: _column(known[name], value) for name, value in fields.items() if name in known}
    for name, value in fields.items():
        if name.lower() in kind.multifields:
            values[name.lower()] = _parts(name.lower(), before, value)
    return values


def _column(item: ItemField, value: object) -> Column:
    several = [element for element in elements(value) if element != ""]
    return checking.written(item.field, several if item.field.multiple else value)


def _parts(column: str, before: Row, value: object) -> Column:
    """A value with the number of one that there is replaces it, an empty one deletes it; all others are added."""
    kept = multifields.kept(before[column])
    numbers = {str(part_number(column, part)): part.number for part in kept}
    for sent in multifields.sent(elements(value), empty=True):
        number = numbers.get(sent.number, "")
        if number:
            kept = [multifields.Part(sent.value, sent.kind, number) if each.number == number else each for each in kept]
        else:
            kept.append(multifields.Part(sent.value, sent.kind))
    return multifields.column(part for part in kept if part.value)


METHODS = {f"crm.{kind}.update": Method(("crm",), partial(_update, number=number)) for kind, number in NUMBERS.items()}
