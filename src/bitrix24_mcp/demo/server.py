"""Runs a portal in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import uvicorn

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.app import Parts, create_app
from bitrix24_mcp.demo.database import Database
from bitrix24_mcp.demo.gateway import RestSwitches, Switches
from bitrix24_mcp.demo.rest.tokens import Tokens
from bitrix24_mcp.demo.template import private_copy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from bitrix24_mcp.demo.faults import Fault
    from bitrix24_mcp.demo.recording import RecordedRequest

_START_SECONDS = 10


class DemoPortal:
    """A running portal; `start()` makes one, `stop()` or the end of a `with` block ends it."""

    def __init__(self, database: Path, listener: socket.socket, parts: Parts) -> None:
        self.database = database
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self.now: datetime = times.NOW
        self._parts = parts
        self._connection = Database(database)
        self._listener = listener
        self._server = _Server(_config(self._connection, parts), parts)
        self._thread = threading.Thread(target=self._run, name="demo-portal", daemon=True)
        self._stopped = False

    @classmethod
    def start(  # noqa: PLR0913 -- each is a knob of the portal with a default, given by name
        cls,
        *,
        deals: int = 12_000,
        seed: int = 1,
        limits: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        items_group_by: bool = True,
        total_zero: bool = False,
        deal_category_zero: bool = True,
        workflow_document_list: bool = False,
        rest: RestSwitches | None = None,
    ) -> Self:
        """A portal that accepts connections; from `items_group_by` on, switches for what is not the same everywhere."""
        switches = Switches(
            items_group_by, total_zero, deal_category_zero, workflow_document_list, rest or RestSwitches()
        )
        listener = socket.create_server((host, port))
        try:
            parts = Parts(clock=clock, limits=limits, switches=switches, tokens=Tokens(clock))
            portal = cls(private_copy(deals, seed), listener, parts)
        except BaseException:
            listener.close()
            raise
        portal._thread.start()
        if not portal._server.ready.wait(_START_SECONDS):
            portal.stop()
            raise RuntimeError(f"the demo portal did not start within {_START_SECONDS} seconds")
        return portal

    @property
    def requests(self) -> list[RecordedRequest]:
        """What was asked so far, in order of arrival; callers may clear the list."""
        return self._parts.recorder.requests

    def inject(self, fault: Fault) -> None:
        """Let something go wrong."""
        self._parts.faults.inject(fault)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self._parts.faults.clear()

    def register_application(self, redirect_uri: str) -> None:
        """Let the OAuth application's card name this address; users who allow it in are sent there."""
        self._parts.tokens.application.redirect_uri = redirect_uri

    def expire_tokens(self) -> None:
        """Let every access token be too old from now on; refresh tokens stay good."""
        self._parts.tokens.expire()

    def stop(self) -> None:
        """End the server and delete its data; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()
        self._connection.close()
        self.database.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])


class _Server(uvicorn.Server):
    """Starts and stops at once, where uvicorn looks every tenth of a second whether it should."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._parts = parts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()

    def stop(self) -> None:
        """End the server from another thread, even while it is still starting."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await self._over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        # What is still being answered, a slow fault say, is not worth waiting for.
        self._parts.connections.cut_all()


def _config(database: Database, parts: Parts) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(database, parts),
        loop="asyncio",
        http=parts.connections.protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
    )
