"""The portal's working time: seconds that each method may take of it in ten minutes, kept in this process.

The limit is an example of the docs and a setting of the portal's server, so that a method near to it is slowed, and one
is held back only when the portal refused it. Measurements found the time of a batch under `batch` or under its methods,
which are therefore all watched (docs: settings/performance/limits).

Replicas do not share it: each answer tells the portal's own total, so that every replica learns what all have taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass

LIMIT = 480.0
"""Seconds of work in ten minutes."""
_FREE_UP_TO = 0.8
_SLOWEST = 10.0
"""Seconds between two requests of a method that has reached the limit."""
_INSTANT = 1e-6
"""Seconds that are none, such as the rounding of a sum leaves."""
_UNTOLD = 60.0
"""Seconds for which a refused method is held back where the portal never said when some are freed: it frees them by
the minute."""


@dataclass(slots=True)
class _Spent:
    """Seconds spent by one method, until the moment when some of them are freed; when it may be asked next."""

    seconds: float = 0.0
    freed_at: float = 0.0
    next_at: float = 0.0
    parked_until: float = 0.0


class Operating:
    """What each method has spent; moments are those of a clock that only goes forward."""

    def __init__(self) -> None:
        self._spent: dict[str, _Spent] = {}

    def learn(self, method: str, seconds: float | None, freed_in: float | None, now: float) -> None:
        """Keeps what an answer says of its method; the highest figure stands until some of it is freed."""
        if seconds is None:
            return
        spent = self._spent.setdefault(method.lower(), _Spent())
        if now >= spent.freed_at or seconds >= spent.seconds:
            spent.seconds = seconds
            spent.freed_at = now + (freed_in if freed_in is not None else _UNTOLD)

    def refused(self, method: str, now: float) -> float:
        """Holds a method back that the portal refused for the time it has taken; for how many seconds."""
        spent = self._spent.setdefault(method.lower(), _Spent())
        spent.parked_until = spent.freed_at if spent.freed_at > now else now + _UNTOLD
        return spent.parked_until - now

    def parked(self, methods: Iterable[str], now: float) -> float:
        """Seconds for which these methods are held back; 0 when they are not."""
        wait = max((self._of(method).parked_until - now for method in methods), default=0.0)
        return wait if wait > _INSTANT else 0.0

    def slowed(self, methods: Iterable[str], now: float) -> float:
        """Seconds to wait before these methods are asked, so that they keep below the limit; notes that they are."""
        watched = [self._of(method) for method in methods]
        start = max([now, *(spent.next_at for spent in watched)])
        for spent in watched:
            spent.next_at = start + self._gap(spent, start)
        return start - now

    def _of(self, method: str) -> _Spent:
        return self._spent.get(method.lower(), _Spent())

    @staticmethod
    def _gap(spent: _Spent, now: float) -> float:
        if now >= spent.freed_at:
            return 0.0
        over = spent.seconds / LIMIT - _FREE_UP_TO
        return min(_SLOWEST * max(0.0, min(1.0, over / (1 - _FREE_UP_TO))), spent.freed_at - now)
