"""Creating, changing and deleting records (docs/entity-api)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import checking, storing
from bitrix24_mcp.demo.calls import Reply, as_object, success
from bitrix24_mcp.demo.errors import FieldRefused, GatewayError
from bitrix24_mcp.demo.values import ValueRefused, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_mcp.demo.calls import Call, Json
    from bitrix24_mcp.demo.database import Where
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity, Field
    from bitrix24_mcp.demo.values import Column


def create(gateway: Gateway, call: Call, entity: Entity, *, fixed: Mapping[str, object] | None = None) -> Reply:
    """A new record from the body: 201 and the record."""
    call.key.require_write(f"{entity.method}.add")
    entry = create_one(gateway, call, entity, call.payload, fixed or {})
    return success({"id": entry["id"]} if entity.path == "deal-categories" else entry, status=201)


def create_one(
    gateway: Gateway, call: Call, entity: Entity, body: Mapping[str, object], fixed: Mapping[str, object]
) -> Json:
    """The record as it was stored."""
    _check_required(entity, {**body, **fixed})
    values = _written(entity, body)
    values |= {name: _checked(entity, entity.by_name[name], value) for name, value in fixed.items()}
    try:
        key = storing.add(gateway, call.key.user, entity, values)
    except FieldRefused as refused:
        raise _refusal(refused) from refused
    return _stored(gateway, entity, key)


def update(gateway: Gateway, call: Call, entity: Entity, key: int | str) -> Reply:
    """The changed record."""
    call.key.require_write(f"{entity.method}.update")
    entry = update_one(gateway, call, entity, key, call.payload)
    return success(entry if entity.path != "statuses" else True)


def update_one(gateway: Gateway, call: Call, entity: Entity, key: int | str, body: Mapping[str, object]) -> Json:
    """The record as it now is."""
    before = gateway.database.one(entity, key)
    if before is None:
        raise _gone(entity, key)
    values = _written(entity, body)
    try:
        storing.change(gateway, call.key.user, entity, before, values)
    except FieldRefused as refused:
        raise _refusal(refused) from refused
    return _stored(gateway, entity, key)


def delete(gateway: Gateway, call: Call, entity: Entity, key: int | str) -> Reply:
    """204 and nothing else."""
    call.key.require_write(f"{entity.method}.delete")
    if not storing.remove(gateway, entity, key):
        raise _gone(entity, key, deleting=True)
    return Reply(status=204)


def replace_rows(gateway: Gateway, call: Call, entity: Entity, where: Where, fixed: Mapping[str, object]) -> Reply:
    """Product rows are replaced as a whole."""
    call.key.require_write(f"{entity.method}.set")
    raw = call.payload.get("items")
    if not isinstance(raw, list):
        raise GatewayError("INVALID_REQUEST", "items must be an array")
    gateway.database.highest(entity.table, entity.key)
    with gateway.database.together():
        gateway.database.delete(entity.table, where)
        rows = [create_one(gateway, call, entity, as_object(entry), fixed) for entry in cast("list[object]", raw)]
    return success(rows)


def _check_required(entity: Entity, body: Mapping[str, object]) -> None:
    missing = [field.name for field in entity.fields if field.required and body.get(field.name) in (None, "")]
    if not missing:
        return
    if entity.path == "timelines" and missing == ["comment"]:
        raise GatewayError("BITRIX_ERROR", "Empty comment message")
    raise GatewayError("VALIDATION_ERROR", "; ".join(f"fields.{name}: Required" for name in missing))


def _written(entity: Entity, body: Mapping[str, object]) -> dict[str, Column]:
    written: dict[str, Column] = {}
    for name, value in body.items():
        field = entity.find(name)
        if field is None:
            raise GatewayError("INVALID_REQUEST", f"Unknown field: {name}")
        if not field.readonly:
            written[field.name] = _checked(entity, field, value)
    return written


def _checked(entity: Entity, field: Field, value: object) -> Column:
    if entity.entity_type_id and field.multiple and not isinstance(value, list):
        raise GatewayError("BITRIX_ERROR", f"Field '{field.name}': Expected iterable value for multiple field")
    try:
        return checking.written(field, cast("object", value))
    except ValueRefused as wrong:
        raise GatewayError("INVALID_REQUEST", f"Field '{field.name}': {wrong}") from wrong


def _refusal(refused: FieldRefused) -> GatewayError:
    return GatewayError("BITRIX_ERROR", f"Field '{refused.name}': {refused.reason}")


def _stored(gateway: Gateway, entity: Entity, key: Column) -> Json:
    row = gateway.database.one(entity, key)
    if row is None:
        raise _gone(entity, key)
    return record(entity, row, tuple(entity.by_name))


def _gone(entity: Entity, key: object, *, deleting: bool = False) -> GatewayError:
    if entity.path == "smart-processes":
        return GatewayError("SMART_PROCESS_NOT_FOUND", f"Smart process with entityTypeId={key} not found")
    if entity.path == "timelines":
        return GatewayError("BITRIX_ERROR", "Not found.")
    return GatewayError(entity.missing_delete if deleting else entity.missing, "Entity not found")
