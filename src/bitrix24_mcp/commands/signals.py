"""What happens when the operating system asks the program to stop."""

import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc


@asynccontextmanager
async def on_stop(act: Callable[[], None]) -> AsyncGenerator[None]:
    """Calls `act` at the first SIGINT or SIGTERM that comes while the body runs."""

    async def wait(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        try:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
                task_status.started()
                async for _ in received:
                    act()
                    return
        except NotImplementedError:  # Windows has no such receiver; there Ctrl+C interrupts the program itself
            task_status.started()

    async with anyio.create_task_group() as group:
        await group.start(wait)
        yield
        group.cancel_scope.cancel()
