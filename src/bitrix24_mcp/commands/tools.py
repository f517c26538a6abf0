"""`tools`: what is offered."""

import json
from argparse import Namespace

from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.server import check_names, offered
from bitrix24_mcp.settings import Settings


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints the tools as a table, or as the exact `tools/list` entries."""
    check_names(settings)
    tools = list(offered(settings).values())
    if options.json:
        entries = [tool.on_the_wire().model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
        terminal.say(json.dumps(entries, ensure_ascii=False, indent=2))
        return 0
    for tool in tools:
        terminal.say(terminal.styled(tool.name, "bold"))
        terminal.say(f"  {tool.description}")
        terminal.say(terminal.styled(f"  arguments: {', '.join(tool.arguments.model_fields)}", "dim"))
    return 0
