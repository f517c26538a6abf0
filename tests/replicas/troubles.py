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
KINDS: tuple[Kind, ...] = ("replica", "redis", "postgres", "cut", "lost", "slow")
EXPLAINED: Mapping[Kind, frozenset[str]] = {
    "replica": frozenset({"LOST"}),
    "redis": frozenset(),  # a help, never a condition
    "postgres": frozenset({"JOURNAL_UNUSABLE"}),
    "cut": frozenset({"PORTAL_UNREACHABLE"}),
    "lost": frozenset({"PORTAL_UNREACHABLE"}),
    "slow": frozenset(),
}
"""The codes of errors that callers may get because of it."""
_SLOW = 0.6
"""Seconds that a slow portal takes for each request."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong: from when on, in seconds from the start, and for how long. `which` replica it strikes."""

    kind: Kind
    at: float
    lasts: float
    which: int = 0


@dataclass(frozen=True, slots=True)
class Suffered:
    """A trouble as it was: on the monotonic clock when it began, and when all was there again."""

    trouble: Trouble
    began: float
    ended: float


def each_once(seconds: float, lasts: float) -> list[Trouble]:
    """Every kind of trouble once within so many seconds, one after the other."""
    step = seconds / (len(KINDS) + 1)
    return [Trouble(kind, step * (place + 0.5), min(lasts, step / 2)) for place, kind in enumerate(KINDS)]


async def bring(team: Team, troubles: Sequence[Trouble]) -> list[Suffered]:
    """Lets these go wrong, each at its time, and gives what was suffered. None of them overlap."""
    start = time.monotonic()
    suffered: list[Suffered] = []
    for trouble in sorted(troubles, key=lambda each: each.at):
        breaks, mends = _ways(team, trouble)
        await anyio.sleep(max(0.0, start + trouble.at - time.monotonic()))
        began = time.monotonic()
        await anyio.to_thread.run_sync(breaks)
        await anyio.sleep(trouble.lasts)
        await anyio.to_thread.run_sync(mends)
        suffered.append(Suffered(trouble, began, time.monotonic()))
    return suffered


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
    for method in ("POST", "PATCH"):
        team.portal.inject(Fault("drop_after", path="/v1/deals*", method=method, times=2))
