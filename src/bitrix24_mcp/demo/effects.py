"""What a write brings about besides itself: stages, their history, new types."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Row

    from bitrix24_mcp.demo.calls import Call
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity
    from bitrix24_mcp.demo.values import Column


def before_create(gateway: Gateway, entity: Entity, row: dict[str, Column]) -> None:
    """Complete a new row, or refuse it."""
    if entity.path == "smart-processes":
        _new_type(gateway, row)
    if entity.path == "statuses":
        _refuse_duplicate(gateway, row)
    if entity.path == "timelines":
        row["entityType"] = str(row["entityType"]).lower()
    if entity.stage_field:
        if row.get(entity.stage_field) is None:
            row[entity.stage_field] = _first_stage(gateway, entity, row)
        _follow_stage(gateway, entity, row, row)


def before_update(gateway: Gateway, call: Call, entity: Entity, before: Row, changes: dict[str, Column]) -> None:
    """Complete the changes, or refuse them."""
    if not entity.stage_field:
        return
    left = before[entity.stage_field]
    if "categoryId" in changes and entity.stage_field not in changes and changes["categoryId"] != before["categoryId"]:
        changes[entity.stage_field] = _first_stage(gateway, entity, {**dict(before), **changes})
    if changes.get(entity.stage_field, left) == left:
        return
    values = {
        "previousStageId": left,
        "movedTime": times.stored(times.NOW),
        "movedBy": call.key.user,
    }
    changes |= {name: value for name, value in values.items() if name in entity.by_name}
    _follow_stage(gateway, entity, {**dict(before), **changes}, changes)


def after_change(gateway: Gateway, entity: Entity, before: Row | None, row: Mapping[str, Column]) -> None:
    """Write the stage history of deals."""
    if entity.path != "deals" or (before is not None and before["stageId"] == row["stageId"]):
        return
    semantics = row["stageSemanticId"]
    kind = 1 if before is None else 2 if semantics == "P" else 3
    gateway.database.insert(
        "stage_history",
        {
            "entityType": "deal",
            "typeId": kind,
            "ownerId": row["id"],
            "createdAt": times.stored(times.NOW),
            "categoryId": row["categoryId"],
            "stageSemanticId": semantics,
            "stageId": row["stageId"],
        },
    )


def before_delete(gateway: Gateway, entity: Entity, key: int | str) -> None:
    """A type with items stays."""
    items = gateway.registry.get(f"items/{key}") if entity.path == "smart-processes" else None
    if items is not None and gateway.database.count(items.table, Where()):
        raise GatewayError("BITRIX_ERROR", "The smart process has items and cannot be deleted")


def after_delete(gateway: Gateway, entity: Entity, key: int | str) -> None:
    """The items of a deleted type are no longer reachable."""
    if entity.path == "smart-processes":
        gateway.registry.remove(f"items/{key}")


def _new_type(gateway: Gateway, row: dict[str, Column]) -> None:
    number = int(cast("int", row["entityTypeId"]))
    allowed = 128 <= number <= 192 or (number >= 1030 and number % 2 == 0)
    if not allowed or gateway.registry.get(f"items/{number}"):
        raise GatewayError("BITRIX_ERROR", f"entityTypeId {number} cannot be used")
    last = gateway.database.rows("smart_processes", ("id",), Where(), Slice(f"{quote('id')} DESC", 1))
    row["id"] = int(last[0][0]) + 1 if last else 1
    gateway.add_items(number)


def _refuse_duplicate(gateway: Gateway, row: Mapping[str, Column]) -> None:
    where = equals("entityId", row["entityId"]) & equals("statusId", row["statusId"])
    if gateway.database.count("statuses", where):
        raise GatewayError("BITRIX_ERROR", "A status with this statusId already exists")


def _first_stage(gateway: Gateway, entity: Entity, row: Mapping[str, Column]) -> Column:
    where = _directory(entity, row)
    found = gateway.database.rows("statuses", ("statusId",), where, Slice(f"{quote('sort')}, {quote('id')}", 1))
    return found[0][0] if found else None


def _follow_stage(gateway: Gateway, entity: Entity, row: Mapping[str, Column], target: dict[str, Column]) -> None:
    """Check the stage against its funnel and derive what depends on it."""
    stage = row[entity.stage_field]
    if stage is None:
        return
    where = _directory(entity, row) & equals("statusId", stage)
    found = gateway.database.rows("statuses", ("semantics",), where, Slice("id", 1))
    if not found:
        raise GatewayError("BITRIX_ERROR", f"Stage {stage} does not exist in this funnel")
    semantics = found[0][0] or "P"
    if "stageSemanticId" in entity.by_name:
        target["stageSemanticId"] = semantics
    if "closed" in entity.by_name:
        target["closed"] = int(semantics != "P")
    if entity.path == "deals" and semantics != "P":
        # Closing replaces the planned date by the day it happened.
        target["closedAt"] = times.stored(times.NOW)[:10]


def _directory(entity: Entity, row: Mapping[str, Column]) -> Where:
    category = row.get("categoryId")
    match entity.path:
        case "deals":
            name = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        case "leads":
            name = "STATUS"
        case "quotes":
            name = "QUOTE_STATUS"
        case "invoices":
            name = f"SMART_INVOICE_STAGE_{category}"
        case _:
            name = f"DYNAMIC_{entity.entity_type_id}_STAGE_{category}"
    return equals("entityId", name)
