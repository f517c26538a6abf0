"""What a caller may see. Nobody is told what is left out: lists and totals are simply shorter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Where, equals, quote

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Caller
    from bitrix24_mcp.demo.schema import Entity

HIDDEN_FUNNEL = 7
"""The deal funnel «Export», which ordinary users cannot read: neither the funnel nor the deals in it."""


def sees_all(caller: Caller) -> bool:
    """Whether the caller may read every record of the CRM."""
    return caller.admin or caller.crm_admin


def visible(caller: Caller, entity: Entity) -> Where:
    """The records of the CRM that the caller may read: all, or those assigned to him outside the hidden funnel."""
    if sees_all(caller):
        return Where()
    own = equals("assignedById", caller.user_id)
    return own & hidden_funnel_excluded() if entity.path == "deals" else own


def hidden_funnel_excluded() -> Where:
    """Everything outside the funnel that ordinary users cannot read."""
    return Where((f"{quote('categoryId')} <> ?",), (HIDDEN_FUNNEL,))
