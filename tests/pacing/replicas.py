"""Replicas of a server in one process, each with a link of its own to Redis, and a judge of what they send."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from bitrix24_mcp.pacing.budget import Budget, Limits
from bitrix24_mcp.pacing.shared_gateway import SharedGateway, SharedPace
from bitrix24_mcp.sharing.link import Link

GATEWAY = "gateway.example"
PORTAL = "company.example"


@dataclass
class Traffic:
    """When requests went out, whoever sent them, and how many were under way at most."""

    times: list[float] = field(default_factory=list[float])
    senders: list[str] = field(default_factory=list[str])
    most_in_flight: int = 0
    _in_flight: int = 0

    async def send(self, budget: Budget, lasting: float = 0.02, sender: str = "") -> None:
        async with budget.turn():
            self.times.append(anyio.current_time())
            self.senders.append(sender)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            await anyio.sleep(lasting)
            self._in_flight -= 1

    async def until(self, count: int) -> None:
        """Waits until so many went out."""
        with anyio.fail_after(20):
            while len(self.times) < count:  # noqa: ASYNC110 - what others append to is looked at
                await anyio.sleep(0.01)

    async def go_on(self, budget: Budget, until: anyio.Event, lasting: float = 0.02, sender: str = "") -> None:
        while not until.is_set():
            await self.send(budget, lasting, sender)


@dataclass(frozen=True)
class Replica:
    link: Link
    gateway: SharedGateway
    pace: SharedPace
    limits: Limits

    def budget(self, key: str = "a-key") -> Budget:
        return Budget(self.limits, portal=self.pace, key=key)

    async def remembered_for_long(self) -> None:
        """Redis has been there for ten seconds, so that nobody waits for it to settle."""
        begin = "local now = redis.call('TIME')[1]; return redis.call('SET', KEYS[1], (now - 10) .. '000000')"
        await self.link.run(begin, [f"bitrix24-mcp:{{{GATEWAY}}}:epoch"])


@asynccontextmanager
async def replica(
    address: str, portal: str = PORTAL, limits: Limits | None = None, *, lease: float = 75.0, replicas: int = 2
) -> AsyncGenerator[Replica]:
    limits = limits or Limits()
    async with Link.opened(address) as link:
        gateway = SharedGateway(link, GATEWAY, replicas, lease=lease)
        yield Replica(link, gateway, gateway.pace(portal, limits), limits)


def most_within(seconds: float, times: Sequence[float]) -> int:
    """The most requests in any stretch of so many seconds."""
    return max((sum(start <= time < start + seconds for time in times) for start in times), default=0)
