"""`serve`: the MCP server over stdio, or over HTTP with the legacy SSE transport beside it."""

import os
from argparse import Namespace
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from mcp.server.stdio import stdio_server

from bitrix24_mcp.commands.connection import (
    Opened,
    gateway_for,
    opened,
    served_by_own_key,
    served_by_token,
    writing_through,
)
from bitrix24_mcp.commands.signals import on_stop
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.server import build_server, build_shared_server, check_names
from bitrix24_mcp.settings import Settings, SettingsError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

    from bitrix24_mcp.callers.caller import Recognition
    from bitrix24_mcp.callers.tenants import Open


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Serves until the client closes the connection or a signal comes."""
    check_names(settings)
    over_http = options.transport != "stdio"
    if over_http:
        settings.check_http(options.host, sse=options.transport == "sse")
    if not options.demo and not (over_http and settings.auth == "key"):
        settings.check_door()
    if not over_http:
        anyio.run(_over_stdio, settings, options.demo)  # stdout belongs to the protocol
    else:
        anyio.run(_over_http, settings, options, terminal)
    return 0


async def _over_stdio(settings: Settings, demo: bool) -> None:  # noqa: FBT001 - anyio.run passes positions only
    async with stdio_server() as (reading, writing):
        with anyio.CancelScope() as serving:
            async with (
                on_stop(serving.cancel),
                opened(settings, demo=demo) as door,
                writing_through(door, settings, demo=demo) as may_write,
            ):
                server = build_server(settings, door.portal, may_write)
                await server.run(reading, writing, server.create_initialization_options())
        if serving.cancelled_caught:
            # A thread waits for the next line of stdin, and no signal can wake it; everything else is closed.
            os._exit(0)


async def _over_http(settings: Settings, options: Namespace, terminal: Terminal) -> None:
    async with _app(settings, demo=options.demo) as app:
        await _serve(app, settings, options, terminal)


@asynccontextmanager
async def _app(settings: Settings, *, demo: bool) -> "AsyncGenerator[Starlette]":
    """The application for whoever reaches the server, or for callers who are told apart."""
    from bitrix24_mcp.web import build_app  # noqa: PLC0415 - stdio needs no web server

    if settings.auth == "key":
        async with _for_own_keys(settings, demo=demo) as app:
            yield app
        return
    async with opened(settings, demo=demo) as door:
        if settings.auth == "token":
            async with _for_tokens(settings, door, demo=demo) as app:
                yield app
            return
        async with writing_through(door, settings, demo=demo) as may_write:
            yield build_app(build_server(settings, door.portal, may_write), _callback(settings))


@asynccontextmanager
async def _for_tokens(settings: Settings, door: Opened, *, demo: bool) -> "AsyncGenerator[Starlette]":
    from bitrix24_mcp.callers.tokens import Tokens  # noqa: PLC0415 - most servers tell no callers apart

    tokens = Tokens(settings)
    async with _shared(settings, tokens, lambda caller: served_by_token(caller, door, demo=demo)) as app:
        yield app


@asynccontextmanager
async def _for_own_keys(settings: Settings, *, demo: bool) -> "AsyncGenerator[Starlette]":
    from bitrix24_mcp.callers.own_keys import OwnKeys  # noqa: PLC0415 - as above
    from bitrix24_mcp.pacing.portals import Portals  # noqa: PLC0415

    portals = Portals()
    with gateway_for(settings, demo=demo) as there:
        async with _shared(
            settings, OwnKeys(there), lambda caller: served_by_own_key(caller, portals, demo=demo)
        ) as app:
            yield app


@asynccontextmanager
async def _shared(settings: Settings, recognition: "Recognition", open_: "Open") -> "AsyncGenerator[Starlette]":
    from bitrix24_mcp.callers.guard import CALLER  # noqa: PLC0415 - as above
    from bitrix24_mcp.callers.tenants import Tenants  # noqa: PLC0415
    from bitrix24_mcp.web import build_shared_app  # noqa: PLC0415

    tenants = Tenants(open_)
    server = build_shared_server(
        lambda request: tenants.service(request.scope[CALLER]),
        settings,
        writes=settings.allow_writes,
        lists_are="private",
    )
    async with tenants.lasting():
        yield build_shared_app(server, recognition, settings.hosts, _callback(settings))


async def _serve(app: "Starlette", settings: Settings, options: Namespace, terminal: Terminal) -> None:
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


def _callback(settings: Settings) -> "Sequence[BaseRoute]":
    """Where browsers come back with access to a portal, if an OAuth application is set."""
    if not settings.has_card:
        return ()
    from bitrix24_mcp.accounts.handover import Handover  # noqa: PLC0415 - most servers connect no portals
    from bitrix24_mcp.accounts.store import Accounts  # noqa: PLC0415
    from bitrix24_mcp.oauth_callback import callback_route  # noqa: PLC0415

    # Opened at each call: a server whose data folder is broken still serves everything else.
    return [callback_route(lambda: Handover(settings.card(), Accounts.open(settings.data_folder)))]
