"""When the next request may go out: the portal's limits, kept in this process.

The gateway allows about 10 requests a second per portal, shared by all its keys, 300 in any 60 seconds per key, and
works on 2 at a time per portal (docs/keys-auth, docs/optimization).
"""

import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from bitrix24_mcp import usage

_LONGEST = 86_400.0
"""Seconds; no window of the portal is longer, whatever a header says."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second as they are spaced, as the portal may see them in any second, in any `window`, at one time.

    The spacing keeps 5 % below the published rate. Where this machine or the network holds some requests back and
    they arrive bunched, the second limit keeps the promise: the next goes out a second after the one ten before it
    was answered, by when that one had surely arrived.
    """

    per_second: float = 9.5
    any_second: int = 10
    per_window: int = 300
    window: float = 60.0
    in_flight: int = 2


@dataclass(frozen=True, slots=True)
class Clock:
    """How time passes: seconds of a clock that only goes forward, and a way to wait."""

    now: Callable[[], float] = anyio.current_time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep


@dataclass(slots=True)
class _Turn:
    """When a request went out and when it was answered (infinity = not yet)."""

    sent: float
    answered: float = math.inf


@dataclass(frozen=True, slots=True)
class Stated:
    """What the portal said of the window: requests in it (None = not said), how many are left, when it ends."""

    limit: int | None
    remaining: int
    ends: float


class PortalPace:
    """The pace of one portal, shared by all keys that call it in this process. `pause` holds all of them."""

    def __init__(self, limits: Limits | None = None, *, clock: Clock | None = None) -> None:
        self._limits = limits or Limits()
        self.clock = clock or Clock()
        self._next = 0.0
        self._turns: deque[_Turn] = deque(maxlen=self._limits.any_second)
        self.flights = anyio.Semaphore(self._limits.in_flight)

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long: the portal has asked for patience."""
        self._next = max(self._next, self.clock.now() + seconds)

    def earliest(self) -> float:
        """When the next request may go out."""
        return max(self._next, _free_at(self._turns, self._limits.any_second, 1.0))

    def note(self, turn: _Turn) -> None:
        """Counts a request that goes out."""
        self._next = max(self._next, turn.sent) + 1 / self._limits.per_second
        self._turns.append(turn)


class Budget:
    """The rate budget of one key on one portal; whoever sends takes a `turn`.

    `portal`: its pace where other keys call it too. `waited` sums the seconds spent waiting, `spent` counts the turns
    taken, `stated` is what the portal said last.
    """

    def __init__(
        self, limits: Limits | None = None, *, clock: Clock | None = None, portal: PortalPace | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._portal = portal or PortalPace(self._limits, clock=clock)
        self.clock = self._portal.clock
        self._next = 0.0
        self._turns: deque[_Turn] = deque(maxlen=self._limits.per_window)
        self.spent = 0
        self.waited = 0.0
        self.stated: Stated | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Waits until a request may go out and holds its place until it is answered."""
        async with self._portal.flights:
            await self.ready()
            turn = _Turn(self.clock.now())
            self._portal.note(turn)
            self._turns.append(turn)
            self.spent += 1
            usage.sent()
            try:
                yield
            finally:
                turn.answered = self.clock.now()

    async def ready(self) -> None:
        """Waits until a request may go out, and takes no turn; a pause that comes meanwhile holds this one too."""
        while (delay := self._earliest() - self.clock.now()) > 0:
            self.waited += delay
            usage.waited(delay)
            await self.clock.sleep(delay)

    def belongs_to(self, portal: PortalPace) -> None:
        """From now on the key's requests count against that portal."""
        self._portal = portal

    def pause(self, seconds: float) -> None:
        """Nobody sends to the portal for so long: it has asked for patience."""
        self._portal.pause(seconds)

    def learn(self, remaining: int, reset: float, limit: int | None = None) -> None:
        """Keeps what the portal says of the key's window; it is not used before its reset when nothing is left."""
        self.stated = Stated(limit, remaining, self.clock.now() + min(reset, _LONGEST))
        if remaining <= 0 < reset:
            self._next = max(self._next, self.clock.now() + min(reset, self._limits.window))

    def _earliest(self) -> float:
        window = _free_at(self._turns, self._limits.per_window, self._limits.window)
        return max(self._next, window, self._portal.earliest())


def _free_at(turns: Sequence[_Turn], count: int, seconds: float) -> float:
    """When the request `count` turns ago lies so many seconds back, counted from its answer if that is known."""
    if len(turns) < count:
        return 0.0
    turn = turns[-count]
    return (turn.answered if turn.answered < math.inf else turn.sent) + seconds
