"""`undo`: reverses an operation of the journal, for the operator at the terminal."""

from argparse import Namespace

from bitrix24_mcp.commands.call import call
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.settings import Settings


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Shows what reversing it would write, asks, and does it. Who gives the command allows it by that."""
    allowed = settings.model_copy(update={"allow_writes": True})
    return call("undo", {"operation": options.operation}, allowed, options, terminal)
