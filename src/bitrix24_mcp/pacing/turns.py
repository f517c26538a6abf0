"""Turns: who sends the next request to a portal, in order of arrival, and what that took."""

import math
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import anyio

from bitrix24_mcp import usage


@dataclass(frozen=True, slots=True)
class Clock:
    """How time passes: seconds of a clock that only goes forward, and a way to wait."""

    now: Callable[[], float] = anyio.current_time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep


@dataclass(eq=False, slots=True)
class Turn:
    """When a request went out and when it was answered (infinity = not yet); `token` is a word of its own."""

    sent: float = math.inf
    answered: float = math.inf
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def counted_from(self) -> float:
        """When the portal had surely seen it, if it is answered; else when it went out."""
        return self.answered if self.answered < math.inf else self.sent


class Rule(Protocol):
    """One limit of a portal or of a key."""

    def earliest(self) -> float:
        """When the next request may go out."""
        ...

    def note(self, turn: Turn) -> None:
        """Counts a request that goes out."""
        ...


class PortalRule(Rule, Protocol):
    """The limits of one portal, as this process keeps them; as many requests are under way as there are `places`."""

    clock: Clock
    places: anyio.Semaphore

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long."""
        ...


class Grants(Protocol):
    """Where the turns of one line of waiters are granted."""

    async def delay(self) -> float:
        """Seconds until a request may go out, none or fewer when it may now; takes no turn."""
        ...

    async def take(self, turn: Turn) -> float:
        """Takes a turn and says 0; or takes none and says in how many seconds to ask again.

        It waits only for a place among the requests under way.
        """
        ...

    async def give_back(self, turn: Turn) -> None:
        """The request is answered, or was given up."""
        ...

    async def pause(self, seconds: float) -> None:
        """Nobody sends to the portal for so long: it has asked for patience."""
        ...


class Here:
    """Turns that this process grants by itself, by the rules of a portal and others beside them."""

    def __init__(self, portal: PortalRule, *others: Rule) -> None:
        self._portal = portal
        self._rules: tuple[Rule, ...] = (portal, *others)

    async def delay(self) -> float:
        """Seconds until a request may go out."""
        return self._delay()

    async def take(self, turn: Turn) -> float:
        """Takes a turn and says 0, or says how long to wait."""
        await self._portal.places.acquire()
        if (delay := self._delay()) > 0:
            self._portal.places.release()
            return delay
        turn.sent = self._portal.clock.now()
        for rule in self._rules:
            rule.note(turn)
        return 0.0

    async def give_back(self, turn: Turn) -> None:
        """The request is answered."""
        turn.answered = self._portal.clock.now()
        self._portal.places.release()

    async def pause(self, seconds: float) -> None:
        """Nobody sends to the portal for so long."""
        self._portal.pause(seconds)

    def _delay(self) -> float:
        return max(rule.earliest() for rule in self._rules) - self._portal.clock.now()


G = TypeVar("G", bound=Grants)


class Turns(Generic[G]):
    """A line of those who want to send; whoever does takes a `turn`.

    `waited` sums the seconds spent waiting, `spent` counts the turns taken.
    """

    def __init__(self, grants: G, clock: Clock) -> None:
        self.clock = clock
        self.spent = 0
        self.waited = 0.0
        self._grants = grants
        self._line = anyio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Waits until a request may go out and holds its place until it is answered."""
        turn = Turn()
        async with self._line:
            grants = self._grants
            while (delay := await grants.take(turn)) > 0:
                await self._wait(delay)
        self.spent += 1
        usage.sent()
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await grants.give_back(turn)

    async def ready(self) -> None:
        """Waits until a request may go out, and takes no turn; a pause that comes meanwhile holds this one too."""
        while (delay := await self._grants.delay()) > 0:
            await self._wait(delay)

    async def pause(self, seconds: float) -> None:
        """Nobody sends to the portal for so long: it has asked for patience."""
        await self._grants.pause(seconds)

    async def _wait(self, seconds: float) -> None:
        self.waited += seconds
        usage.waited(seconds)
        await self.clock.sleep(seconds)
