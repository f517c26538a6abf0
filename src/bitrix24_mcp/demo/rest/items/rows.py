"""Items as the universal methods print them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bitrix24_mcp.demo import times

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.rest.items.shape import ItemField
    from bitrix24_mcp.demo.schema import Field


def printed(call: Call, row: Row, chosen: dict[str, ItemField]) -> Json:
    """The chosen fields of a row."""
    return {name: _value(call, item.field, row[item.field.name]) for name, item in chosen.items()}


def _value(call: Call, field: Field, value: Any) -> object:
    if field.kind == "list":
        return [_single(call, field, element) for element in json.loads(value or "[]")]
    return None if value is None else _single(call, field, value)


def _single(call: Call, field: Field, value: Any) -> object:
    if field.type == "enumeration":
        return int(value)  # the number of an option, whatever the column keeps
    match field.element:
        case "boolean":
            return "Y" if value else "N"
        case "datetime":
            return times.in_portal_zone(value)
        case "date":
            return f"{value}T03:00:00+03:00"  # midnight UTC in the portal's zone
        case "real":
            return int(value) if float(value).is_integer() else value
        case "object":
            return _file(call, json.loads(value))
        case _:
            return value


def _file(call: Call, kept: Json) -> Json:
    """A file with two addresses: one for people who are signed in, one for programs that holds their credential."""
    link = call.link("crm.controller.item.getFile", f"fileId={kept.get('id')}")
    return {"id": kept.get("id"), "url": kept.get("urlDownload"), "urlMachine": link}
