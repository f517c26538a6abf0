"""`portal`: the demo portal alone, for clients and tests of any kind."""

import threading
from argparse import Namespace

from bitrix24_mcp.commands.connection import DEMO_KEY
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.demo import DemoPortal
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
        terminal.say(f"Demo portal at {portal.url} (stop with Ctrl+C). To serve it:")
        terminal.say(f"  VIBECODE_BASE_URL={portal.url} VIBECODE_API_KEY={DEMO_KEY} bitrix24-mcp serve")
        threading.Event().wait()
    return 0
