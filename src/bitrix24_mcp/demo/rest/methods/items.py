"""`crm.item.list`, `crm.item.get`, `crm.item.fields` (docs: crm/universal)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.calls import Method, Result
from bitrix24_mcp.demo.rest.items import filters, multifields
from bitrix24_mcp.demo.rest.items.fields import described
from bitrix24_mcp.demo.rest.items.rows import printed
from bitrix24_mcp.demo.rest.items.shape import item_type
from bitrix24_mcp.demo.rest.items.single import original_names, visible_row, whole_item
from bitrix24_mcp.demo.rest.pages import page
from bitrix24_mcp.demo.rest.parameters import elements
from bitrix24_mcp.demo.rest.rights import visible

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.rest.items.shape import ItemField, ItemType


def _list(call: Call) -> Result:
    kind = item_type(call.portal, call.params)
    known = kind.named(original=original_names(call))
    clause = filters.where(known, call.params.get("filter")) & visible(call.caller, kind.entity)
    order = filters.order(known, call.params.get("order"))
    found = page(call, kind.entity, clause, order)
    return found.result({"items": [_selected(call, kind, known, row) for row in found.rows]})


def _selected(call: Call, kind: ItemType, known: dict[str, ItemField], row: Row) -> Json:
    """A row with what `select` names, all without it; `fm` comes with `*` alone."""
    asked = [str(name) for name in elements(call.params.get("select"))]
    everything = not asked or "*" in asked
    chosen = known if everything else {name: known[name] for name in asked if name in known}
    if asked and original_names(call) and call.portal.switches.rest.original_names_broken:
        chosen = {name: item for name, item in chosen.items() if item.field.custom}
    item = printed(call, row, chosen)
    if everything or "entityTypeId" in asked:
        item["entityTypeId"] = kind.number
    if "*" in asked and kind.multifields:
        item["fm"] = multifields.printed(kind, row)
    return item


def _get(call: Call) -> Result:
    kind = item_type(call.portal, call.params)
    return Result({"item": whole_item(call, kind, visible_row(call, kind))})


def _fields(call: Call) -> Result:
    return Result({"fields": described(item_type(call.portal, call.params), original=original_names(call))})


METHODS = {
    "crm.item.fields": Method(("crm",), _fields),
    "crm.item.get": Method(("crm",), _get),
    "crm.item.list": Method(("crm",), _list),
}
