"""The turns on one portal as all replicas keep them in Redis, and what this one does while Redis is away."""

import math
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import anyio

from bitrix24_mcp.pacing.turns import Clock, PortalRule, Turn
from bitrix24_mcp.sharing.link import Absent, Link

_SETTLING = 1.5
"""Seconds for which nobody sends after replicas were alone, or Redis forgot: the others may not have noticed yet, and
go on alone for as long as a link rests."""
_ALL_SENT_BEFORE = 1.0
"""Seconds for which a replica that finds itself alone sends nothing: the others may just have sent all there was."""
_REMEMBERED = 60.0
"""Seconds for which a turn can count anywhere."""
_MICRO = 1e6
LEASE = 75.0
"""Seconds after which a request counts as answered whose replica has not said so: that has waited for longer than for
any answer, or is dead."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a portal takes, in the terms of the script; 0 = it has no such rule."""

    in_flight: int
    spacing: float = 0.0
    any_second: int = 0
    usable: float = 0.0
    drain: float = 0.0
    lease: float = LEASE

    def arguments(self) -> list[str]:
        """The rules as the script takes them."""
        first = [micro(_SETTLING), micro(self.lease), str(self.in_flight), micro(self.spacing)]
        return [*first, str(self.any_second), repr(self.usable), repr(self.drain)]


@dataclass(frozen=True, slots=True)
class KeyWindow:
    """Where the turns of one key are kept, and how many of them any window takes."""

    names: tuple[str, str]
    per_window: int
    window: float


_NO_KEY = KeyWindow(("", ""), 0, _REMEMBERED)


@dataclass(slots=True)
class _Noted:
    """A turn of this replica, and the name of its key's window; empty without."""

    turn: Turn
    window: str


class Ledger:
    """One portal in Redis. `names` are those of its four keys there; `alone` makes the rules of this replica's part.

    `alone` is None while Redis answers. What others send was known until `alone_since`, the last time when Redis was
    lost, and is known for sure again from `sure_from`.
    """

    def __init__(
        self,
        link: Link,
        names: Sequence[str],
        rules: Rules,
        alone: Callable[[list[Turn]], PortalRule],
        clock: Clock,
    ) -> None:
        self.clock = clock
        self.places = anyio.Semaphore(rules.in_flight)
        self.alone: PortalRule | None = None
        self.alone_since = -math.inf
        self.sure_from = -math.inf
        self._link = link
        self._names = list(names)
        self._rules = rules
        self._part = alone
        self._replica = secrets.token_hex(4)
        self._epoch = ""
        self._noted: deque[_Noted] = deque()
        self._paused_until = -math.inf

    async def ask(self, mode: str, key: KeyWindow | None = None, *arguments: str) -> list[Any] | None:
        """What the script answers; None when Redis does not, and this replica goes on alone.

        A call is not interrupted: who is cancelled meanwhile must know whether a turn was taken.
        """
        key, answer = key or _NO_KEY, None
        try:
            with anyio.CancelScope(shield=True):
                while (answer := await self._run(mode, key, arguments))[0] == "report":
                    await self._agree(answer[1])
        except Absent:
            self._go_alone()
            return None
        return answer

    def note(self, turn: Turn, window: str = "") -> None:
        """A request of this replica goes out."""
        turn.sent = self.clock.now()
        while self._noted and self._noted[0].turn.answered < turn.sent - _REMEMBERED:
            self._noted.popleft()
        self._noted.append(_Noted(turn, window))

    def under_way(self) -> int:
        """Requests of this replica that are not answered yet."""
        return sum(noted.turn.answered == math.inf for noted in self._noted)

    async def pause(self, seconds: float) -> None:
        """Nobody sends for so long."""
        self._paused_until = max(self._paused_until, self.clock.now() + seconds)
        if self.alone is not None:
            self.alone.pause(seconds)
        await self.ask("pause", None, micro(seconds))

    async def _run(self, mode: str, key: KeyWindow, arguments: Sequence[str]) -> list[Any]:
        names = [name for name in key.names if name]
        window = [str(key.per_window), micro(key.window)]
        return await self._call(mode, self._epoch, names, [*window, *arguments])

    async def _call(self, mode: str, epoch: str, names: Sequence[str], arguments: Sequence[str]) -> list[Any]:
        told = [mode, epoch, self._replica, *self._rules.arguments(), *arguments]
        return await self._link.run(_script(), [*self._names, *names], told)

    async def _agree(self, epoch: str) -> None:
        """Goes on with a Redis that does not know this replica: it was away, or has forgotten everything."""
        if epoch == self._epoch:  # another task has seen to it
            return
        if self._epoch:
            self._go_alone()
        losses = self._link.losses
        if self.alone is not None:
            await self._report(epoch)
            if self._link.losses > losses:  # turns were taken alone meanwhile
                return
            self.alone = None
            self.sure_from = self.clock.now() + _REMEMBERED
        self._epoch = epoch

    async def _report(self, epoch: str) -> None:
        now = self.clock.now()
        recent = [noted for noted in self._noted if now - noted.turn.counted_from < _REMEMBERED]
        if not recent and self._paused_until <= now:
            return
        windows = list(dict.fromkeys(noted.window for noted in recent if noted.window))
        turns: list[str] = []
        for noted in recent:
            under_way = self._rules.lease - (now - noted.turn.sent) if noted.turn.answered == math.inf else 0.0
            number = windows.index(noted.window) + 1 if noted.window else 0
            turns += [noted.turn.token, micro(now - noted.turn.counted_from), micro(under_way), str(number)]
        paused = micro(max(0.0, self._paused_until - now))
        await self._call("report", epoch, windows, ["0", micro(_REMEMBERED), paused, *turns])

    def _go_alone(self) -> None:
        if self.alone is not None:
            return
        self._epoch = ""
        self.alone_since = self.clock.now()
        self.sure_from = math.inf
        self.alone = self._part([noted.turn for noted in self._noted])
        self.alone.pause(max(_ALL_SENT_BEFORE, self._paused_until - self.clock.now()))


def base_name(host: str) -> str:
    """What the names of all keys in Redis begin with that belong to a gateway or to a portal.

    The braces keep them in one slot of a cluster.
    """
    return f"bitrix24-mcp:{{{host}}}"


def portal_names(host: str, portal: str) -> list[str]:
    """The names of the four keys in Redis of a portal behind that host."""
    base = base_name(host)
    return [f"{base}:epoch", *(f"{base}:portal:{portal}:{part}" for part in ("pace", "places", "latest"))]


@cache
def _script() -> str:
    return (files(__package__ or "") / "turn.lua").read_text("utf-8")


def micro(seconds: float) -> str:
    """Microseconds, as the script takes spans."""
    return str(math.ceil(seconds * _MICRO))
