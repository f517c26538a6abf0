"""Lets a fault cut the connection, which no ASGI message can do."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any


class Connections:
    """The open connections of one server by the client's address."""

    def __init__(self) -> None:
        self._transports: dict[object, asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """The HTTP protocol for uvicorn, which keeps this list up to date."""
        transports = self._transports

        class Tracked(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:
                transports[transport.get_extra_info("peername")] = transport
                # asyncio does this only for sockets made with an explicit protocol, which socket.create_server omits;
                # without it every answer on a kept connection takes 40 ms longer.
                transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return Tracked

    def cut(self, scope: MutableMapping[str, Any]) -> None:
        """Close the connection of a request without a word."""
        transport = self._transports.get(tuple(cast("list[object]", scope["client"])))
        if transport is not None:
            transport.abort()

    def cut_all(self) -> None:
        """Close every connection."""
        for transport in tuple(self._transports.values()):
            transport.abort()
