"""When the next request may go out to Bitrix24's own REST: its leaky bucket, kept in this process.

Each request adds one to the portal's counter, which drains by a fixed number each second; when it is full, the portal
refuses (docs: settings/performance/limits). It counts per portal and source address.
"""

from dataclasses import dataclass
from typing import Protocol

import anyio

from bitrix24_mcp.pacing.turns import Clock, Grants, Here, Turn, Turns

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

    def shared_by(self, replicas: int) -> "Capacity":
        """The part of each replica where none knows what the others do."""
        return Capacity(self.size // replicas, self.drain / replicas, max(1, self.in_flight // replicas))


ENTERPRISE = Capacity(250, 5.0)
"""What portals with an Enterprise plan take (docs: settings/performance/limits)."""


class Level:
    """How full a portal's bucket is by the requests of this process."""

    def __init__(self, capacity: Capacity, *, clock: Clock | None = None) -> None:
        self._capacity = capacity
        self.clock = clock or Clock()
        self.places = anyio.Semaphore(capacity.in_flight)
        self._level = 0.0
        self._seen = 0.0
        self._next = 0.0

    def earliest(self) -> float:
        """When the next request may go out."""
        self._drain()
        over = (self._level + 1 - self._capacity.usable) / self._capacity.drain
        return max(self._next, self._seen + over if over > _INSTANT else 0.0)

    def note(self, turn: Turn) -> None:  # noqa: ARG002 - what a Rule is told
        """Counts a request that goes out."""
        self._drain()
        self._level += 1

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long: the portal has asked for patience."""
        self._next = max(self._next, self.clock.now() + seconds)

    def fill(self) -> None:
        """The portal's bucket is full: from now on only what drains goes out."""
        self._drain()
        self._level = self._capacity.usable

    def _drain(self) -> None:
        now = self.clock.now()
        self._level = max(0.0, self._level - (now - self._seen) * self._capacity.drain)
        self._seen = now


class BucketGrants(Grants, Protocol):
    """Where the turns on a portal's bucket are granted."""

    async def overflowed(self) -> None:
        """The portal's bucket is full."""
        ...


class _BucketHere(Here):
    """Turns on a bucket that this process grants by itself."""

    def __init__(self, level: Level) -> None:
        super().__init__(level)
        self._level = level

    async def overflowed(self) -> None:
        """The portal's bucket is full."""
        self._level.fill()


class Bucket(Turns[BucketGrants]):
    """The rate budget of this machine on one portal; whoever sends takes a `turn`. `capacity` is what it takes.

    `grants`: where turns are granted, if that is not here.
    """

    def __init__(
        self, capacity: Capacity | None = None, *, clock: Clock | None = None, grants: BucketGrants | None = None
    ) -> None:
        self.capacity = capacity or Capacity()
        clock = clock or Clock()
        super().__init__(grants or _BucketHere(Level(self.capacity, clock=clock)), clock)

    async def overflowed(self) -> None:
        """The portal's bucket is full, also through others at this address: from now on only what drains goes out."""
        await self._grants.overflowed()
