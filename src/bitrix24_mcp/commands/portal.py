"""`portal`: the demo portal alone, for clients and tests of any kind."""

import threading
from argparse import Namespace

from bitrix24_mcp.commands.connection import DEMO_KEY
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.rest.calls import Caller
from bitrix24_mcp.demo.rest.credentials import WEBHOOKS
from bitrix24_mcp.demo.rest.tokens import Application
from bitrix24_mcp.settings import Settings, SettingsError


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Runs until interrupted."""
    del settings  # the demo portal has none
    if not 0 <= options.port <= 65_535 or not 1 <= options.deals <= 1_000_000:
        raise SettingsError("--port takes 0 to 65535, --deals 1 to 1000000.")
    terminal.complain(f"Preparing a portal with {options.deals:,} deals…")
    try:
        portal = DemoPortal.start(deals=options.deals, seed=options.seed, port=options.port)
    except OSError:
        raise SettingsError(f"Port {options.port} is taken; choose another with --port, or 0 for any.") from None
    with portal:
        _say_doors(portal.url, terminal)
        threading.Event().wait()
    return 0


def _say_doors(url: str, terminal: Terminal) -> None:
    """The ways to the portal, each as what a shell takes."""
    host = url.partition("://")[2]
    terminal.say(f"Demo portal at {url} (stop with Ctrl+C). To serve it, through the gateway:")
    terminal.say(f"  VIBECODE_BASE_URL={url} VIBECODE_API_KEY={DEMO_KEY} bitrix24-mcp serve")
    for (owner, code), caller in WEBHOOKS.items():
        terminal.say(f"directly, by a webhook of {_owner(caller)}:")
        terminal.say(f"  BITRIX24_WEBHOOK_URL={url}/rest/{owner}/{code}/ bitrix24-mcp serve")
    card = Application()
    terminal.say("directly, as an OAuth application:")
    terminal.say(f"  export BITRIX24_CLIENT_ID={card.client_id} BITRIX24_CLIENT_SECRET={card.client_secret}")
    terminal.say(f"  export BITRIX24_MCP_AUTHORIZATION_HOSTS={host}")
    terminal.say(f"  bitrix24-mcp connect {host} && BITRIX24_PORTAL={host} bitrix24-mcp serve")


def _owner(caller: Caller) -> str:
    if caller.admin:
        return "its administrator"
    return "an administrator of the CRM only" if caller.crm_admin else "a seller, who sees his own records"
