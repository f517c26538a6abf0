"""Waiting for what other tasks do, in as many turns of the loop as it takes them."""

from collections.abc import Sequence

import anyio
import anyio.lowlevel


async def until(count: int, asked: Sequence[str]) -> None:
    """Waits until the portal has been asked so often."""
    with anyio.fail_after(5):
        while len(asked) < count:
            await anyio.lowlevel.checkpoint()


async def settled() -> None:
    """Lets everything that can go on go on."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()
