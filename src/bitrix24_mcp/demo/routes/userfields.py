"""User fields in their raw shape (docs/userfields)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.calls import Reply, success
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.routes.generic import no_route

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call, Json
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Field

_ENTITIES = ("deals", "leads", "contacts", "companies", "quotes")
_TYPES = (
    "string",
    "integer",
    "double",
    "boolean",
    "datetime",
    "date",
    "money",
    "url",
    "address",
    "enumeration",
    "file",
    "employee",
    "crm_status",
    "iblock_section",
    "iblock_element",
    "crm",
)


def userfields(gateway: Gateway, call: Call) -> Reply:
    """`GET /v1/userfields/:entity`, one of them, and the types there are."""
    call.key.require(("crm",))
    match call.method, call.segments[1:]:
        case "GET", ("types",) | (_, "types"):
            return success([{"id": name, "title": name} for name in _TYPES])
        case "GET", (entity,):
            rows = [row for row in _rows(gateway, entity) if _wanted(call, row)]
            meta = {"total": len(rows), "hasMore": False}
            return Reply({"success": True, "data": rows, "total": len(rows), "meta": meta})
        case "GET", (entity, number):
            found = [row for row in _rows(gateway, entity) if str(row["id"]) == number]
            if not found:
                raise GatewayError("NOT_FOUND", "User field not found")
            return success(found[0])
        case _:
            raise no_route()


def _rows(gateway: Gateway, name: str) -> list[Json]:
    if name not in _ENTITIES:
        raise GatewayError("UNKNOWN_ENTITY", f"Unknown entity '{name}'. Available: {', '.join(_ENTITIES)}")
    custom = [field for field in gateway.registry[name].fields if field.custom]
    first = 380 + 40 * _ENTITIES.index(name)
    return [_row(first + place, field, place) for place, field in enumerate(custom)]


def _row(number: int, field: Field, place: int) -> Json:
    row: Json = {
        "id": number,
        "fieldName": field.name,
        "userTypeId": field.type,
        "sort": str((place + 1) * 100),
        "multiple": "Y" if field.multiple else "N",
        "mandatory": "N",
        "editFormLabel": {"ru": field.title},
    }
    if field.options:
        row["list"] = [
            {"ID": option, "SORT": str(position * 10), "VALUE": label, "DEF": "N"}
            for position, (option, label) in enumerate(field.options, start=1)
        ]
    return row


def _wanted(call: Call, row: Json) -> bool:
    return all(call.params.get(name, row[name]) == row[name] for name in ("userTypeId", "fieldName"))
