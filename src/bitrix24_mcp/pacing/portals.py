"""The paces of the portals behind one gateway, where callers bring keys of their own.

Whose key it is tells only the gateway, and that question counts against the portal's limit as well. So one request a
second is set aside for those who are new, and the portals that are known share out the rest.
"""

from dataclasses import replace

from bitrix24_mcp.pacing.budget import Limits, Pace, PortalPace
from bitrix24_mcp.pacing.shared_gateway import SharedGateway
from bitrix24_mcp.pacing.turns import Clock

_NEW = Limits(per_second=0.95, any_second=1, in_flight=1)
_KNOWN = Limits(per_second=8.55, any_second=9)
_NEWCOMERS = ":newcomers"
"""No portal is called so."""


class Portals:
    """One pace for each portal, shared by its keys; `newcomers` is that of keys whose portal is not known yet.

    `shared`: the gateway as all replicas see it. They also remember together whose a key is, so that the callers of a
    replica that starts anew are not newcomers one after another.
    """

    def __init__(self, shared: SharedGateway | None = None, *, clock: Clock | None = None) -> None:
        self._shared = shared
        self._clock = clock or Clock()
        self._known: dict[str, Pace] = {}
        self.newcomers = self._pace(_NEWCOMERS, _NEW)

    def of(self, portal: str) -> Pace:
        """The pace of a portal by its address; that of newcomers where the gateway did not name one."""
        if not portal:
            return self.newcomers
        if portal not in self._known:
            self._known[portal] = self._pace(portal, _KNOWN)
        return self._known[portal]

    async def of_key(self, key: str) -> Pace:
        """The pace for a key's first request: its portal's where a replica knows it. `key` tells nothing of the key."""
        return self.of(await self._shared.portal_of(key) if self._shared else "")

    async def learn(self, key: str, portal: str) -> Pace:
        """The pace of a key's portal, now that the gateway has named it."""
        if self._shared and portal:
            await self._shared.learn(key, portal)
        return self.of(portal)

    def _pace(self, portal: str, limits: Limits) -> Pace:
        if self._shared is None:
            return PortalPace(limits, clock=self._clock)
        part = limits.shared_by(self._shared.replicas)
        if portal != _NEWCOMERS:  # beside one of theirs
            part = replace(part, any_second=max(1, Limits().shared_by(self._shared.replicas).any_second - 1))
        return self._shared.pace(portal, limits, part=part)
