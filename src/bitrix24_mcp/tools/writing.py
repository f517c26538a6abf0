"""The tools that change a portal; loaded only by a server that may write."""

from typing import Any

from bitrix24_mcp.tools import add_comment, complete_workflow_task, run_workflow, undo, write_items
from bitrix24_mcp.tools.declare import Tool

WRITING_TOOLS: tuple[Tool[Any], ...] = (
    write_items.TOOL,
    add_comment.TOOL,
    run_workflow.TOOL,
    complete_workflow_task.TOOL,
    undo.TOOL,
)


def writing_tools(*, intake: bool) -> tuple[Tool[Any], ...]:
    """These tools, and those for intake rules where they are wanted."""
    if not intake:
        return WRITING_TOOLS
    from bitrix24_mcp.tools.intake import INTAKE_TOOLS  # noqa: PLC0415 - few servers are asked for them

    return (*WRITING_TOOLS, *INTAKE_TOOLS)
