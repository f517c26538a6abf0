"""`serve`: the MCP server over stdio, or over HTTP with the legacy SSE transport beside it."""

import os
from argparse import Namespace
from typing import TYPE_CHECKING, cast

import anyio
from mcp.server.stdio import stdio_server

from bitrix24_mcp.commands.backing import backed
from bitrix24_mcp.commands.connection import opened, writing_through
from bitrix24_mcp.commands.signals import on_stop
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.server import build_server, check_names
from bitrix24_mcp.settings import Settings, SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Serves until the client closes the connection or a signal comes."""
    check_names(settings)
    over_http = options.transport != "stdio"
    if over_http:
        settings.check_http(options.host, sse=options.transport == "sse")
    if not options.demo:
        _check_way(settings, settings.auth if over_http else "none")
    try:
        if not over_http:
            anyio.run(_over_stdio, settings, options.demo, terminal)  # stdout belongs to the protocol
        else:
            anyio.run(_over_http, settings, options, terminal)
    except BaseExceptionGroup as group:
        raise _wrong_setting(group) or group from None
    return 0


def _check_way(settings: Settings, auth: str) -> None:
    """Raises SettingsError when nobody could reach a portal; with `key` each caller brings the way."""
    if auth == "oauth":
        settings.card()
    elif auth != "key":
        settings.check_door()


async def _over_stdio(settings: Settings, demo: bool, terminal: Terminal) -> None:  # noqa: FBT001 - as in call.py
    async with stdio_server() as (reading, writing):
        try:
            with anyio.CancelScope() as serving:
                async with (
                    on_stop(serving.cancel),
                    backed(settings, demo=demo) as backing,
                    opened(settings, backing, demo=demo) as door,
                    writing_through(door, settings, backing) as may_write,
                ):
                    server = build_server(settings, door.portal, may_write)
                    await server.run(reading, writing, server.create_initialization_options())
        except BaseExceptionGroup as group:
            if (wrong := _wrong_setting(group)) is None:
                raise
            terminal.complain(str(wrong))
            os._exit(2)  # for the reason below
        if serving.cancelled_caught:
            # A thread waits for the next line of stdin, and no signal can wake it; everything else is closed.
            os._exit(0)


def _wrong_setting(group: BaseExceptionGroup[BaseException]) -> SettingsError | None:
    """The setting that was found to be wrong while something else was done at the same time; None for other errors."""
    found: BaseException | None = group.subgroup(SettingsError)
    while isinstance(found, BaseExceptionGroup):
        found = cast("BaseExceptionGroup[BaseException]", found).exceptions[0]
    return found if isinstance(found, SettingsError) else None


async def _over_http(settings: Settings, options: Namespace, terminal: Terminal) -> None:
    from bitrix24_mcp.commands.http import application  # noqa: PLC0415 - stdio needs no web server

    async with application(settings, demo=options.demo) as app:
        await _serve(app, settings, options, terminal)


async def _serve(app: "ASGIApp", settings: Settings, options: Namespace, terminal: Terminal) -> None:
    from bitrix24_mcp.web import WebServer  # noqa: PLC0415 - stdio needs no web server

    server = WebServer(app, options.host, options.port, settings.log_level)
    try:
        url = server.bind()
    except OSError:
        raise SettingsError(f"{options.host}:{options.port} cannot be used; choose another --port.") from None
    path = "/sse" if options.transport == "sse" else "/mcp"
    async with on_stop(server.stop):
        terminal.complain(f"Serving MCP at {url}{path} (stop with Ctrl+C).")
        await server.serve()
