"""What belongs to one record: the stages it came to, and its product rows."""

from collections.abc import Mapping
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import known_form, text, whole_number
from bitrix24_mcp.rest.calling.lists import Lists
from bitrix24_mcp.rest.reading.values import flag, number

OWNER_TYPES: Mapping[int, str] = {1: "L", 2: "D", 3: "C", 4: "CO", 5: "I", 7: "Q", 14: "O", 31: "SI"}
"""Short codes of entity types (docs: api-reference/crm/data-types); those of smart processes are made of the number."""


async def stage_history(entity: Entity, owner_id: int, lists: Lists) -> tuple[Record, ...]:
    """Every stage that a record came to, oldest first (crm.stagehistory.list); leads call theirs statuses."""
    params = {"entityTypeId": entity.entity_type_id, "filter": {"OWNER_ID": owner_id}, "order": {"ID": "ASC"}}
    rows = await lists.all(RestCall("crm.stagehistory.list", params), "items")
    with known_form():
        return tuple(map(_step, rows))


async def product_rows(entity: Entity, owner_id: int, lists: Lists) -> tuple[Record, ...]:
    """The product rows of a record (crm.item.productrow.list); `discount` is in percent."""
    owner = {"=ownerType": owner_type(entity.entity_type_id or 0), "=ownerId": owner_id}
    call = RestCall("crm.item.productrow.list", {"filter": owner, "order": {"id": "ASC"}})
    rows = await lists.all(call, "productRows", key="id")
    with known_form():
        return tuple(map(_product_row, rows))


def owner_type(entity_type_id: int) -> str:
    """The short code of an entity type: `D`, `SI`, or `Tae` for the smart process 174."""
    return OWNER_TYPES.get(entity_type_id) or f"T{entity_type_id:x}"


def _step(row: Json) -> Record:
    return {
        "id": int(row["ID"]),
        "typeId": int(row["TYPE_ID"]),
        "ownerId": int(row["OWNER_ID"]),
        "createdAt": text(row, "CREATED_TIME"),
        "categoryId": whole_number(row.get("CATEGORY_ID")),
        "stageSemanticId": text(row, "STAGE_SEMANTIC_ID") or text(row, "STATUS_SEMANTIC_ID"),
        "stageId": text(row, "STAGE_ID") or text(row, "STATUS_ID"),
    }


def _product_row(row: Mapping[str, Any]) -> Record:
    return {
        "id": int(row["id"]),
        "productId": whole_number(row.get("productId")),
        "productName": row.get("productName"),
        "price": number(row.get("price")),
        "quantity": number(row.get("quantity")),
        "discount": number(row.get("discountRate")),
        "taxRate": number(row.get("taxRate")),
        "taxIncluded": flag(row.get("taxIncluded")),
    }
