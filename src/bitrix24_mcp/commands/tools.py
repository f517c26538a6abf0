"""`tools`: what is offered."""

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.server import check_names
from bitrix24_mcp.service import chosen
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools.declare import Tool


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints the tools as a table, or as the exact `tools/list` entries.

    Those that write as a key is offered them that may do everything.
    """
    check_names(settings)
    tools = list(chosen(settings, _writing(settings)).values())
    if options.json:
        entries = [tool.on_the_wire().model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
        terminal.say(json.dumps(entries, ensure_ascii=False, indent=2))
        return 0
    for tool in tools:
        terminal.say(terminal.styled(tool.name, "bold"))
        terminal.say(f"  {tool.description}")
        terminal.say(terminal.styled(f"  arguments: {', '.join(tool.on_the_wire().input_schema['properties'])}", "dim"))
    return 0


def _writing(settings: Settings) -> Sequence[Tool[Any]]:
    if not settings.allow_writes:
        return ()
    from bitrix24_mcp.tools.writing import writing_tools  # noqa: PLC0415 - seldom needed

    return writing_tools(intake=settings.intake)
