"""What each REST method answers, one module a family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.methods import (
    activities,
    calendar,
    catalogue,
    classic,
    disk,
    documents,
    funnels,
    identity,
    items,
    people,
    product_rows,
    requisites,
    statuses,
    tasks,
    types,
    user_fields,
    workflows,
)

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Method

_FAMILIES = (
    activities,
    calendar,
    catalogue,
    classic,
    disk,
    documents,
    funnels,
    identity,
    items,
    people,
    product_rows,
    requisites,
    statuses,
    tasks,
    types,
    user_fields,
    workflows,
)
METHODS: dict[str, Method] = {name: method for family in _FAMILIES for name, method in family.METHODS.items()}
