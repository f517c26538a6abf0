"""When the next request may go out to Bitrix24's own REST: its leaky bucket, kept in this process.

Each request adds one to the portal's counter, which drains by a fixed number each second; when it is full, the portal
refuses (docs: settings/performance/limits). It counts per portal and source address.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from bitrix24_mcp import usage
from bitrix24_mcp.pacing.budget import Clock

_INSTANT = 1e-6
"""Seconds that are none, such as the rounding of a sum leaves."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Requests that the bucket holds and drains a second; Enterprise plans have 250 and 5. `in_flight`: at one time.

    So many below the size are used as may be under way, since those may arrive later than they went out, and as drain
    at once, since the portal's counter moves by whole seconds.
    """

    size: int = 50
    drain: float = 2.0
    in_flight: int = 4

    @property
    def usable(self) -> float:
        """How full the bucket may get here, so that it overflows nowhere."""
        return max(1.0, self.size - self.in_flight - self.drain)


ENTERPRISE = Capacity(250, 5.0)
"""What portals with an Enterprise plan take (docs: settings/performance/limits)."""


class Bucket:
    """The rate budget of this machine on one portal; whoever sends takes a `turn`.

    `waited` sums the seconds spent waiting, `spent` counts the turns taken, `capacity` is what the portal takes.
    """

    def __init__(self, capacity: Capacity | None = None, *, clock: Clock | None = None) -> None:
        self.capacity = capacity or Capacity()
        self.clock = clock or Clock()
        self._level = 0.0
        self._seen = 0.0
        self._next = 0.0
        self._flights = anyio.Semaphore(self.capacity.in_flight)
        self.spent = 0
        self.waited = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Waits until a request may go out and holds its place until it is answered."""
        async with self._flights:
            await self.ready()
            self._level += 1
            self.spent += 1
            usage.sent()
            yield

    async def ready(self) -> None:
        """Waits until a request may go out, and takes no turn; a pause that comes meanwhile holds this one too."""
        while (delay := self._delay()) > 0:
            self.waited += delay
            usage.waited(delay)
            await self.clock.sleep(delay)

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long: the portal has asked for patience."""
        self._next = max(self._next, self.clock.now() + seconds)

    def overflowed(self) -> None:
        """The portal's bucket is full, also through others at this address: from now on only what drains goes out."""
        self._drain()
        self._level = self.capacity.usable

    def _delay(self) -> float:
        self._drain()
        over = (self._level + 1 - self.capacity.usable) / self.capacity.drain
        return max(self._next - self.clock.now(), over if over > _INSTANT else 0.0)

    def _drain(self) -> None:
        now = self.clock.now()
        self._level = max(0.0, self._level - (now - self._seen) * self.capacity.drain)
        self._seen = now
