"""What assistants call: one file per tool, and this list of them."""

from typing import Any

from bitrix24_mcp.tools import aggregate, get_status_items, list_smart_processes, list_workflows, search_items
from bitrix24_mcp.tools.declare import Tool

TOOLS: tuple[Tool[Any], ...] = (
    list_smart_processes.TOOL,
    get_status_items.TOOL,
    list_workflows.TOOL,
    search_items.TOOL,
    aggregate.TOOL,
)
