"""Replicas in front of one portal that serve the same caller, or others, and what Redis holds of them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel

from assistants import TestTime
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.service import Service, service_for
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.sharing.described import Described
from bitrix24_mcp.sharing.link import Link
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.portal import GatewayPortal
from rest_doors import rest_door

WORD = 16
"""Characters of a generation, and of whose lease it is."""


@dataclass(frozen=True)
class Replica:
    """One process's connections for one caller, and what it keeps."""

    portal: Portal
    described: Described
    metadata: Metadata

    @property
    def later(self) -> "Replica":
        """The same when what it keeps itself is too old, and only Redis knows better."""
        return replace(self, metadata=Metadata(self.portal, shared=self.described))

    @property
    def service(self) -> Service:
        return service_for(Settings(), self.portal, shared=self.described)


@asynccontextmanager
async def gateway_door(portal: DemoPortal, key: str = "vibe_api_demo") -> AsyncGenerator[GatewayPortal]:
    async with GatewayClient(Credentials(portal.url, key), budget=Budget(clock=TestTime().clock)) as client:
        yield GatewayPortal(client)


DOORS: dict[str, Callable[[DemoPortal], AbstractAsyncContextManager[Portal]]] = {
    "gateway": gateway_door,
    "rest": rest_door,
}


@asynccontextmanager
async def replica(
    door: AbstractAsyncContextManager[Portal],
    redis: str,
    whose: str,
    *,
    heard: bool = True,
    lease: float = 15,
    patience: float = 15,
    now: Callable[[], float] = anyio.current_time,
) -> AsyncGenerator[Replica]:
    """`heard`: the portal has answered it already, as it does those whose key is looked at first; `now`: see `Link`."""
    async with door as portal, Link.opened(redis, now) as link:
        if heard:
            await portal.identity()
        described = Described(portal, link, whose, lease=lease, patience=patience)
        yield Replica(portal, described, Metadata(portal, shared=described))


@asynccontextmanager
async def two_replicas(
    portal: DemoPortal, redis: str, whose: str, *, lease: float = 15, patience: float = 15
) -> AsyncGenerator[tuple[Replica, Replica]]:
    """Two replicas through the gateway that serve the same caller."""
    async with (
        replica(gateway_door(portal), redis, whose, lease=lease, patience=patience) as first,
        replica(gateway_door(portal), redis, whose, lease=lease, patience=patience) as second,
    ):
        yield first, second


_EVERY_ANSWER = """
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  found[#found + 1] = { key, redis.call('GET', key), redis.call('PTTL', key) }
end
return found
"""


@dataclass(frozen=True)
class Held:
    """A text in Redis, and for how many seconds more."""

    text: str
    seconds: float


async def held(redis: str, whose: str) -> dict[str, Held]:
    """All that is kept for a caller, by its key."""
    async with Link.opened(redis) as link:
        found = await link.run(_EVERY_ANSWER, (), [f"bitrix24-mcp:described:{{{whose}:*"])
    return {key: Held(text, left / 1000) for key, text, left in found}


async def answers(redis: str, whose: str) -> list[Held]:
    """What is kept of a caller's answers, without what only says who asks."""
    return [each for each in (await held(redis, whose)).values() if len(each.text) > 2 * WORD]


async def alter(redis: str, whose: str, change: Callable[[str], str], seconds: float = 200) -> None:
    """Changes every answer of a caller, and for how long it is kept; the generation before it stays."""
    async with Link.opened(redis) as link:
        for key, each in (await held(redis, whose)).items():
            if len(each.text) > 2 * WORD:
                changed = each.text[:WORD] + change(each.text[WORD:])
                await link.run("return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])", [key], [changed, seconds])


async def reached(portal: DemoPortal) -> None:
    """Waits until the portal has been asked for something."""
    with anyio.fail_after(5):
        while not portal.requests:
            await anyio.lowlevel.checkpoint()


def asked(portal: DemoPortal) -> list[str]:
    """The paths asked for since the list was last cleared, which it is."""
    paths = [request.path for request in portal.requests]
    portal.requests.clear()
    return paths
