"""`call`: one tool call from the shell."""

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import anyio

from bitrix24_mcp.commands.backing import backed
from bitrix24_mcp.commands.connection import opened, writing_through
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.commands.terminal_user import TerminalUser
from bitrix24_mcp.crm.errors import nearest, quoted
from bitrix24_mcp.service import context_for, offered
from bitrix24_mcp.settings import Settings, SettingsError
from bitrix24_mcp.tools.declare import Outcome
from bitrix24_mcp.tools.declare import run as run_tool

_IN_PART = frozenset({"refused", "unknown", "not_sent"})
"""What an answer to a write holds when not all of it was done."""


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints the structured answer; an error goes to stderr. That ends with 1, as does what was written in part."""
    _check_known(options.tool, settings)
    return call(options.tool, _parsed(options.arguments), settings, options, terminal)


def call(name: str, arguments: Mapping[str, Any], settings: Settings, options: Namespace, terminal: Terminal) -> int:
    """Calls a tool for whoever sits at the terminal: they are asked before anything is written."""
    user = TerminalUser(terminal, yes=options.yes)
    outcome = anyio.run(_called, name, arguments, settings, options.demo, user)
    if outcome.error:
        terminal.complain(outcome.error)
        return 1
    terminal.say(json.dumps(outcome.content, ensure_ascii=False, indent=2))
    return 1 if outcome.content.keys() & _IN_PART else 0


async def _called(
    name: str,
    arguments: Mapping[str, Any],
    settings: Settings,
    demo: bool,  # noqa: FBT001 - anyio.run passes positions only
    user: TerminalUser,
) -> Outcome:
    async with (
        backed(settings, demo=demo) as backing,
        opened(settings, backing, demo=demo) as door,
        writing_through(door, settings, backing) as writing,
    ):
        tool = offered(settings, writing).get(name)
        if tool is None:
            raise SettingsError(f"{name} is not offered: this key cannot write that.")
        return await run_tool(tool, arguments, replace(context_for(settings, door.portal, writing), person=user))


def _check_known(name: str, settings: Settings) -> None:
    names = list(offered(settings))
    if settings.allow_writes:
        from bitrix24_mcp.tools.writing import writing_tools  # noqa: PLC0415 - seldom needed

        names += [tool.name for tool in writing_tools(intake=settings.intake)]
    if name not in names:
        near = nearest(name, names, 1)
        hint = f"Perhaps {near[0]}?" if near else f"There are {quoted(names)}."
        raise SettingsError(f"There is no tool {name}. {hint}")


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        parsed: Any = json.loads(text)
    except ValueError as error:
        raise SettingsError(f'The arguments are no JSON: {error}. Write them as \'{{"name": "value"}}\'.') from None
    if not isinstance(parsed, dict):
        raise SettingsError('The arguments must be a JSON object, such as \'{"entity": "deals"}\'.')
    return cast("Mapping[str, Any]", parsed)
