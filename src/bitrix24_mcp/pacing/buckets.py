"""The buckets of portals that this server calls directly, where several callers have the same portal."""

from bitrix24_mcp.pacing.bucket import Bucket, Capacity
from bitrix24_mcp.pacing.budget import Clock


class Buckets:
    """One bucket for each portal, since the portal counts the requests of all its callers at this address together."""

    def __init__(self, capacity: Capacity | None = None, *, clock: Clock | None = None) -> None:
        self._capacity = capacity
        self._clock = clock
        self._known: dict[str, Bucket] = {}

    def of(self, portal: str) -> Bucket:
        """The bucket of a portal by its address."""
        if portal not in self._known:
            self._known[portal] = Bucket(self._capacity, clock=self._clock)
        return self._known[portal]
