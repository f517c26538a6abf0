"""The server over HTTP: Streamable HTTP at `/mcp`, and the legacy SSE transport at `/sse`.

Without authentication both are the same server object, for programs on this machine. Where callers are told apart there
is only `/mcp`, without sessions: each request carries all that it needs, and any copy of the server can answer it.
Requests with a foreign Host or Origin are refused, so that no web page can reach the portal through a browser (the
specification's DNS-rebinding rule).
"""

import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bitrix24_mcp.callers.caller import Recognition
from bitrix24_mcp.callers.guard import Guard

_NAMES = ("127.0.0.1", "localhost", "[::1]")
_MOST_CONNECTIONS = 2_000
"""Connections at one time; more are answered with 503."""
_GRACE = 2
"""Seconds that open streams have to end when the server stops."""


def build_app(server: Server[Any], beside: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI application with both transports, and what is served beside them."""
    legacy = _LegacySse(server)
    app = server.streamable_http_app(streamable_http_path="/mcp", transport_security=_SECURITY)
    app.router.routes.extend([Route("/sse", legacy), Mount("/messages", legacy.messages), *beside])
    return app


def build_shared_app(
    server: Server[Any], recognition: Recognition, hosts: Sequence[str], beside: Sequence[BaseRoute] = ()
) -> Starlette:
    """The ASGI application for callers who are told apart; `hosts`: the names under which they reach it."""
    security = security_for(hosts)
    manager = StreamableHTTPSessionManager(server, stateless=True, security_settings=security)
    guarded = Route("/mcp", Guard(manager.handle_request, recognition, security))
    return Starlette(routes=[guarded, *beside], lifespan=lambda _: manager.run())


def security_for(hosts: Sequence[str] = ()) -> TransportSecuritySettings:
    """Which Host and Origin headers are taken: this machine's own names, and the hosts."""
    names = [each for name in (*_NAMES, *hosts) for each in (name, f"{name}:*")]
    return TransportSecuritySettings(
        allowed_hosts=names,
        allowed_origins=[f"{'http' if name.startswith(_NAMES) else 'https'}://{name}" for name in names],
    )


_SECURITY = security_for()


class _LegacySse:
    """The transport of revision 2024-11-05: a stream of events at `/sse`, messages posted to `/messages/`."""

    def __init__(self, server: Server[Any]) -> None:
        self._server = server
        self._transport = SseServerTransport("/messages/", security_settings=_SECURITY)
        self._guard = TransportSecurityMiddleware(_SECURITY)
        self.messages = self._transport.handle_post_message

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if refusal := await self._guard.validate_request(Request(scope, receive)):
            await refusal(scope, receive, send)
            return
        async with self._transport.connect_sse(scope, receive, send) as (reading, writing):
            await self._server.run(reading, writing, self._server.create_initialization_options())


class WebServer(uvicorn.Server):
    """uvicorn without its own signal handling, so that the portal client is closed after the last request."""

    def __init__(self, app: ASGIApp, host: str, port: int, log_level: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                log_level=log_level.lower(),
                access_log=False,
                timeout_graceful_shutdown=_GRACE,
                server_header=False,
                proxy_headers=False,  # no address of a client is used for anything
                limit_concurrency=_MOST_CONNECTIONS,
            )
        )
        self._sockets: list[socket.socket] = []

    def bind(self) -> str:
        """Takes the port and gives the address; raises OSError when it cannot be had."""
        host = self.config.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio switches off Nagle's delay, 40 ms a call, only for sockets that name their protocol.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, self.config.port))
            bound.listen(self.config.backlog)
        except OSError:
            bound.close()
            raise
        self._sockets = [bound]
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{bound.getsockname()[1]}"

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves on the bound port until told to stop."""
        await super().serve(sockets or self._sockets)

    def stop(self) -> None:
        """Takes no new requests, gives the open ones a moment, and ends."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leaves signals to the command."""
        yield
