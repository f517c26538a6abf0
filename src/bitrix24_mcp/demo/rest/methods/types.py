"""Smart-process types: `crm.type.*` and `crm.enum.ownertype` (docs: crm/universal/user-defined-object-types)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items import filters
from bitrix24_mcp.demo.rest.items.rows import printed
from bitrix24_mcp.demo.rest.items.shape import ItemField, find_type, parent_of
from bitrix24_mcp.demo.rest.pages import page
from bitrix24_mcp.demo.rest.parameters import entries, whole
from bitrix24_mcp.demo.rest.rights import sees_all
from bitrix24_mcp.demo.schema import upper_snake
from bitrix24_mcp.demo.schemas.directories import SMART_PROCESSES

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json

_ABSENT = ("isRecurringEnabled", "isInitialized")
_KNOWN = {
    field.name: ItemField(field.name, upper_snake(field.name), field)
    for field in SMART_PROCESSES.fields
    if field.name not in _ABSENT
}
_STANDARD = (
    # number, name, code, short code
    (1, "Лид", "LEAD", "L"),
    (2, "Сделка", "DEAL", "D"),
    (3, "Контакт", "CONTACT", "C"),
    (4, "Компания", "COMPANY", "CO"),
    (5, "Счёт (старая версия)", "INVOICE", "I"),
    (7, "Предложение", "QUOTE", "Q"),
    (8, "Реквизиты", "REQUISITE", "RQ"),
    (14, "Заказ", "ORDER", "O"),
    (31, "Счёт", "SMART_INVOICE", "SI"),
    (36, "Документ", "SMART_DOCUMENT", "DO"),
)


def _list(call: Call) -> Result:
    """Types, for administrators of the CRM; sorted by `id` and by nothing else."""
    if not sees_all(call.caller):
        raise RestError("ACCESS_DENIED", "Access denied")
    for name, _ in entries(call.params.get("order")):
        if name != "id":
            message = f"Unknown field definition `{name}` ({name}) for \\Bitrix\\Crm\\Model\\Dynamic\\Type Entity."
            raise RestError(100, message)
    clause = filters.where(_KNOWN, call.params.get("filter"))
    found = page(call, SMART_PROCESSES, clause, filters.order(_KNOWN, call.params.get("order")))
    return found.result({"types": [_type(call, row) for row in found.rows]})


def _get(call: Call) -> Result:
    return _one(call, "id", "id")


def _get_by_number(call: Call) -> Result:
    return _one(call, "entityTypeId", "entityTypeId")


def _one(call: Call, parameter: str, field: str) -> Result:
    """One type with the types it is linked to."""
    clause = equals(field, whole(call.params.get(parameter)))
    rows = call.portal.database.rows(
        SMART_PROCESSES.table, tuple(SMART_PROCESSES.by_name), clause, Slice(quote("id"), 1)
    )
    if not rows:
        raise RestError("0", "SPA not found")
    number = rows[0]["entityTypeId"]
    relations: Json = {"parent": _parents(call, number), "child": _children(call, number)}
    extra: Json = {"relations": relations, "linkedUserFields": {}, "customSections": []}
    return Result({"type": _type(call, rows[0]) | extra})


def _type(call: Call, row: Row) -> Json:
    shown = printed(call, row, _KNOWN)
    shown["code"] = shown["code"] or ""
    return shown


def _parents(call: Call, number: int) -> list[Json]:
    kind = find_type(call.portal, number)
    return [_relation(parent_of(item.name)) for item in (kind.fields if kind else ()) if parent_of(item.name)]


def _children(call: Call, number: int) -> list[Json]:
    named = f"parentId{number}"
    return [_relation(entity.entity_type_id) for entity in call.portal.registry if named in entity.by_name]


def _relation(number: int) -> Json:
    return {"entityTypeId": number, "isChildrenListEnabled": "Y", "isPredefined": "N"}


def _fields(_call: Call) -> Result:
    required, read_only = ("title", "entityTypeId"), ("id", "createdBy", "updatedBy", "createdTime", "updatedTime")
    return Result(
        {
            "fields": {
                name: {
                    "type": item.field.type,
                    "isRequired": name in required,
                    "isReadOnly": name in read_only,
                    "isImmutable": name == "entityTypeId",
                    "isMultiple": False,
                    "isDynamic": False,
                    "title": item.field.title,
                    "upperName": item.original,
                }
                for name, item in _KNOWN.items()
            }
        }
    )


def _owner_types(call: Call) -> Result:
    """Every kind of CRM record with its codes; anybody may ask."""
    rows = call.portal.database.rows("smart_processes", ("entityTypeId", "title"), Where(), Slice(quote("id")))
    dynamic = [(row["entityTypeId"], row["title"]) for row in rows]
    known = [*_STANDARD, *((number, title, f"DYNAMIC_{number}", short_code(number)) for number, title in dynamic)]
    names = ("ID", "NAME", "SYMBOL_CODE", "SYMBOL_CODE_SHORT")
    return Result([dict(zip(names, entry, strict=True)) for entry in known])


def short_code(number: int) -> str:
    """The short code of a type: `D` of deals, `Tae` of the smart process 174."""
    return next((short for known, _, _, short in _STANDARD if known == number), f"T{number:x}")


METHODS = {
    "crm.enum.ownertype": Method(("crm",), _owner_types),
    "crm.type.fields": Method(("crm",), _fields),
    "crm.type.get": Method(("crm",), _get),
    "crm.type.getbyentitytypeid": Method(("crm",), _get_by_number),
    "crm.type.list": Method(("crm",), _list),
}
