"""Creating, changing and deleting records (docs/entity-api)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import effects, times
from bitrix24_mcp.demo.calls import Reply, success
from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.values import ValueRefused, record, to_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_mcp.demo.calls import Call, Json
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity, Field
    from bitrix24_mcp.demo.values import Column

_ON_CREATE = {
    "created": "now",
    "updated": "now",
    "moved": "now",
    "creator": "user",
    "updater": "user",
    "mover": "user",
    "owner": "user",
}
_ON_UPDATE = {"updated": "now", "updater": "user"}


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
    row: dict[str, Column] = {}
    for field in entity.fields:
        row[field.name] = to_column(field, field.default if not field.multiple else [])
    row |= _filled(call, entity, _ON_CREATE) | _written(entity, body)
    row |= {name: to_column(entity.by_name[name], value) for name, value in fixed.items()}
    if not entity.text_key:
        row[entity.key] = row.get(entity.key) or _next_key(gateway, entity)
    with gateway.database.together():
        effects.before_create(gateway, entity, row)
        gateway.database.insert(entity.table, row)
        effects.after_change(gateway, entity, None, row)
    return _stored(gateway, entity, row[entity.key])


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
    changes = _written(entity, body)
    changes.pop(entity.key, None)
    if changes:
        changes |= _filled(call, entity, _ON_UPDATE)
        with gateway.database.together():
            effects.before_update(gateway, call, entity, before, changes)
            gateway.database.update(entity.table, equals(entity.key, key), changes)
            effects.after_change(gateway, entity, before, {**dict(before), **changes})
    return _stored(gateway, entity, key)


def delete(gateway: Gateway, call: Call, entity: Entity, key: int | str) -> Reply:
    """204 and nothing else."""
    call.key.require_write(f"{entity.method}.delete")
    delete_one(gateway, entity, key)
    return Reply(status=204)


def delete_one(gateway: Gateway, entity: Entity, key: int | str) -> None:
    """Remove a record."""
    effects.before_delete(gateway, entity, key)
    if not gateway.database.delete(entity.table, equals(entity.key, key)):
        raise _gone(entity, key, deleting=True)
    effects.after_delete(gateway, entity, key)


def replace_rows(gateway: Gateway, call: Call, entity: Entity, where: Where, fixed: Mapping[str, object]) -> Reply:
    """Product rows are replaced as a whole."""
    call.key.require_write(f"{entity.method}.set")
    raw = call.payload.get("items")
    if not isinstance(raw, list):
        raise GatewayError("INVALID_REQUEST", "items must be an array")
    gateway.database.delete(entity.table, where)
    rows = [create_one(gateway, call, entity, cast("Json", entry), fixed) for entry in cast("list[object]", raw)]
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
            written[field.name] = _checked(field, value)
    return written


def _checked(field: Field, value: object) -> Column:
    try:
        return to_column(field, value)
    except ValueRefused as wrong:
        raise GatewayError("INVALID_REQUEST", f"Field '{field.name}': {wrong}") from wrong


def _filled(call: Call, entity: Entity, rules: Mapping[str, str]) -> dict[str, Column]:
    values: dict[str, Column] = {"now": times.stored(times.NOW), "user": call.key.user}
    return {field.name: values[rules[field.fill]] for field in entity.fields if field.fill in rules}


def _next_key(gateway: Gateway, entity: Entity) -> int:
    last = gateway.database.rows(entity.table, (entity.key,), Where(), Slice(f"{quote(entity.key)} DESC", 1))
    following = int(last[0][0]) + 1 if last else 1
    # Types made through the API get even numbers from 1030 on (docs/entities/smart-processes).
    return max(following + following % 2, 1030) if entity.path == "smart-processes" else following


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
