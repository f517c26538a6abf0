"""Rows that a record holds and that are no records themselves: its product rows and the stages it came to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.records.relations import LATEST, Rows, Values, shown_list, shown_rows

MOST_PRODUCTS = 50
_PRODUCT_ROWS = Fields(
    Entity(
        name="product-rows",
        singular="product row",
        scope="crm",
        known_fields={
            "productId": "integer",
            "productName": "string",
            "price": "number",
            "quantity": "number",
            "discount": "number",
            "taxRate": "number",
            "taxIncluded": "boolean",
        },
    ),
    (),
)


@dataclass(frozen=True, slots=True)
class Products:
    """The product rows; amounts are in the record's own currency."""

    entity: Entity
    name: str = "products"

    async def values(self, rows: Rows, metadata: Metadata) -> Values:
        """The rows of each record, in the portal's order."""
        values = Values()
        for record_id in rows:
            stored = await metadata.portal.product_rows(self.entity, int(record_id))
            priced = [_without_nothing(row) for row in stored[:MOST_PRODUCTS]]
            shown = await shown_rows(priced, _PRODUCT_ROWS, tuple(_PRODUCT_ROWS.entity.known_fields), metadata)
            values[record_id] = shown_list(self.name, [_without_id(row) for row in shown], len(stored))
        return values


@dataclass(frozen=True, slots=True)
class History:
    """The latest stages that a record came to, newest first, each with the moment; the funnel where it changed."""

    entity: Entity
    name: str = "history"

    async def values(self, rows: Rows, metadata: Metadata) -> Values:
        """The latest steps of each record."""
        steps = replace(
            self.entity,
            stage_fields=("stageId",),
            known_fields={"stageId": "string", "categoryId": "integer", "createdAt": "datetime"},
        )
        values = Values()
        for record_id in rows:
            stored = await metadata.portal.stage_history(self.entity, int(record_id))
            newest = sorted(stored, key=_moment_and_id, reverse=True)[:LATEST]
            moved = len({row.get("categoryId") for row in stored}) > 1
            columns = ("stageId", *(("categoryId",) if moved else ()), "createdAt")
            shown = await shown_rows(newest, Fields(steps, ()), columns, metadata)
            values[record_id] = shown_list(self.name, [_without_id(row) for row in shown], len(stored))
        return values


def _moment_and_id(row: Record) -> tuple[str, int]:
    return str(row.get("createdAt") or ""), int(row.get("id") or 0)


def _without_nothing(row: Record) -> Record:
    """A discount of nothing is none."""
    return {name: value for name, value in row.items() if name != "discount" or value}


def _without_id(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
