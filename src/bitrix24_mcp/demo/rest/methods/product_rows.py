"""`crm.item.productrow.list`: the product rows of one record (docs: crm/universal/product-rows)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import equals
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items import filters
from bitrix24_mcp.demo.rest.items.shape import PATHS, ItemField, ItemType, find_type
from bitrix24_mcp.demo.rest.methods.types import short_code
from bitrix24_mcp.demo.rest.pages import page
from bitrix24_mcp.demo.rest.parameters import entries, whole
from bitrix24_mcp.demo.rest.rights import visible
from bitrix24_mcp.demo.schema import upper_snake
from bitrix24_mcp.demo.schemas.catalogue import PRODUCT_ROWS

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json

_OWNER = ("ownerType", "ownerId")
_KNOWN = {
    field.name: ItemField(field.name, upper_snake(field.name), field)
    for field in PRODUCT_ROWS.fields
    if field.name not in (*_OWNER, "discount")
}


def _list(call: Call) -> Result:
    """Rows whose prices are those after the discount, which is a share in percent."""
    given = dict(entries(call.params.get("filter")))
    code, owner = str(given.get("=ownerType", "")), whole(given.get("=ownerId"))
    if not code or not owner:
        raise RestError("INVALID_ARG_VALUE", "Required fields of filter: =ownerType, =ownerId")
    kind = _owner_type(call, code)
    _check_owner(call, kind, owner)
    others = {key: value for key, value in given.items() if key.removeprefix("=") not in _OWNER}
    clause = filters.where(_KNOWN, others) & equals("ownerType", kind.entity.path) & equals("ownerId", owner)
    found = page(call, PRODUCT_ROWS, clause, filters.order(_KNOWN, call.params.get("order")))
    return found.result({"productRows": [_row(code, row) for row in found.rows]})


def _owner_type(call: Call, code: str) -> ItemType:
    numbers = [*PATHS, *(entity.entity_type_id for entity in call.portal.registry if entity.path.startswith("items/"))]
    for number in numbers:
        kind = find_type(call.portal, number) if short_code(number) == code else None
        if kind is not None:
            return kind
    raise RestError("ENTITY_TYPE_NOT_SUPPORTED", "Owner type is not supported")


def _check_owner(call: Call, kind: ItemType, owner: int) -> None:
    database, key = call.portal.database, equals("id", owner)
    if not database.count(kind.entity.table, key):
        raise RestError("OWNER_NOT_FOUND", "Owner not found")
    if not database.count(kind.entity.table, key & visible(call.caller, kind.entity)):
        raise RestError("ACCESS_DENIED", "Access denied")


def _row(code: str, row: Row) -> Json:
    price, rate, tax = float(row["price"]), float(row["discount"] or 0), float(row["taxRate"] or 0)
    before = price / (1 - rate / 100)
    exclusive = price / (1 + tax / 100) if row["taxIncluded"] else price
    return {
        "id": row["id"],
        "ownerId": row["ownerId"],
        "ownerType": code,
        "productId": row["productId"],
        "productName": row["productName"],
        "price": _number(price),
        "priceExclusive": _number(exclusive),
        "priceNetto": _number(before),
        "priceBrutto": _number(before),
        "quantity": _number(float(row["quantity"])),
        "discountTypeId": 2,
        "discountRate": _number(rate),
        "discountSum": _number(before - price),
        "taxRate": None if row["taxRate"] is None else _number(tax),
        "taxIncluded": "Y" if row["taxIncluded"] else "N",
        "customized": "Y",
        "measureCode": 796,
        "measureName": "шт",
        "sort": 10,
        "xmlId": "",
        "type": 1,
        "storeId": None,
    }


def _number(value: float) -> float:
    rounded = round(value, 2)
    return int(rounded) if rounded.is_integer() else rounded


METHODS = {"crm.item.productrow.list": Method(("crm",), _list)}
