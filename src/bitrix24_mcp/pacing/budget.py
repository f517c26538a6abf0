"""When the next request may go out through the gateway: the portal's limits and the key's, kept in this process.

The gateway allows about 10 requests a second per portal, shared by all its keys, 300 in any 60 seconds per key, and
works on 2 at a time per portal (docs/keys-auth, docs/optimization).
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import anyio

from bitrix24_mcp.pacing.turns import Clock, Grants, Here, Turn, Turns

_LONGEST = 86_400.0
"""Seconds; no window of the portal is longer, whatever a header says."""
_OLD = 5.0
"""Seconds after which others may have sent much since it was told how many requests are left."""


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

    def shared_by(self, replicas: int) -> "Limits":
        """The part of each replica where none knows what the others do.

        What cannot be divided is one; the spacing then keeps their sum to the rate.
        """
        return replace(
            self,
            per_second=self.per_second / replicas,
            any_second=max(1, self.any_second // replicas),
            per_window=max(1, self.per_window // replicas),
            in_flight=max(1, self.in_flight // replicas),
        )


@dataclass(frozen=True, slots=True)
class Stated:
    """What the portal said of the window: requests in it (None = not said), how many are left, when it ends."""

    limit: int | None
    remaining: int
    ends: float


class Window:
    """The requests of one key in any stretch of its window. `key` tells it from others and nothing of the key."""

    def __init__(self, limits: Limits, clock: Clock, key: str = "") -> None:
        self.limits = limits
        self.key = key
        self._clock = clock
        self._next = 0.0
        self._turns: deque[Turn] = deque(maxlen=limits.per_window)
        self._left = limits.per_window
        self._left_at = -math.inf

    def earliest(self) -> float:
        """When the next request may go out."""
        return max(self._next, _free_at(self._turns, self.limits.per_window, self.limits.window))

    def earliest_of(self, replicas: int, alone_since: float) -> float:
        """The same while it is not known what others send with the key, as it was until that moment.

        This replica then keeps to its part of any window, and to its part of what was left when that was told last.
        """
        counted_until = max(self._left_at, alone_since) + self.limits.window
        held = 0.0
        if self._left_at > -math.inf and self._clock.now() < counted_until:
            since = sum(turn.sent > self._left_at for turn in self._turns)
            held = counted_until if since >= self._part_of_left(replicas, alone_since) else 0.0
        part = max(1, self.limits.per_window // replicas)
        return max(held, self._next, _free_at(self._turns, part, self.limits.window))

    def _part_of_left(self, replicas: int, alone_since: float) -> int:
        """How many may go out since it was told how many are left; what others may have sent meanwhile is taken off.

        If that is an old story, one may go: its answer tells the truth.
        """
        age = max(0.0, alone_since - self._left_at)
        left = int(self._left - age * self.limits.per_second) // replicas
        return max(left, 1) if age > _OLD else left

    def note(self, turn: Turn) -> None:
        """Counts a request that goes out."""
        self._turns.append(turn)

    def left(self, count: int) -> None:
        """So many requests are left in the window, those of all who use the key counted."""
        self._left, self._left_at = count, self._clock.now()

    def hold(self, seconds: float) -> None:
        """The key is not used for so long."""
        self._next = max(self._next, self._clock.now() + seconds)


class KeyGrants(Grants, Protocol):
    """Where the turns of one key are granted."""

    async def hold(self, seconds: float) -> None:
        """The key is not used for so long."""
        ...


class Pace(Protocol):
    """The pace of one portal, shared by all keys that call it; a `pause` holds all of them."""

    clock: Clock

    def of(self, window: Window) -> KeyGrants:
        """Where the turns of a key on this portal are granted."""
        ...


class PortalPace:
    """The pace of one portal, shared by all keys that call it in this process. `pause` holds all of them.

    `turns`: requests that went out before, and count.
    """

    def __init__(self, limits: Limits | None = None, *, clock: Clock | None = None, turns: Iterable[Turn] = ()) -> None:
        self._limits = limits or Limits()
        self.clock = clock or Clock()
        self.places = anyio.Semaphore(self._limits.in_flight)
        self._next = 0.0
        self._turns: deque[Turn] = deque(turns, maxlen=self._limits.any_second)

    def of(self, window: Window) -> KeyGrants:
        """Where the turns of a key on this portal are granted."""
        return _KeyHere(self, window)

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long: the portal has asked for patience."""
        self._next = max(self._next, self.clock.now() + seconds)

    def earliest(self) -> float:
        """When the next request may go out."""
        return max(self._next, _free_at(self._turns, self._limits.any_second, 1.0))

    def note(self, turn: Turn) -> None:
        """Counts a request that goes out."""
        self._next = max(self._next, turn.sent) + 1 / self._limits.per_second
        self._turns.append(turn)


class _KeyHere(Here):
    """The turns of one key that this process grants by itself."""

    def __init__(self, portal: PortalPace, window: Window) -> None:
        super().__init__(portal, window)
        self._window = window

    async def hold(self, seconds: float) -> None:
        """The key is not used for so long."""
        self._window.hold(seconds)


class Budget(Turns[KeyGrants]):
    """The rate budget of one key on one portal; whoever sends takes a `turn`.

    `portal`: its pace where other keys call it too; `key` is a word that stands for this one there. `stated` is what
    the portal said last.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        clock: Clock | None = None,
        portal: Pace | None = None,
        key: str = "",
    ) -> None:
        limits = limits or Limits()
        pace = portal or PortalPace(limits, clock=clock)
        self._window = Window(limits, pace.clock, key)
        super().__init__(pace.of(self._window), pace.clock)
        self.stated: Stated | None = None

    def belongs_to(self, portal: Pace) -> None:
        """From now on the key's requests count against that portal."""
        self._grants = portal.of(self._window)

    async def learn(self, remaining: int, reset: float, limit: int | None = None) -> None:
        """Keeps what the portal says of the key's window; it is not used before its reset when nothing is left."""
        self.stated = Stated(limit, remaining, self.clock.now() + min(reset, _LONGEST))
        self._window.left(remaining)
        if remaining <= 0 < reset:
            await self._grants.hold(min(reset, self._window.limits.window))


def _free_at(turns: Sequence[Turn], count: int, seconds: float) -> float:
    """When the request `count` turns ago lies so many seconds back, counted from its answer if that is known."""
    return turns[-count].counted_from + seconds if len(turns) >= count else 0.0
