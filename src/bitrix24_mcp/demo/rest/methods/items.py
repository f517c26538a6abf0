"""`crm.item.list`, `crm.item.get`, `crm.item.fields` (docs: crm/universal)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, equals, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items import filters
from bitrix24_mcp.demo.rest.items.fields import described
from bitrix24_mcp.demo.rest.items.rows import multifields, printed
from bitrix24_mcp.demo.rest.items.shape import item_type
from bitrix24_mcp.demo.rest.pages import page
from bitrix24_mcp.demo.rest.parameters import elements, whole
from bitrix24_mcp.demo.rest.rights import visible

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.rest.items.shape import ItemField, ItemType


def _list(call: Call) -> Result:
    kind = item_type(call.portal, call.params)
    known = kind.named(original=_original(call))
    clause = filters.where(known, call.params.get("filter")) & visible(call.caller, kind.entity)
    order = filters.order(known, call.params.get("order"))
    found = page(call, kind.entity, clause, order)
    return found.result({"items": [_selected(call, kind, known, row) for row in found.rows]})


def _selected(call: Call, kind: ItemType, known: dict[str, ItemField], row: Row) -> Json:
    """A row with what `select` names, all without it; `fm` comes with `*` alone."""
    asked = [str(name) for name in elements(call.params.get("select"))]
    everything = not asked or "*" in asked
    chosen = known if everything else {name: known[name] for name in asked if name in known}
    if asked and _original(call) and call.portal.switches.rest.original_names_broken:
        chosen = {name: item for name, item in chosen.items() if item.field.custom}
    item = printed(call, row, chosen)
    if everything or "entityTypeId" in asked:
        item["entityTypeId"] = kind.number
    if "*" in asked and kind.multifields:
        item["fm"] = multifields(kind, row)
    return item


def _get(call: Call) -> Result:
    kind = item_type(call.portal, call.params)
    key = equals("id", whole(call.params.get("id")))
    database = call.portal.database
    if not database.count(kind.entity.table, key):
        raise RestError("NOT_FOUND", "Item not found")
    part = Slice(quote("id"), 1)
    rows = database.rows(kind.entity.table, tuple(kind.entity.by_name), key & visible(call.caller, kind.entity), part)
    if not rows:
        raise RestError("ACCESS_DENIED", "Access denied")
    return Result({"item": _whole_item(call, kind, rows[0])})


def _whole_item(call: Call, kind: ItemType, row: Row) -> Json:
    """Everything about one item, with what only this method adds: observers, contacts, `fm`."""
    item = printed(call, row, kind.named(original=_original(call)))
    item["entityTypeId"] = kind.number
    if kind.number not in (3, 4):
        item.setdefault("observers", [])
    if kind.number != 3:
        item.setdefault("contactIds", _contacts(call, kind, item))
    if kind.multifields:
        item["fm"] = multifields(kind, row)
    return item


def _contacts(call: Call, kind: ItemType, item: Json) -> list[object]:
    if kind.number != 4:
        return [item["contactId"]] if item.get("contactId") else []
    key = equals("companyId", whole(item["id"]))
    return [row["id"] for row in call.portal.database.rows("contacts", ("id",), key, Slice(quote("id")))]


def _fields(call: Call) -> Result:
    return Result({"fields": described(item_type(call.portal, call.params), original=_original(call))})


def _original(call: Call) -> bool:
    return call.params.get("useOriginalUfNames") == "Y"


METHODS = {
    "crm.item.fields": Method(("crm",), _fields),
    "crm.item.get": Method(("crm",), _get),
    "crm.item.list": Method(("crm",), _list),
}
