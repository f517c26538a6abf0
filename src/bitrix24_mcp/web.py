"""The server over HTTP: Streamable HTTP at `/mcp`, and the legacy SSE transport at `/sse`.

Both are the same server object, for programs on this machine: requests with a foreign Host or Origin are refused, so
that no web page can reach the portal through a browser (the specification's DNS-rebinding rule).
"""

import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Where the server may listen: it speaks for its operator's key and asks nobody who they are."""
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_SECURITY = TransportSecuritySettings(
    allowed_hosts=[each for name in _NAMES for each in (name, f"{name}:*")],
    allowed_origins=[each for name in _NAMES for each in (f"http://{name}", f"http://{name}:*")],
)
_GRACE = 2
"""Seconds that open streams have to end when the server stops."""


def build_app(server: Server[Any], beside: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI application with both transports, and what is served beside them."""
    legacy = _LegacySse(server)
    app = server.streamable_http_app(streamable_http_path="/mcp", transport_security=_SECURITY)
    app.router.routes.extend([Route("/sse", legacy), Mount("/messages", legacy.messages), *beside])
    return app


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

    def __init__(self, app: Starlette, host: str, port: int, log_level: str) -> None:
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
