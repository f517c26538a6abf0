"""From the `fields` of `crm.item.add` and `crm.item.update` to columns (docs: crm/universal/object-fields)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import checking
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.rest.calls import RestError
from bitrix24_mcp.demo.rest.items import multifields
from bitrix24_mcp.demo.rest.items.single import original_names
from bitrix24_mcp.demo.rest.parameters import elements, entries
from bitrix24_mcp.demo.rest.rights import HIDDEN_FUNNEL, sees_all
from bitrix24_mcp.demo.values import ValueRefused

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call
    from bitrix24_mcp.demo.rest.items.shape import ItemField, ItemType
    from bitrix24_mcp.demo.schema import Field
    from bitrix24_mcp.demo.values import Column

# Whoever has no name at all is no contact (docs: crm/contacts).
_NAMES = ("name", "lastName", "secondName")
# The only field of several values that an empty text empties (crm.item.update).
_EMPTIED_BY_TEXT = "observers"
# Written here although the gateway only reads it; what has a single contact takes the first.
_CONTACTS = "contactIds"
_PHP_TYPES = {"bool": "boolean", "int": "integer", "float": "double", "str": "string", "NoneType": "NULL"}


def written(call: Call, kind: ItemType, before: Row | None = None) -> dict[str, Column]:
    """The columns that the call writes; fields that are unknown or only read are passed over."""
    if "fields" not in call.params:
        raise RestError("100", "Could not find value for parameter {fields}")
    known = kind.named(original=original_names(call))
    values: dict[str, Column] = {}
    for name, value in entries(call.params["fields"]):
        if name == "fm" and kind.multifields:
            values |= _contact_data(kind, before, value)
        elif name == _CONTACTS and "contactId" in known:
            values |= _contacts(known, value)
        elif name in known and not known[name].field.readonly:
            values[known[name].field.name] = _column(known[name], value)
    if before and call.portal.switches.rest.emptying_broken:
        values = {name: column for name, column in values.items() if not (_custom(kind, name) and column == "[]")}
    _check_funnel(call, kind, values)
    return values


def check_required(kind: ItemType, values: dict[str, Column]) -> None:
    """Refuse a new item without what it must have; a title it gets by itself."""
    required = [field for field in kind.entity.fields if field.required and field.name != "title"]
    for field in required:
        several = _NAMES if (kind.number, field.name) == (3, "name") else (field.name,)
        if not any(values.get(name) not in (None, "", "[]") for name in several):
            raise RestError("CRM_FIELD_ERROR_REQUIRED", f'The field "{field.title}" is required')


def refusal(kind: ItemType, refused: FieldRefused) -> RestError:
    """What the portal does not take, in the words of these methods."""
    return _invalid(kind.entity.by_name[refused.name].title)


def _custom(kind: ItemType, column: str) -> bool:
    return kind.entity.by_name[column].custom


def _contact_data(kind: ItemType, before: Row | None, value: object) -> dict[str, Column]:
    try:
        return multifields.changed(kind, before, value) if before else multifields.added(kind, value)
    except ValueRefused as wrong:
        raise _invalid("FM") from wrong


def _contacts(known: dict[str, ItemField], value: object) -> dict[str, Column]:
    several = _several(_CONTACTS, value)
    if _CONTACTS in known:
        return {_CONTACTS: _checked(known[_CONTACTS].field, several)}
    return {"contactId": _checked(known["contactId"].field, several[0] if several else 0)}


def _column(item: ItemField, value: object) -> Column:
    return _checked(item.field, _several(item.name, value) if item.field.multiple else value)


def _several(name: str, value: object) -> list[object]:
    """The values of an array, without empty ones."""
    if not isinstance(value, (dict, list)) and (name, value) != (_EMPTIED_BY_TEXT, ""):
        got = _PHP_TYPES[type(value).__name__]
        raise RestError("100", f"Expected iterable value for multiple field, but got {got} instead")
    return [element for element in elements(cast("object", value)) if element != ""]


def _checked(field: Field, value: object) -> Column:
    try:
        return checking.written(field, value)
    except ValueRefused as wrong:
        raise _invalid(field.title) from wrong


def _check_funnel(call: Call, kind: ItemType, values: dict[str, Column]) -> None:
    """Nobody writes into a funnel that he may not read."""
    if kind.number == 2 and values.get("categoryId") == HIDDEN_FUNNEL and not sees_all(call.caller):
        raise RestError("ACCESS_DENIED", "Access denied")


def _invalid(title: str) -> RestError:
    return RestError("CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Invalid value for field "{title}"')
