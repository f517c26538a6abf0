"""`accounts`: the portals that were connected."""

import json
from argparse import Namespace
from collections.abc import Sequence

import anyio

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.commands.backing import accounts_in, backed
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.settings import Settings


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints them a line each, or as JSON; those disconnected are kept and marked."""
    try:
        accounts = anyio.run(_all, settings)
    except PortalError as error:
        terminal.complain(str(error))
        return 1
    if options.json:
        terminal.say(json.dumps([_entry(account) for account in accounts], ensure_ascii=False, indent=2))
        return 0
    _say(accounts, terminal)
    return 0


def _say(accounts: Sequence[Account], terminal: Terminal) -> None:
    if not accounts:
        terminal.say("No portal is connected. To connect one: bitrix24-mcp connect PORTAL")
    for account in accounts:
        user = "user not stated" if account.user_id is None else f"user {account.user_id}"
        name = terminal.styled(account.portal, "bold")
        terminal.say(f"{account.id}  {name}  {user}, since {account.created_at:%Y-%m-%d}{_state(account)}")
        terminal.say(f"   member_id {account.member_id}; scopes: {', '.join(account.scopes) or 'none stated'}")


def _state(account: Account) -> str:
    if account.deleted:
        return ", deleted"
    return f", stale: run bitrix24-mcp connect {account.portal}" if account.stale else ""


def _entry(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "portal": account.portal,
        "member_id": account.member_id,
        "user_id": account.user_id,
        "created_at": account.created_at.isoformat(),
        "scopes": list(account.scopes),
        "stale": account.stale,
        "deleted": account.deleted,
    }


async def _all(settings: Settings) -> Sequence[Account]:
    async with backed(settings) as backing:
        return await accounts_in(backing.place, settings).all()
