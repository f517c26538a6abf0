"""What each caller is served with, opened at their first call and closed when they have been away for a while.

Every caller has a connection, a cache, a journal's view and confirmations of their own: nothing that one was told, or
was given to confirm, is there for another.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.abc

from bitrix24_mcp.callers.caller import Caller
from bitrix24_mcp.crm.errors import PortalError, PortalUnavailable
from bitrix24_mcp.service import Service

_MOST = 1_000
"""Callers that are served at one time."""
_AWAY = 900.0
"""Seconds without a call after which all that a caller had is closed: longer than a confirmation is good for."""

Open = Callable[[Caller], AbstractAsyncContextManager[Service]]


@dataclass(eq=False, slots=True)
class _Tenant:
    """One caller: `ready` once it is known whether there is a service, `over` tells its task to close it."""

    ready: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    service: Service | None = None
    failure: PortalError | None = None
    calls: int = 0
    last: float = 0.0


class Tenants:
    """The services of all callers. Use it as a context manager: what is open is closed at its end."""

    def __init__(self, open_: Open, *, most: int = _MOST, away: float = _AWAY) -> None:
        self._open = open_
        self._most = most
        self._away = away
        self._tenants: dict[str, _Tenant] = {}
        self._group: anyio.abc.TaskGroup | None = None

    @asynccontextmanager
    async def lasting(self) -> AsyncGenerator[None]:
        """While this is open callers are served; whoever leaves waits until everything is closed."""
        async with anyio.create_task_group() as self._group:
            try:
                yield
            finally:
                for tenant in self._tenants.values():
                    tenant.over.set()
                self._tenants.clear()
        self._group = None

    @asynccontextmanager
    async def service(self, caller: Caller) -> AsyncGenerator[Service]:
        """What a caller is served with, for one call. Raises PortalError when their portal cannot be opened."""
        tenant = self._tenants.get(caller.id) or self._new(caller)
        tenant.calls += 1
        try:
            await tenant.ready.wait()
            if tenant.service is None:
                raise tenant.failure or _busy()
            yield tenant.service
        finally:
            tenant.calls -= 1
            tenant.last = anyio.current_time()

    def _new(self, caller: Caller) -> _Tenant:
        self._close_idle()
        if self._group is None or len(self._tenants) >= self._most:
            raise _busy()
        tenant = self._tenants[caller.id] = _Tenant(last=anyio.current_time())
        self._group.start_soon(self._run, caller, tenant)
        return tenant

    async def _run(self, caller: Caller, tenant: _Tenant) -> None:
        """Opens and closes in one task, as what is opened demands."""
        try:
            async with self._open(caller) as tenant.service:
                tenant.ready.set()
                await tenant.over.wait()
        except PortalError as error:
            tenant.failure = error
        finally:
            if self._tenants.get(caller.id) is tenant:
                del self._tenants[caller.id]  # the next call tries anew
            tenant.ready.set()

    def _close_idle(self) -> None:
        """Closes those who are away, and if there is no room then the one who called longest ago."""
        now = anyio.current_time()
        idle = sorted((each for each in self._tenants.items() if not each[1].calls), key=lambda each: each[1].last)
        room = self._most - len(self._tenants)
        for id_, tenant in idle:
            if tenant.last + self._away <= now or room < 1:
                tenant.over.set()
                del self._tenants[id_]
                room += 1


def _busy() -> PortalUnavailable:
    return PortalUnavailable(
        "This server serves as many callers as it can.", advice="Try again in a few minutes.", code="SERVER_BUSY"
    )
