"""What a write brings about besides itself: stages, their history, new types."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.errors import FieldRefused, GatewayError
from bitrix24_mcp.demo.owners import owner_entity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Row

    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity
    from bitrix24_mcp.demo.values import Column

_TYPE_NAMES = {
    "leads": "Лид",
    "deals": "Сделка",
    "companies": "Компания",
    "quotes": "Предложение",
    "invoices": "Счёт",
}
_PLANNED_DAYS = 7  # from the beginning of a deal to its end, where nobody says otherwise (crm.item.add)
_FINISHED = 5  # the status of a finished task (tasks.task.list)


def before_create(gateway: Gateway, entity: Entity, row: dict[str, Column]) -> None:
    """Complete a new row, or refuse it."""
    if entity.path == "smart-processes":
        _new_type(gateway, row)
    if entity.path == "statuses":
        _refuse_duplicate(gateway, row)
    if entity.path == "timelines":
        _check_owner(gateway, row)
    if entity.stage_field:
        if row.get(entity.stage_field) is None:
            row[entity.stage_field] = _first_stage(gateway, entity, row)
        _follow_stage(gateway, entity, row, row)
    if entity.path == "deals":
        row["begindate"] = row["begindate"] or _day(0)
        row["closedAt"] = row["closedAt"] or _day(_PLANNED_DAYS)
    _follow_contacts(entity, None, row)
    _follow_status(entity, None, row)
    _give_title(gateway, entity, row, row)


def before_update(gateway: Gateway, user: int, entity: Entity, before: Row, changes: dict[str, Column]) -> None:
    """Complete the changes, or refuse them."""
    if entity.stage_field:
        _move(gateway, user, entity, before, changes)
    _follow_contacts(entity, before, changes)
    _follow_status(entity, before, changes)
    if "title" in changes:
        _give_title(gateway, entity, {**dict(before), **changes}, changes)


def _move(gateway: Gateway, user: int, entity: Entity, before: Row, changes: dict[str, Column]) -> None:
    """Whoever changes the funnel without a stage lands on its first one."""
    left = before[entity.stage_field]
    if changes.get("categoryId", 0) is None:
        del changes["categoryId"]  # every record is in one funnel or another
    moved = "categoryId" in changes and changes["categoryId"] != before["categoryId"]
    if changes.get(entity.stage_field) is None:
        changes[entity.stage_field] = _first_stage(gateway, entity, {**dict(before), **changes}) if moved else left
    if changes[entity.stage_field] == left and not moved:
        return
    values = {
        "previousStageId": left,
        "movedTime": times.stored(times.NOW),
        "movedBy": user,
    }
    changes |= {name: value for name, value in values.items() if name in entity.by_name}
    _follow_stage(gateway, entity, {**dict(before), **changes}, changes)


def _follow_contacts(entity: Entity, before: Row | None, changes: dict[str, Column]) -> None:
    """The first of several contacts is the contact; whoever names another one means that one alone."""
    if "contactIds" not in entity.by_name:
        return
    several = json.loads(str(changes.get("contactIds") or "[]"))
    named = changes.get("contactId", 0)
    if several or ("contactIds" in changes and not named):
        changes["contactId"] = several[0] if several else 0
    elif "contactId" in changes and (before is None or named != before["contactId"]):
        changes["contactIds"] = json.dumps([named] if named else [])


def _follow_status(entity: Entity, before: Row | None, changes: dict[str, Column]) -> None:
    """A task has the moment it was finished, as long as it is."""
    if entity.path == "tasks" and "status" in changes and (before is None or changes["status"] != before["status"]):
        changes["closedDate"] = times.stored(times.NOW) if changes["status"] == _FINISHED else None


def _give_title(gateway: Gateway, entity: Entity, row: Mapping[str, Column], target: dict[str, Column]) -> None:
    """A record of the CRM without a title is called after its type and number (crm.item.add)."""
    if entity.entity_type_id and "title" in entity.by_name and not row["title"]:
        target["title"] = f"{_type_name(gateway, entity)} #{row['id']}"


def _type_name(gateway: Gateway, entity: Entity) -> str:
    if entity.path in _TYPE_NAMES:
        return _TYPE_NAMES[entity.path]
    where = equals("entityTypeId", entity.entity_type_id)
    return str(gateway.database.rows("smart_processes", ("title",), where, Slice("id", 1))[0][0])


def after_change(gateway: Gateway, entity: Entity, before: Row | None, row: Mapping[str, Column]) -> None:
    """Write the stage history of deals."""
    if entity.path != "deals" or (before is not None and before["stageId"] == row["stageId"]):
        return
    semantics = row["stageSemanticId"]
    kind = 1 if before is None else 2 if semantics == "P" else 3
    if before is not None and before["categoryId"] != row["categoryId"]:
        kind = 5  # crm.stagehistory.list
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
    if entity.path == "smart-processes":
        gateway.database.highest("smart_processes", "id")
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
    row["id"] = gateway.database.next_number("smart_processes", "id")
    gateway.add_items(number)


def _check_owner(gateway: Gateway, row: dict[str, Column]) -> None:
    row["entityType"] = str(row["entityType"]).lower()
    owner = owner_entity(gateway.registry, str(row["entityType"]))
    if owner is None:
        raise GatewayError("BITRIX_ERROR", "Access denied.")
    if not gateway.database.count(owner.table, equals("id", row["entityId"])):
        raise FieldRefused("entityId", "The owner of the element was not found")


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
        raise FieldRefused(entity.stage_field, f"Stage {stage} does not exist in this funnel")
    semantics = found[0][0] or "P"
    if "stageSemanticId" in entity.by_name:
        target["stageSemanticId"] = semantics
    if "closed" in entity.by_name:
        target["closed"] = int(semantics != "P")
    if entity.path == "deals" and semantics != "P":
        # Closing replaces the planned date by the day it happened.
        target["closedAt"] = _day(0)


def _day(days: int) -> str:
    return times.stored(times.NOW + timedelta(days=days))[:10]


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
