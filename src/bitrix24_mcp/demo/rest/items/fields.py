"""What `crm.item.fields` says of each field of a type (crm.item.fields)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.items.shape import MULTIFIELDS, parent_of

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Json
    from bitrix24_mcp.demo.rest.items.shape import ItemField, ItemType

# Where the type is told by the name, whatever the table calls it.
_TYPES = {
    "categoryId": "crm_category",
    "comments": "text",
    "companyId": "crm_company",
    "contactId": "crm_contact",
    "contactIds": "crm_contact",
    "currencyId": "crm_currency",
    "mycompanyId": "crm_company",
    "opportunity": "double",
    "revenue": "double",
}
# Links to one record of a standard type.
_PARENTS = {"dealId": 2, "leadId": 1}
_MULTIFIELD = {
    "type": "crm_multifield",
    "isRequired": False,
    "isReadOnly": False,
    "isImmutable": False,
    "isMultiple": True,
    "isDynamic": False,
    "title": "Контактные данные",
    "upperName": "FM",
}


def described(kind: ItemType, *, original: bool) -> Json:
    """Every field by the name that items have it under."""
    entries: Json = {name: _entry(item) for name, item in kind.named(original=original).items()}
    return {**entries, "fm": _MULTIFIELD} if kind.multifields else entries


def described_in_capitals(kind: ItemType) -> Json:
    """Every field as the older methods name it, phones and addresses each by itself (docs: crm/contacts)."""
    entries: Json = {item.original: _in_capitals(item) for item in kind.fields}
    titles = {MULTIFIELDS[column]: kind.entity.by_name[column].title for column in kind.multifields}
    return {**entries, **{name: {**_MULTIFIELD, "title": title} for name, title in titles.items()}}


def _in_capitals(item: ItemField) -> Json:
    """User fields have their code for a title there, and what people call them beside it."""
    entry = {name: value for name, value in _entry(item).items() if name != "upperName"}
    return {**entry, "title": item.original, "formLabel": item.field.title} if item.field.custom else entry


def _entry(item: ItemField) -> Json:
    field = item.field
    parent = parent_of(item.name) or _PARENTS.get(item.name, 0)
    entry: Json = {
        "type": "crm_entity" if parent else _type(item),
        "isRequired": field.required,
        "isReadOnly": field.readonly,
        "isImmutable": False,
        "isMultiple": field.multiple,
        "isDynamic": field.custom,
        "title": field.title,
        "upperName": item.original,
    }
    if parent:
        entry["settings"] = {"parentEntityTypeId": parent}
    if field.directory:
        entry["statusType"] = field.directory
    if field.directory and field.custom:
        entry["settings"] = {"ENTITY_TYPE": field.directory}
    if field.options:
        entry["items"] = [{"ID": number, "VALUE": label} for number, label in field.options]
    return entry


def _type(item: ItemField) -> str:
    if item.field.custom:
        return item.field.type
    return _TYPES.get(item.name, item.field.type)
