"""`GET /v1/{entity}/fields`: the shapes the gateway is known to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.schema import upper_snake

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Json
    from bitrix24_mcp.demo.schema import Entity, Field


def fields_data(entity: Entity) -> Json:
    """The `data` of the answer: a map, or an object with the map under `fields`."""
    match entity.shape:
        case "flat":
            return {field.name: _titled(field) for field in entity.fields}
        case "upper":
            return {upper_snake(field.name): _titled(field) for field in entity.fields}
        case "declared":
            return {"fields": {field.name: _declared(field) for field in entity.fields}, "batch": _batch(entity)}
        case "titled":
            return {
                "fields": {field.name: _titled(field) for field in entity.fields},
                "include": [include.name for include in entity.includes],
                "batch": _batch(entity),
            }


def _batch(entity: Entity) -> list[str]:
    actions = {"C": "create", "U": "update", "D": "delete"}
    return [action for letter, action in actions.items() if letter in entity.ops]


def _titled(field: Field) -> Json:
    entry: Json = {
        "type": field.type,
        "isRequired": field.required,
        "isReadOnly": field.readonly,
        "title": field.title or field.name,
    }
    if field.multiple:
        entry["isMultiple"] = True
    if field.directory:
        entry["statusType"] = field.directory
    if field.options:
        entry["items"] = [{"ID": number, "VALUE": label} for number, label in field.options]
    return entry


def _declared(field: Field) -> Json:
    return {"type": field.type, "readonly": field.readonly, "label": field.title or field.name}
