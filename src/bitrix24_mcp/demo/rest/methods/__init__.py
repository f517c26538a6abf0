"""What each REST method answers, one module a family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.methods import (
    activities,
    calendar,
    catalogue,
    classic,
    classic_writes,
    comment_writes,
    disk,
    documents,
    duplicates,
    funnels,
    identity,
    item_writes,
    items,
    people,
    product_rows,
    product_writes,
    requisites,
    settings,
    statuses,
    task_writes,
    tasks,
    types,
    user_fields,
    workflow_tasks,
    workflow_writes,
    workflows,
)

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Method

_FAMILIES = (
    activities,
    calendar,
    catalogue,
    classic,
    classic_writes,
    comment_writes,
    disk,
    documents,
    duplicates,
    funnels,
    identity,
    item_writes,
    items,
    people,
    product_rows,
    product_writes,
    requisites,
    settings,
    statuses,
    task_writes,
    tasks,
    types,
    user_fields,
    workflow_tasks,
    workflow_writes,
    workflows,
)
METHODS: dict[str, Method] = {name: method for family in _FAMILIES for name, method in family.METHODS.items()}
