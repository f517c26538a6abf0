"""The tools for intake rules; loaded only by a server that may write and is asked for them."""

from typing import Any

from bitrix24_mcp.tools import get_intake_rule, save_intake_rule, submit_intake
from bitrix24_mcp.tools.declare import Tool

INTAKE_TOOLS: tuple[Tool[Any], ...] = (save_intake_rule.TOOL, get_intake_rule.TOOL, submit_intake.TOOL)
