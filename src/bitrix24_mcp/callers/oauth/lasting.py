"""What is read from the authorization server now and then, and goes on while it does not answer."""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from bitrix24_mcp.callers.oauth.fetching import Unusable

T = TypeVar("T")
Now = Callable[[], float]
GOOD = 3600.0
"""Seconds after which it is read again."""
PAUSE = 60.0
"""Seconds between two attempts while there is something to go on with."""
SHORT_PAUSE = 5.0
"""Seconds between two attempts while there is nothing."""
_LOG = logging.getLogger(__name__)


class Lasting(Generic[T]):
    """Something that `read` gives, or raises Unusable. However many ask, it is read once at a time."""

    def __init__(self, read: Callable[[], Awaitable[T]], *, now: Now = anyio.current_time) -> None:
        self._read = read
        self._now = now
        self._held: T | None = None
        self._due = -math.inf
        self._sought = -math.inf
        self._reason = ""
        self._lock = anyio.Lock()

    async def value(self) -> T:
        """At most an hour old, or older while nothing newer is to be had; raises Unusable while there is none."""
        if self._now() >= self._due:
            async with self._lock:
                if self._now() >= self._due:
                    await self._renew()
        if self._held is None:
            raise Unusable(self._reason)
        return self._held

    async def anew(self, missed: T) -> T:
        """Read again because `missed` lacks something, at most once a minute, and else `missed` itself.

        Raises Unusable when nobody can say whether it is still lacking.
        """
        async with self._lock:
            if self._held is missed and self._now() >= self._sought + PAUSE:
                self._sought = self._now()
                await self._renew()
            if self._reason:
                raise Unusable(self._reason)
            return missed if self._held is None else self._held

    async def _renew(self) -> None:
        if self._held is not None:
            self._due = self._now() + PAUSE  # meanwhile others go on with what there is
        try:
            self._held = await self._read()
        except Unusable as error:
            self._reason = str(error)
            self._due = self._now() + (SHORT_PAUSE if self._held is None else PAUSE)
            _LOG.warning("The authorization server cannot be used: %s.", error)
        else:
            self._reason = ""
            self._due = self._now() + GOOD
