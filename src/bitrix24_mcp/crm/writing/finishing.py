"""Work that is finished whatever becomes of the call that asked for it, and of the server.

A web server that ends cancels its requests, which nothing inside of a request can prevent; so such work runs in a task
of its own, which the end of the program waits for.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc


class Finishing:
    """Runs work to its end; while `lasting` is open, also when the caller is cancelled."""

    def __init__(self) -> None:
        self._group: anyio.abc.TaskGroup | None = None

    @asynccontextmanager
    async def lasting(self) -> AsyncGenerator[None]:
        """Whoever leaves waits for the work that is under way."""
        failure: Exception | None = None
        async with anyio.create_task_group() as self._group:
            try:
                yield
            except Exception as error:  # noqa: BLE001 - it is raised below, as it is rather than within a group
                failure = error
        self._group = None
        if failure is not None:
            raise failure

    async def __call__(self, work: Callable[[], Awaitable[None]]) -> None:
        """Waits for the work, and raises what it raises."""
        run = _Run(work)
        if self._group is None:
            await run()
        else:
            self._group.start_soon(run)
        with anyio.CancelScope(shield=True):
            await run.over.wait()
        if run.failure is not None:
            raise run.failure


class _Run:
    """One piece of work in a task of its own."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self.over = anyio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> None:
        with anyio.CancelScope(shield=True):
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - the caller gets it, not all the others
                self.failure = error
            finally:
                self.over.set()
