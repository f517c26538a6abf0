"""How the CRM is set up: `crm.settings.mode.get` (docs: crm.enum.settings.mode)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.calls import Method, Result

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call

_CLASSIC, _SIMPLE = 1, 2


def _mode(call: Call) -> Result:
    """1 with leads, 2 without them."""
    return Result(_SIMPLE if call.portal.switches.rest.without_leads else _CLASSIC)


METHODS = {"crm.settings.mode.get": Method(("crm",), _mode)}
