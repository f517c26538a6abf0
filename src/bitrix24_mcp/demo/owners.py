"""Whom a comment in the timeline belongs to (docs/entities/timelines, crm.timeline.comment.add)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitrix24_mcp.demo.schema import Entity
    from bitrix24_mcp.demo.schemas import Registry

_PATHS = {
    "lead": "leads",
    "deal": "deals",
    "contact": "contacts",
    "company": "companies",
    "quote": "quotes",
    "dynamic_31": "invoices",
}


def owner_entity(registry: Registry, kind: str) -> Entity | None:
    """The entity that `deal` or `dynamic_174` means."""
    path = f"items/{kind.removeprefix('dynamic_')}" if kind.startswith("dynamic_") else ""
    return registry.get(_PATHS.get(kind, path))
