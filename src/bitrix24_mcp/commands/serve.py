"""`serve`: the MCP server over stdio."""

from argparse import Namespace

import anyio
from mcp.server.stdio import stdio_server

from bitrix24_mcp.commands.connection import connected
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.server import build_server, check_names
from bitrix24_mcp.settings import Settings


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Serves until the client closes the connection."""
    del terminal  # stdout belongs to the protocol
    check_names(settings)
    anyio.run(_serve, settings, options.demo)
    return 0


async def _serve(settings: Settings, demo: bool) -> None:  # noqa: FBT001 - anyio.run passes positions only
    async with connected(settings, demo=demo) as portal, stdio_server() as (reading, writing):
        server = build_server(settings, portal)
        await server.run(reading, writing, server.create_initialization_options())
