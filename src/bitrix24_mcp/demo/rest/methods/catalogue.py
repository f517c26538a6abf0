"""What is sold: products and their sections, the trade catalogue, orders, currencies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.database import Where, equals
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import elements, entries
from bitrix24_mcp.demo.rest.rights import sees_all
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.rest.tables.shape import EVERY_PREFIX, Column, Table, columns, fixed
from bitrix24_mcp.demo.schemas.catalogue import CATALOG_PRODUCTS, ORDERS, PRODUCT_SECTIONS, PRODUCTS
from bitrix24_mcp.demo.schemas.directories import CURRENCIES

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json

_CRM = ("crm",)
_DEFAULT_CATALOG = 25
_FORBIDDEN = 200040300010  # what the shop answers to those who may not read it; a number, as documented
PRODUCT_TABLE = Table(
    PRODUCTS,
    (
        *columns(
            {
                "ID": "id",
                "NAME": "name",
                "ACTIVE": "active",
                "PRICE": "price",
                "CURRENCY_ID": "currency",
                "SECTION_ID": "sectionId",
                "CATALOG_ID": "catalogId",
                "MEASURE": "measure",
                "DESCRIPTION": "description",
                "SORT": "sort",
                "XML_ID": "xmlId",
                "DATE_CREATE": "createdAt",
                "TIMESTAMP_X": "updatedAt",
            }
        ),
        *fixed(
            {
                "CODE": None,
                "DESCRIPTION_TYPE": "text",
                "VAT_ID": None,
                "VAT_INCLUDED": "N",
                "PREVIEW_PICTURE": None,
                "DETAIL_PICTURE": None,
                "MODIFIED_BY": "1",
                "CREATED_BY": "1",
            }
        ),
    ),
)
_SECTIONS = Table(
    PRODUCT_SECTIONS,
    columns(
        {
            "ID": "id",
            "CATALOG_ID": "catalogId",
            "SECTION_ID": "sectionId",
            "NAME": "name",
            "XML_ID": "xmlId",
            "CODE": "code",
        }
    ),
)
_GOODS = Table(
    CATALOG_PRODUCTS,
    (
        *columns({name: name for name in CATALOG_PRODUCTS.by_name}),
        *fixed({"available": "Y", "type": 1, "sort": 500, "code": None, "detailText": None, "xmlId": None}),
    ),
    dialect="numbers",
    prefixes=tuple(prefix for prefix in EVERY_PREFIX if "@" not in prefix),
    key="id",
)
_ORDERS = Table(
    ORDERS,
    (
        *columns({name: name for name in ORDERS.by_name}),
        *fixed({"lid": "s1", "comments": "", "companyId": None, "deducted": "N", "taxValue": 0, "discountValue": 0}),
    ),
    dialect="numbers",
    key="id",
)
_CURRENCIES = Table(
    CURRENCIES,
    columns(
        {
            "CURRENCY": "id",
            "AMOUNT_CNT": "amountCnt",
            "AMOUNT": "amount",
            "SORT": "sort",
            "BASE": "base",
            "FULL_NAME": "fullName",
            "LID": "lid",
            "FORMAT_STRING": "formatString",
            "DEC_POINT": "decPoint",
            "THOUSANDS_SEP": "thousandsSep",
            "DECIMALS": "decimals",
            "DATE_UPDATE": "dateUpdate",
        },
        Column("AMOUNT", "amount", decimals=4),
    ),
    key="CURRENCY",
)


def _sections(call: Call) -> Result:
    """Sections of the catalogue that the filter names, else of the default one (crm.productsection.list)."""
    given = dict(entries(reading.parameter(call, "filter")))
    named = any(key.endswith("CATALOG_ID") for key in given)
    return reading.listed(call, _SECTIONS, Where() if named else equals("catalogId", _DEFAULT_CATALOG))


def _goods(call: Call) -> Result:
    """Products of the trade catalogue; `iblockId` has to be in the filter, and in `select` with `id`."""
    given, asked = dict(entries(reading.parameter(call, "filter"))), elements(reading.parameter(call, "select"))
    missing = [name for name in ("id", "iblockId") if name not in asked]
    if missing:
        raise RestError(0, f"Required select fields: {', '.join(missing)}")
    if not given.get("iblockId"):
        raise RestError(0, "Required filter fields: iblockId")
    if str(given["iblockId"]) != str(_DEFAULT_CATALOG):
        raise RestError(200040300000, "Iblock Not Found")
    return reading.under("products", reading.listed(call, _GOODS))


def _catalogues(_call: Call) -> Result:
    """The one trade catalogue (catalog.catalog.list)."""
    return Result({"catalogs": [{"id": _DEFAULT_CATALOG, "iblockId": _DEFAULT_CATALOG, "name": "CRM"}]}, total=1)


def _order_fields(_call: Call) -> Result:
    """What an order consists of; nobody is told what people call it (sale.order.getFields)."""
    told = cast("dict[str, Json]", reading.fields(_ORDERS))
    nameless = {name: {key: said for key, said in each.items() if key != "title"} for name, each in told.items()}
    return Result({"order": nameless})


def _orders(call: Call) -> Result:
    """Orders of the web shop, for administrators (sale.order.list)."""
    if not call.caller.admin:
        raise RestError(_FORBIDDEN, "Access Denied")
    return reading.under("orders", reading.listed(call, _ORDERS))


def _currencies(call: Call) -> Result:
    """All currencies at once for those with access to the CRM's settings; `total` is always 0 (crm.currency.list)."""
    _for_crm_admins(call)
    order = [(name.upper(), direction) for name, direction in entries(reading.parameter(call, "order"))]
    plain = replace(call, params={"start": -1})
    return reading.page(plain, _CURRENCIES, Where(), reading.ordered(_CURRENCIES, order), tuple(_CURRENCIES.by_name))


def _currency(call: Call) -> Result:
    """One currency by its code (crm.currency.get)."""
    _for_crm_admins(call)
    return reading.single(call, _CURRENCIES)


def _for_crm_admins(call: Call) -> None:
    if not sees_all(call.caller):
        raise RestError("", "Access denied.")


METHODS = {
    "crm.product.list": Method(_CRM, lambda call: reading.listed(call, PRODUCT_TABLE)),
    "crm.product.get": Method(_CRM, lambda call: reading.single(call, PRODUCT_TABLE)),
    "crm.product.fields": Method(_CRM, lambda _call: Result(reading.fields(PRODUCT_TABLE))),
    "crm.productsection.list": Method(_CRM, _sections),
    "crm.productsection.get": Method(_CRM, lambda call: reading.single(call, _SECTIONS)),
    "crm.productsection.fields": Method(_CRM, lambda _call: Result(reading.fields(_SECTIONS))),
    "catalog.catalog.list": Method(("catalog",), _catalogues),
    "catalog.product.list": Method(("catalog",), _goods),
    "sale.order.list": Method(("sale",), _orders),
    "sale.order.getfields": Method(("sale",), _order_fields),
    "crm.currency.list": Method(_CRM, _currencies),
    "crm.currency.get": Method(_CRM, _currency),
    "crm.currency.fields": Method(_CRM, lambda _call: Result(reading.fields(_CURRENCIES))),
}
