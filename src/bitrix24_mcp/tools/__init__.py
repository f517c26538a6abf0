"""What assistants call: one file per tool, and the lists of them: here those that read, in `writing` the others."""

from typing import Any

from bitrix24_mcp.tools import (
    aggregate,
    describe_entity,
    funnel_report,
    get_item,
    get_portal_info,
    get_status_items,
    list_smart_processes,
    list_workflows,
    search_items,
)
from bitrix24_mcp.tools.declare import Tool

TOOLS: tuple[Tool[Any], ...] = (
    list_smart_processes.TOOL,
    get_status_items.TOOL,
    list_workflows.TOOL,
    search_items.TOOL,
    aggregate.TOOL,
    describe_entity.TOOL,
    get_item.TOOL,
    funnel_report.TOOL,
    get_portal_info.TOOL,
)
