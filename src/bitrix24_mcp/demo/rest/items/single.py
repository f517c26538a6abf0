"""One item with everything about it, as `crm.item.get`, `.add` and `.update` answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, equals, quote
from bitrix24_mcp.demo.rest.calls import RestError
from bitrix24_mcp.demo.rest.items import multifields
from bitrix24_mcp.demo.rest.items.rows import printed
from bitrix24_mcp.demo.rest.parameters import whole
from bitrix24_mcp.demo.rest.rights import visible

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.rest.items.shape import ItemType


def visible_row(call: Call, kind: ItemType) -> Row:
    """The item that `id` names, or the refusal of one that is not there or not the caller's."""
    if "id" not in call.params:
        raise RestError("100", "Could not find value for parameter {id}")
    key = equals("id", whole(call.params["id"]))
    database = call.portal.database
    if not database.count(kind.entity.table, key):
        raise RestError("NOT_FOUND", "Item not found")
    part = Slice(quote("id"), 1)
    rows = database.rows(kind.entity.table, tuple(kind.entity.by_name), key & visible(call.caller, kind.entity), part)
    if not rows:
        raise RestError("ACCESS_DENIED", "Access denied")
    return rows[0]


def whole_item(call: Call, kind: ItemType, row: Row) -> Json:
    """Everything about one item, with what lists do not have: observers, contacts, `fm`."""
    item = printed(call, row, kind.named(original=original_names(call)))
    item["entityTypeId"] = kind.number
    if kind.number not in (3, 4):
        item.setdefault("observers", [])
    if kind.number != 3:
        item.setdefault("contactIds", _contacts(call, kind, item))
    if kind.multifields:
        item["fm"] = multifields.printed(kind, row)
    return item


def original_names(call: Call) -> bool:
    """Whether user fields go by their names in capitals."""
    return call.params.get("useOriginalUfNames") == "Y"


def _contacts(call: Call, kind: ItemType, item: Json) -> list[object]:
    if kind.number != 4:
        return [item["contactId"]] if item.get("contactId") else []
    key = equals("companyId", whole(item["id"]))
    return [row["id"] for row in call.portal.database.rows("contacts", ("id",), key, Slice(quote("id")))]
