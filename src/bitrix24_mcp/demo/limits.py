"""Rate limits, the portal's queue and the error loop (docs/keys-auth, docs/errors), on a clock tests can replace."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

KEY_REQUESTS, KEY_SECONDS = 300, 60.0
PORTAL_REQUESTS, PORTAL_SECONDS = 10, 1.0
IN_FLIGHT, QUEUE_SECONDS = 2, 30.0
_LOOP_AFTER, _LOOP_PROBE, _LOOP_SECONDS = 12, 50, 3600.0
_TRANSIENT = frozenset({"RATE_LIMITED", "QUEUE_TIMEOUT", "ERROR_LOOP_DETECTED"})


class _Window:
    """Units spent in the last seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self._spent: deque[float] = deque()

    def used(self, now: float) -> int:
        """How many units lie within the window."""
        while self._spent and self._spent[0] <= now - self.seconds:
            self._spent.popleft()
        return len(self._spent)

    def spend(self, now: float, units: int) -> None:
        """Note units."""
        self._spent.extend([now] * units)

    def reset(self, now: float) -> int:
        """Seconds until the oldest unit leaves."""
        return max(1, math.ceil(self._spent[0] + self.seconds - now)) if self._spent else 0


@dataclass(slots=True)
class _Failures:
    code: str
    count: int
    at: float
    blocked: int = 0


class Limits:
    """What one portal allows its keys."""

    def __init__(self, clock: Callable[[], float], *, enabled: bool) -> None:
        self._clock = clock
        self._enabled = enabled
        self._keys: dict[str, _Window] = {}
        self._portal = _Window(PORTAL_REQUESTS, PORTAL_SECONDS)
        self._failures: dict[tuple[str, str, str], _Failures] = {}
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def admit(self, key: str, units: int) -> None:
        """Spend units of both budgets, or refuse; what is refused costs nothing."""
        if not self._enabled:
            return
        now, window = self._clock(), self._window(key)
        if window.used(now) >= window.most:
            message = "Too many requests: 300 per 60 seconds"
            raise GatewayError("RATE_LIMITED", message, retry_after=window.reset(now))
        if self._portal.used(now) >= self._portal.most:
            raise GatewayError("RATE_LIMITED", "QUERY_LIMIT_EXCEEDED", retry_after=2)
        window.spend(now, units)
        self._portal.spend(now, units)

    def headers(self, key: str) -> dict[str, str]:
        """The three headers of every answer."""
        now, window = self._clock(), self._window(key)
        return {
            "X-RateLimit-Limit": str(window.most),
            "X-RateLimit-Remaining": str(max(0, window.most - window.used(now))),
            "X-RateLimit-Reset": str(window.reset(now)),
        }

    def check_loop(self, call: tuple[str, str, str]) -> None:
        """Refuse a call (key, method, path) that keeps failing; every fiftieth goes through to probe."""
        failures = self._failures.get(call)
        if failures is None or not self._enabled or failures.count < _LOOP_AFTER:
            return
        if self._clock() - failures.at > _LOOP_SECONDS:
            del self._failures[call]
            return
        failures.blocked += 1
        if failures.blocked % _LOOP_PROBE:
            message = f"The same request failed {failures.count} times with {failures.code}"
            raise GatewayError("ERROR_LOOP_DETECTED", message, retry_after=60)

    def note(self, call: tuple[str, str, str], code: str | None) -> None:
        """Remember how a call ended: its error code, or nothing for success."""
        if code is None:
            self._failures.pop(call, None)
        elif code not in _TRANSIENT:
            known = self._failures.get(call)
            count = known.count + 1 if known and known.code == code else 1
            blocked = known.blocked if known else 0
            self._failures[call] = _Failures(code, count, self._clock(), blocked)

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """One of the portal's two places; the others wait in order, for at most 30 seconds."""
        if not self._enabled:
            yield
            return
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self._in_flight < IN_FLIGHT and not self._waiting:
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        since = self._clock()
        try:
            # The clock may be a test's own, so it is looked at instead of waited for.
            while not turn.done() and self._clock() - since <= QUEUE_SECONDS:
                await asyncio.wait({turn}, timeout=0.02)
        except BaseException:
            self._give_up(turn)
            raise
        if not turn.done():
            self._give_up(turn)
            raise GatewayError("QUEUE_TIMEOUT", "Portal queue wait exceeded 30 seconds", retry_after=10)

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn.done():
            self._leave()
        else:
            self._waiting.remove(turn)

    def _leave(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._in_flight -= 1

    def _window(self, key: str) -> _Window:
        return self._keys.setdefault(key, _Window(KEY_REQUESTS, KEY_SECONDS))
