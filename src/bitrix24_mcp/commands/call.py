"""`call`: one tool call from the shell."""

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, cast

import anyio

from bitrix24_mcp.commands.connection import connected
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.errors import nearest, quoted
from bitrix24_mcp.server import context_for, offered
from bitrix24_mcp.settings import Settings, SettingsError
from bitrix24_mcp.tools.declare import Outcome, Tool
from bitrix24_mcp.tools.declare import run as run_tool


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints the structured answer; an error goes to stderr and ends with 1."""
    tools = offered(settings)
    tool = tools.get(options.tool)
    if tool is None:
        near = nearest(options.tool, list(tools), 1)
        hint = f"Perhaps {near[0]}?" if near else f"There are {quoted(list(tools))}."
        raise SettingsError(f"There is no tool {options.tool}. {hint}")
    outcome = anyio.run(_call, tool, _parsed(options.arguments), settings, options.demo)
    if outcome.error:
        terminal.complain(outcome.error)
        return 1
    terminal.say(json.dumps(outcome.content, ensure_ascii=False, indent=2))
    return 0


async def _call(
    tool: Tool[Any],
    arguments: Mapping[str, Any],
    settings: Settings,
    demo: bool,  # noqa: FBT001 - anyio.run passes positions only
) -> Outcome:
    async with connected(settings, demo=demo) as portal:
        return await run_tool(tool, arguments, context_for(settings, portal))


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        parsed: Any = json.loads(text)
    except ValueError as error:
        raise SettingsError(f'The arguments are no JSON: {error}. Write them as \'{{"name": "value"}}\'.') from None
    if not isinstance(parsed, dict):
        raise SettingsError('The arguments must be a JSON object, such as \'{"entity": "deals"}\'.')
    return cast("Mapping[str, Any]", parsed)
