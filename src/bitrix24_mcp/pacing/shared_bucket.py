"""The leaky bucket of a portal's own REST for all replicas together."""

from bitrix24_mcp.pacing.bucket import Capacity, Level
from bitrix24_mcp.pacing.ledger import Ledger, Rules, portal_names
from bitrix24_mcp.pacing.shared import Shared
from bitrix24_mcp.pacing.turns import Clock, Turn
from bitrix24_mcp.sharing.link import Link


class SharedBucket(Shared):
    """The leaky bucket of one portal's own REST, shared by all replicas.

    While Redis is away each replica has a part of the bucket that begins full; the shared one begins full as well when
    Redis comes back, or is new: nobody knows then how much the others have sent.
    """

    def __init__(
        self, link: Link, portal: str, capacity: Capacity, *, replicas: int, clock: Clock | None = None
    ) -> None:
        self._clock = clock or Clock()
        self._part = capacity.shared_by(replicas)
        rules = Rules(capacity.in_flight, usable=capacity.usable, drain=capacity.drain)
        ledger = Ledger(link, portal_names(portal, "rest"), rules, self._alone, self._clock)
        super().__init__(ledger, None, self._part.in_flight)

    async def overflowed(self) -> None:
        """The portal's bucket is full."""
        if isinstance(self._ledger.alone, Level):
            self._ledger.alone.fill()
        await self._ledger.ask("fill")

    def _alone(self, turns: list[Turn]) -> Level:  # noqa: ARG002 - it begins full, whatever was sent
        level = Level(self._part, clock=self._clock)
        level.fill()
        return level
