"""A leaky bucket per address, seconds of work per method (docs: settings/performance/limits)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.calls import RestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.gateway import RestSwitches

_MOST_SECONDS = 480.0
_MINUTES = 10
_FLOOR = 0.1  # calls shorter than this leave the meter as it is


@dataclass(slots=True)
class _Bucket:
    level: int = 0
    drained: float = 0


@dataclass(slots=True)
class _Meter:
    """Seconds spent in the last ten minutes, a minute at a time."""

    minutes: deque[tuple[int, float]] = field(default_factory=deque[tuple[int, float]])

    def spent(self, minute: int) -> float:
        """The sum of the minutes that still count."""
        while self.minutes and self.minutes[0][0] <= minute - _MINUTES:
            self.minutes.popleft()
        return sum(seconds for _, seconds in self.minutes)

    def add(self, minute: int, seconds: float) -> None:
        """Note a call."""
        if self.minutes and self.minutes[-1][0] == minute:
            seconds += self.minutes.pop()[1]
        self.minutes.append((minute, seconds))


@dataclass(frozen=True, slots=True)
class Operating:
    """What an answer says of a method's meter: seconds spent, and seconds until the oldest minute leaves."""

    seconds: float
    resets_in: int


class RestLimits:
    """The buckets and meters of one portal on its clock."""

    def __init__(self, clock: Callable[[], float], switches: RestSwitches, *, enabled: bool) -> None:
        self._clock = clock
        self._enabled = enabled
        self._costs = switches.costs
        self._drain, self._size = (5, 250) if switches.enterprise else (2, 50)
        self._buckets: dict[str, _Bucket] = {}
        self._meters: dict[tuple[str, str], _Meter] = {}

    def admit(self, client: str) -> None:
        """Let a request of this address in, or refuse it; the level falls once a second."""
        if not self._enabled:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(client, _Bucket(drained=now))
        seconds = math.floor(now - bucket.drained)
        bucket.level = max(0, bucket.level - seconds * self._drain)
        bucket.drained += seconds
        if bucket.level >= self._size:
            raise RestError("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)
        bucket.level += 1

    def cost(self, method: str) -> float:
        """How long a call of this method takes the portal, in seconds."""
        return self._costs.get(method, 0.03)

    def check(self, credential: str, method: str) -> None:
        """Refuse a method whose seconds are used up; the call that crosses the line still went through."""
        if self._enabled and self._meter(credential, method).spent(self._minute()) > _MOST_SECONDS:
            raise RestError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)

    def charge(self, credential: str, method: str, seconds: float) -> None:
        """Note the seconds of a call."""
        if self._enabled and seconds >= _FLOOR:
            self._meter(credential, method).add(self._minute(), seconds)

    def operating(self, credential: str, method: str) -> Operating | None:
        """The meter of a method; nothing where the portal does not meter."""
        if not self._enabled:
            return None
        meter = self._meter(credential, method)
        spent = meter.spent(self._minute())
        oldest = meter.minutes[0][0] if meter.minutes else self._minute()
        return Operating(spent, math.ceil((oldest + _MINUTES) * 60 - self._clock()))

    def _minute(self) -> int:
        return math.floor(self._clock() / 60)

    def _meter(self, credential: str, method: str) -> _Meter:
        return self._meters.setdefault((credential, method), _Meter())
