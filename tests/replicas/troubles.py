"""What goes wrong while callers work: parts die and come back, the portal is cut off, loses answers and is slow."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import anyio
import anyio.to_thread

from bitrix24_mcp.demo.faults import Fault
from replicas.parts import Team

Kind = Literal["replica", "redis", "postgres", "cut", "lost", "slow"]
KINDS: tuple[Kind, ...] = ("redis", "postgres", "cut", "lost", "slow", "replica")
"""In the order in which they are brought: a replica that comes back finds everything else well."""
EXPLAINED: Mapping[Kind, frozenset[str]] = {
    "replica": frozenset({"LOST"}),
    "redis": frozenset(),  # a help, never a condition
    "postgres": frozenset({"JOURNAL_UNUSABLE", "CONFIRMATIONS_UNUSABLE"}),
    "cut": frozenset({"PORTAL_UNREACHABLE"}),
    "lost": frozenset({"PORTAL_UNREACHABLE"}),
    "slow": frozenset(),
}
"""The codes of errors that callers may get because of it."""
_SLOW = 0.6
"""Seconds that a slow portal takes for each request."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong: after so many seconds of calm, and for how long at least. `which` replica it strikes."""

    kind: Kind
    calm: float
    lasts: float
    which: int = 0


@dataclass(frozen=True, slots=True)
class Suffered:
    """A trouble as it was: on the monotonic clock when it began, and when all was there again."""

    trouble: Trouble
    began: float
    ended: float


def each_once(calm: float, lasts: float, replicas: int = 1) -> list[Trouble]:
    """Every kind of trouble once, each for so long after so many seconds of calm; so many replicas, one at each end."""
    kinds: list[Kind] = ["replica" for _ in range(1, replicas)]
    kinds += KINDS
    return [Trouble(kind, calm, lasts, which=kinds[:place].count("replica")) for place, kind in enumerate(kinds)]


async def bring(team: Team, troubles: Sequence[Trouble], suffered: list[Suffered]) -> None:
    """Lets these go wrong one after the other, and notes what was suffered. A replica may take a while to come back."""
    for trouble in troubles:
        breaks, mends = _ways(team, trouble)
        await anyio.sleep(trouble.calm)
        began = time.monotonic()
        await anyio.to_thread.run_sync(breaks)
        await anyio.sleep(trouble.lasts)
        await anyio.to_thread.run_sync(mends)
        suffered.append(Suffered(trouble, began, time.monotonic()))


def _ways(team: Team, trouble: Trouble) -> tuple[Callable[[], object], Callable[[], object]]:
    """How it is broken, and how mended. What is not there cannot break."""
    replica = team.replicas[trouble.which % len(team.replicas)]
    nothing = partial(time.sleep, 0)
    portal = team.portal
    ways: Mapping[Kind, tuple[Callable[[], object], Callable[[], object]]] = {
        "replica": (replica.kill, replica.start),
        "redis": (team.redis.stop, team.redis.start) if team.redis else (nothing, nothing),
        "postgres": (team.postgres.interrupt, team.postgres.start) if team.postgres else (nothing, nothing),
        "cut": (partial(portal.inject, Fault("drop", times=None)), portal.clear_faults),
        "lost": (partial(_lose_answers, team), portal.clear_faults),
        "slow": (partial(portal.inject, Fault("slow", seconds=_SLOW, times=None)), portal.clear_faults),
    }
    return ways[trouble.kind]


def _lose_answers(team: Team) -> None:
    """The portal carries writes out and nobody hears of it."""
    team.portal.inject(Fault("drop_after", path="/v1/deals", method="POST", times=3))
    team.portal.inject(Fault("drop_after", path="/v1/deals/*", method="PATCH", times=3))
