"""`crm.product.add`, `.update`, `.delete`: for those who may change the settings of the CRM (docs: crm/products)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import storing
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.methods.catalogue import PRODUCT_TABLE
from bitrix24_mcp.demo.rest.parameters import whole
from bitrix24_mcp.demo.rest.rights import sees_all
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.rest.tables.writing import written
from bitrix24_mcp.demo.schemas.catalogue import PRODUCTS

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call
    from bitrix24_mcp.demo.values import Column


def _add(call: Call) -> Result:
    """The number of the new product."""
    _for_crm_admins(call)
    values = _values(call)
    if not values.get("name"):
        raise RestError("", f'The field "{PRODUCTS.by_name["name"].title}" is required.')
    return Result(storing.add(call.portal, call.caller.user_id, PRODUCTS, values))


def _update(call: Call) -> Result:
    before, values = _product(call), _values(call)
    if values.get("name", "-") in (None, ""):
        raise RestError("", f'The field "{PRODUCTS.by_name["name"].title}" is required.')
    storing.change(call.portal, call.caller.user_id, PRODUCTS, before, values)
    return Result(True)  # noqa: FBT003 - what the method answers


def _delete(call: Call) -> Result:
    storing.remove(call.portal, PRODUCTS, int(_product(call)["id"]))
    return Result(True)  # noqa: FBT003 - what the method answers


def _values(call: Call) -> dict[str, Column]:
    fields = reading.parameter(call, "fields")
    if not isinstance(fields, (dict, list)):
        raise RestError("", "Parameter 'fields' must be array.")
    try:
        return written(PRODUCT_TABLE, cast("object", fields))
    except FieldRefused as refused:
        raise RestError("", f"{refused.reason}.") from refused


def _product(call: Call) -> Row:
    _for_crm_admins(call)
    number = whole(reading.parameter(call, "id"))
    if number <= 0:
        raise RestError("", "ID is not defined or invalid.")
    row = call.portal.database.one(PRODUCTS, number)
    if row is None:
        raise RestError("", "Not found")
    return row


def _for_crm_admins(call: Call) -> None:
    if not sees_all(call.caller):
        raise RestError("", "Access denied.")


METHODS = {
    "crm.product.add": Method(("crm",), _add),
    "crm.product.update": Method(("crm",), _update),
    "crm.product.delete": Method(("crm",), _delete),
}
