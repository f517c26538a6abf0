"""`crm.item.add`, `crm.item.update`, `crm.item.delete` (docs: crm/universal)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import storing
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items.shape import item_type
from bitrix24_mcp.demo.rest.items.single import visible_row, whole_item
from bitrix24_mcp.demo.rest.items.writing import check_required, refusal, written

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call
    from bitrix24_mcp.demo.rest.items.shape import ItemType
    from bitrix24_mcp.demo.values import Column


def _add(call: Call) -> Result:
    """The new item as `crm.item.get` shows it."""
    kind = item_type(call.portal, call.params)
    values = written(call, kind)
    check_required(kind, values)
    try:
        key = storing.add(call.portal, call.caller.user_id, kind.entity, values)
    except FieldRefused as refused:
        raise refusal(kind, refused) from refused
    return _item(call, kind, key)


def _update(call: Call) -> Result:
    """The item as it now is; nobody is named as its author when nothing changed."""
    kind = item_type(call.portal, call.params)
    before = visible_row(call, kind)
    values = written(call, kind, before)
    try:
        storing.change(call.portal, call.caller.user_id, kind.entity, before, values)
    except FieldRefused as refused:
        raise refusal(kind, refused) from refused
    return _item(call, kind, before["id"])


def _delete(call: Call) -> Result:
    """An empty array."""
    kind = item_type(call.portal, call.params)
    storing.remove(call.portal, kind.entity, int(visible_row(call, kind)["id"]))
    return Result([])


def _item(call: Call, kind: ItemType, key: Column) -> Result:
    """The item whoever it belongs to by now."""
    row = call.portal.database.one(kind.entity, key)
    if row is None:
        raise RestError("NOT_FOUND", "Item not found")
    return Result({"item": whole_item(call, kind, row)})


METHODS = {
    "crm.item.add": Method(("crm",), _add),
    "crm.item.update": Method(("crm",), _update),
    "crm.item.delete": Method(("crm",), _delete),
}
