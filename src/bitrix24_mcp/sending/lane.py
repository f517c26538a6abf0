"""Reads that share requests: what arrives while one is under way goes out together.

The first read goes out at once and alone. Those that come meanwhile wait, and the first of them to get the lane
leads: it sends all that wait, as many as one request holds, and hands out what comes back. Nothing runs by itself:
every request is made by somebody who waits for an answer.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar, cast

import anyio

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.sending.failures import Failure

MOST_CALLS = 50
"""Calls that one request of either door holds."""


class Mark(Enum):
    """What may stand in the place of an outcome: the read cannot share a request and is to be sent by itself."""

    ALONE = "alone"


class _Call(Protocol):
    @property
    def key(self) -> str:
        """Equal for reads that ask the same."""
        ...


class Pace(Protocol):
    """What the lane must know of a budget."""

    clock: Clock

    async def ready(self) -> None:
        """Waits until a request may go out."""
        ...


C = TypeVar("C", bound=_Call)
A = TypeVar("A")


@dataclass(eq=False, slots=True)
class _Read(Generic[C, A]):
    """A read that somebody waits for; `alone`: it shares no request; without an outcome it is still to be done."""

    call: C
    wanted_by: int = 0
    failures: int = 0
    alone: bool = False
    outcome: A | PortalError | None = None


class Lane(Generic[C, A]):
    """The reads of one connection. Equal reads are made once, also while the first is under way.

    `send` asks one call by itself or several in one request, once, and gives for each its answer, an error that stays,
    a Failure that may pass, or Mark.ALONE; what it raises is every read's error.
    """

    def __init__(
        self, pace: Pace, send: Callable[[Sequence[C]], Awaitable[Sequence[A | PortalError | Failure | Mark]]]
    ) -> None:
        self._pace = pace
        self._send = send
        self._lane = anyio.Lock()
        self._open: dict[str, _Read[C, A]] = {}
        self._under_way: Sequence[_Read[C, A]] = ()
        self._led_by: Collection[_Read[C, A]] = ()
        self._scope: anyio.CancelScope | None = None
        self._ready_at = 0.0

    async def read(self, calls: Sequence[C]) -> list[A | PortalError]:
        """The answer to each call, or the error in its place."""
        mine = {call.key: self._join(call) for call in {call.key: call for call in calls}.values()}
        try:
            while any(read.outcome is None for read in mine.values()):
                async with self._lane:
                    if any(read.outcome is None for read in mine.values()):
                        await self._lead(mine.values())
        finally:
            for read in mine.values():
                self._leave(read)
        return [cast("A | PortalError", mine[call.key].outcome) for call in calls]

    def _join(self, call: C) -> _Read[C, A]:
        read = self._open.setdefault(call.key, _Read[C, A](call))
        read.wanted_by += 1
        self._protect()
        return read

    def _leave(self, read: _Read[C, A]) -> None:
        read.wanted_by -= 1
        if not read.wanted_by and self._open.get(read.call.key) is read:
            del self._open[read.call.key]
        self._protect()

    def _protect(self) -> None:
        """A cancelled leader finishes what others wait for too; what nobody else waits for ends with it."""
        if self._scope is not None:
            self._scope.shield = any(read.wanted_by > (read in self._led_by) for read in self._under_way)

    async def _lead(self, mine: Collection[_Read[C, A]]) -> None:
        """Sends what waits by the moment when a request may go out. Who is cancelled before is followed by the next."""
        if (rest := self._ready_at - self._pace.clock.now()) > 0:
            await self._pace.clock.sleep(rest)
        await self._pace.ready()
        with anyio.CancelScope() as scope:
            self._under_way, self._led_by, self._scope = self._next(), mine, scope
            self._protect()
            try:
                await self._ask(self._under_way)
            finally:
                self._under_way, self._led_by, self._scope = (), (), None

    def _next(self) -> Sequence[_Read[C, A]]:
        """What goes out next: all that waits as far as a request holds it, in the order of arrival."""
        waiting = list(self._open.values())
        return waiting[:1] if waiting[0].alone else [read for read in waiting if not read.alone][:MOST_CALLS]

    async def _ask(self, reads: Sequence[_Read[C, A]]) -> None:
        try:
            outcomes = await self._send([read.call for read in reads])
        except PortalError as error:
            for read in reads:
                self._done(read, error)
            return
        for read, outcome in zip(reads, outcomes, strict=True):
            self._settle(read, outcome)

    def _settle(self, read: _Read[C, A], outcome: A | PortalError | Failure | Mark) -> None:
        """Notes what a request brought for a read, or leaves it open to be asked again."""
        if isinstance(outcome, Mark):
            read.alone = True
            return
        if not isinstance(outcome, Failure):
            self._done(read, outcome)
            return
        read.failures += 1
        if read.failures >= outcome.attempts:
            self._done(read, outcome.error)
            return
        self._ready_at = max(self._ready_at, self._pace.clock.now() + outcome.rest(read.failures))

    def _done(self, read: _Read[C, A], outcome: A | PortalError) -> None:
        read.outcome = outcome
        if self._open.get(read.call.key) is read:
            del self._open[read.call.key]
