"""The buckets of portals that this server calls directly, where several callers have the same portal."""

from collections.abc import Callable

from bitrix24_mcp.pacing.bucket import Bucket


class Buckets:
    """One bucket for each portal, since the portal counts the requests of all its callers at this address together."""

    def __init__(self, make: Callable[[str], Bucket]) -> None:
        """`make` gives the bucket of a portal by its address."""
        self._make = make
        self._known: dict[str, Bucket] = {}

    def of(self, portal: str) -> Bucket:
        """The bucket of a portal by its address."""
        if portal not in self._known:
            self._known[portal] = self._make(portal)
        return self._known[portal]
