"""The paces of the portals behind one gateway, where callers bring keys of their own.

Whose key it is tells only the gateway, and that question counts against the portal's limit as well. So one request a
second is set aside for those who are new, and the portals that are known share out the rest.
"""

from bitrix24_mcp.pacing.budget import Limits, PortalPace
from bitrix24_mcp.pacing.turns import Clock

_NEW = Limits(per_second=0.95, any_second=1, in_flight=1)
_KNOWN = Limits(per_second=8.55, any_second=9)


class Portals:
    """One pace for each portal, shared by its keys; `newcomers` is that of keys whose portal is not known yet."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._known: dict[str, PortalPace] = {}
        self.newcomers = PortalPace(_NEW, clock=self._clock)

    def of(self, portal: str) -> PortalPace:
        """The pace of a portal by its address; that of newcomers where the gateway did not name one."""
        if not portal:
            return self.newcomers
        return self._known.setdefault(portal, PortalPace(_KNOWN, clock=self._clock))
