"""`disconnect`: a portal's tokens are erased here."""

from argparse import Namespace

import anyio

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.commands.backing import accounts_in, backed
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.settings import Settings


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Keeps the account as deleted; 1 when it is not connected."""
    try:
        account = anyio.run(_disconnected, options.portal, settings)
    except PortalError as error:
        terminal.complain(str(error))
        return 1
    terminal.say(
        f"{account.portal} is disconnected: its tokens are erased on this machine. "
        "To end the access on the portal as well, remove the application there."
    )
    return 0


async def _disconnected(portal: str, settings: Settings) -> Account:
    async with backed(settings) as backing:
        return await accounts_in(backing.place, settings).disconnect(portal)
