"""When the next request may go out: the portal's limits, kept in this process.

The gateway allows about 10 requests a second per portal, shared by all its keys, 300 in any 60 seconds per key, and
works on 2 at a time per portal (docs/keys-auth, docs/optimization).
"""

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second (evenly spaced), requests in any window of `window` seconds, and requests at one time.

    The spacing keeps 5 % below the published rate, because timers that wake late would otherwise bunch up.
    """

    per_second: float = 9.5
    per_window: int = 300
    window: float = 60.0
    in_flight: int = 2


@dataclass(frozen=True, slots=True)
class Clock:
    """How time passes: seconds of a clock that only goes forward, and a way to wait."""

    now: Callable[[], float] = anyio.current_time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep


class Budget:
    """The rate budget of one key on one portal; whoever sends takes a `turn`.

    `waited` sums the seconds spent waiting, `spent` counts the turns taken.
    """

    def __init__(self, limits: Limits | None = None, *, clock: Clock | None = None) -> None:
        self._limits = limits or Limits()
        self.clock = clock or Clock()
        self._next = 0.0
        self._log: deque[float] = deque(maxlen=self._limits.per_window)
        self._flights = anyio.Semaphore(self._limits.in_flight)
        self.spent = 0
        self.waited = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Waits until a request may go out and holds its place until it is answered."""
        async with self._flights:
            await self._wait()
            self.spent += 1
            yield

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long: the portal has asked for patience."""
        self._next = max(self._next, self.clock.now() + seconds)

    def learn(self, remaining: int, reset: float) -> None:
        """Nobody sends before the window's reset when the portal says that nothing is left of it."""
        if remaining <= 0 < reset:
            self.pause(min(reset, self._limits.window))

    async def _wait(self) -> None:
        """Reserves a moment, then waits for it; a pause that comes meanwhile holds this one too."""
        while (delay := self._earliest() - self.clock.now()) > 0:
            self.waited += delay
            await self.clock.sleep(delay)
        now = self.clock.now()
        self._next = max(self._next, now) + 1 / self._limits.per_second
        self._log.append(now)

    def _earliest(self) -> float:
        full = len(self._log) == self._limits.per_window
        return max(self._next, self._log[0] + self._limits.window if full else 0.0)
