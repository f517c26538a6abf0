"""Funnels and how records went through them: `crm.category.*`, `crm.stagehistory.list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items import filters
from bitrix24_mcp.demo.rest.items.rows import printed
from bitrix24_mcp.demo.rest.items.shape import ItemField, ItemType, item_type
from bitrix24_mcp.demo.rest.pages import page
from bitrix24_mcp.demo.rest.parameters import elements, whole
from bitrix24_mcp.demo.rest.rights import HIDDEN_FUNNEL, sees_all, visible
from bitrix24_mcp.demo.schemas.registry import Registry

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json

_WITHOUT_FUNNELS = (1, 7)
_WITHOUT_STAGES = (3, 4)
_HISTORY = Registry()["stage-history"]
_HISTORY_NAMES = {
    "ID": "id",
    "TYPE_ID": "typeId",
    "OWNER_ID": "ownerId",
    "CREATED_TIME": "createdAt",
    "CATEGORY_ID": "categoryId",
    "STAGE_SEMANTIC_ID": "stageSemanticId",
    "STAGE_ID": "stageId",
}
_LEAD_NAMES = {"STAGE_SEMANTIC_ID": "STATUS_SEMANTIC_ID", "STAGE_ID": "STATUS_ID"}


def _list(call: Call) -> Result:
    """The funnels of a type by their order, without those that the caller cannot read."""
    number = _with_funnels(call)
    clause = equals("entityTypeId", number)
    if not sees_all(call.caller) and number == 2:
        clause &= Where((f"{quote('id')} <> ?",), (HIDDEN_FUNNEL,))
    categories = [_category(row) for row in _rows(call, clause)]
    return Result({"categories": categories}, len(categories))


def _get(call: Call) -> Result:
    number, funnel = _with_funnels(call), whole(call.params.get("id"), -1)
    rows = _rows(call, equals("entityTypeId", number) & equals("id", funnel))
    if not rows:
        raise RestError("NOT_FOUND", "Category not found")
    if (number, funnel) == (2, HIDDEN_FUNNEL) and not sees_all(call.caller):
        raise RestError("ACCESS_DENIED", "Access denied")
    return Result({"category": _category(rows[0])})


def _with_funnels(call: Call) -> int:
    kind = item_type(call.portal, call.params)
    if kind.number in _WITHOUT_FUNNELS:
        raise RestError("ENTITY_TYPE_NOT_SUPPORTED", "Entity type does not support categories")
    return kind.number


def _rows(call: Call, clause: Where) -> list[Row]:
    names = ("id", "name", "sort", "entityTypeId", "isDefault")
    return call.portal.database.rows("categories", names, clause, Slice(f"{quote('sort')}, {quote('id')}"))


def _category(row: Row) -> Json:
    """A funnel; the deals' default one, 0, has no keys of origin."""
    shown: Json = {
        "id": row["id"],
        "name": row["name"],
        "sort": row["sort"],
        "entityTypeId": row["entityTypeId"],
        "isDefault": "Y" if row["isDefault"] else "N",
    }
    return shown if row["id"] == 0 else {**shown, "originId": "", "originatorId": ""}


def _history(call: Call) -> Result:
    """Moves between stages; only deals have any in this portal."""
    kind = item_type(call.portal, call.params)
    if kind.number in _WITHOUT_STAGES:
        raise RestError("ENTITY_TYPE_NOT_SUPPORTED", "Entity type does not support stages")
    known = _history_fields(kind)
    clause = filters.where(known, call.params.get("filter")) & equals("entityType", kind.entity.path.removesuffix("s"))
    clause &= _of_visible(call, kind)
    asked = [str(name) for name in elements(call.params.get("select"))]
    chosen = known if not asked or "*" in asked else {name: known[name] for name in asked if name in known}
    found = page(call, _HISTORY, clause, filters.order(known, call.params.get("order")))
    return found.result({"items": [printed(call, row, chosen) for row in found.rows]})


def _history_fields(kind: ItemType) -> dict[str, ItemField]:
    names = {_LEAD_NAMES.get(name, name): field for name, field in _HISTORY_NAMES.items()}
    chosen = names if kind.number == 1 else _HISTORY_NAMES
    return {name: ItemField(name, name, _HISTORY.by_name[field]) for name, field in chosen.items()}


def _of_visible(call: Call, kind: ItemType) -> Where:
    """Only moves of records that the caller may read."""
    owners = visible(call.caller, kind.entity)
    if not owners.conditions:
        return owners
    inner = " ".join(("SELECT", quote("id"), "FROM", quote(kind.entity.table) + owners.sql))
    return Where((f"{quote('ownerId')} IN ({inner})",), owners.values)


METHODS = {
    "crm.category.get": Method(("crm",), _get),
    "crm.category.list": Method(("crm",), _list),
    "crm.stagehistory.list": Method(("crm",), _history),
}
