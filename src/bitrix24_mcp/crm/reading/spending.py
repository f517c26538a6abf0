"""What one question may cost: requests to the portal, and seconds."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from bitrix24_mcp.crm.errors import InvalidArguments, PortalUnavailable
from bitrix24_mcp.crm.portal import Portal


def requests(reads: int, portal: Portal) -> int:
    """The most requests that so many counts or reads of one record take: the first may go out before the others."""
    if portal.reads_a_request == 1 or reads < 2:
        return reads
    return 1 - (1 - reads) // portal.reads_a_request


def reads(requests: int, portal: Portal) -> int:
    """How many counts or reads of one record so many requests have room for."""
    return max(0, requests if portal.reads_a_request == 1 else (requests - 1) * portal.reads_a_request + 1)


@dataclass(frozen=True, slots=True)
class Spending:
    """The most requests and seconds that one question may take."""

    calls: int = 100
    seconds: float = 120

    @asynccontextmanager
    async def in_time(self) -> AsyncGenerator[None]:
        """Ends what runs inside after the seconds allowed; raises PortalUnavailable then."""
        with anyio.move_on_after(self.seconds) as scope:
            yield
        if scope.cancelled_caught:
            raise PortalUnavailable(
                f"The portal did not give all records within the {self.seconds:g} seconds allowed for one question.",
                advice="Narrow the filter (a shorter period, one funnel), or try when the portal is less busy. An "
                "operator can raise BITRIX24_MCP_MAX_SECONDS.",
                code="TOO_SLOW",
            )


class Purse:
    """The requests that are left to one question: what a step takes at most is taken before it begins.

    `a_look`: requests that each of those takes which the steps count.
    """

    def __init__(self, spending: Spending, a_look: int = 1) -> None:
        self._allowed = spending.calls
        self._spent = 0
        self._a_look = a_look

    @property
    def left(self) -> int:
        """Requests that are left."""
        return (self._allowed - self._spent) // self._a_look

    def affords(self, calls: int) -> bool:
        """Whether so many more requests are left."""
        return calls <= self.left

    def take(self, calls: int, records: int) -> None:
        """Takes them; raises InvalidArguments when fewer are left. `records` is what they are for."""
        spent = self._spent + calls * self._a_look
        if not self.affords(calls):
            raise InvalidArguments(
                f"That takes {spent:,} requests to the portal ({records:,} matching records), and "
                f"{self._allowed:,} are allowed for one question.",
                advice="Narrow the filter: a shorter period, one funnel or one person. An operator can raise "
                "BITRIX24_MCP_MAX_CALLS.",
                code="TOO_EXPENSIVE",
            )
        self._spent = spent
