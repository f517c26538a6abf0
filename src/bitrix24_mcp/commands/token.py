"""`token`: makes a token with which somebody may use this server over HTTP."""

from argparse import Namespace

from bitrix24_mcp.callers.tokens import add_token
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.settings import Settings


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints the token, which is kept nowhere; the file keeps what it is known by."""
    token = add_token(options.name, settings.tokens_file)
    terminal.complain(
        f"{options.name} sends this as Authorization: Bearer. It is shown only now; to revoke it, take the line of "
        f"{options.name} out of {settings.tokens_file.name}."
    )
    terminal.say(token)
    return 0
