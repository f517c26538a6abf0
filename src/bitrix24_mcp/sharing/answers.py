"""What the replicas of one caller were told, kept in Redis as texts; of each answer one replica asks at a time."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Any, Self

import anyio

from bitrix24_mcp.sharing.link import Absent, Link

_SHORT, _LONG = 0.05, 0.2
"""Seconds from one look to the next while another replica asks."""
_FAREWELL = 1.0
"""Seconds in which a lease is given back, also by who was cancelled."""


class Turn:
    """What was told so far: texts, and the seconds for which they are still good, by name. It may hold a lease to ask.

    Use it as a context manager: the lease ends with it, whatever happened. Without one `keep` does nothing.
    """

    def __init__(self, told: Mapping[str, str], seconds: Mapping[str, float], lease: "Lease | None" = None) -> None:
        self.told = told
        self.seconds = seconds
        self._lease = lease

    @property
    def leased(self) -> bool:
        """Whether the others wait for what is missing."""
        return self._lease is not None

    async def keep(self, texts: Mapping[str, str]) -> None:
        """Gives these answers to the others, unless all was forgotten since the turn began."""
        if self._lease is not None and texts:
            with suppress(Absent):
                await self._lease.keep(texts)
                self._lease = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lease is not None:
            await self._lease.end()


class Answers:
    """The answers that one caller's replicas share, each under a name.

    `whose`: the same word for the same caller, way to the portal and form of answers, and for nothing else. Answers are
    good for `life` seconds. Whoever may ask has `lease` seconds for it before another may; `patience`: seconds that a
    replica waits for another one's answer.
    """

    def __init__(self, link: Link, whose: str, *, life: float = 290, lease: float = 15, patience: float = 15) -> None:
        self._link = link
        self._whose = whose
        self._lease = _milliseconds(lease)
        self._patience = patience
        self.life = _milliseconds(life)

    async def turn(self, topic: str, names: Sequence[str]) -> Turn:
        """Those of the answers that are known; for the others a lease, or nothing when it took too long to wait.

        `topic`: what is asked for together, one replica at a time. Raises Absent.
        """
        lease = Lease(self, topic, secrets.token_hex(8))
        try:
            return await self._turn(lease, names)
        except BaseException:  # a lease may have been given to who was cancelled before it heard of that
            await lease.end()
            raise

    async def _turn(self, lease: "Lease", names: Sequence[str]) -> Turn:
        ends, pause = anyio.current_time() + self._patience, _SHORT
        while True:
            state, lease.generation, told = await self.run(
                "ask", lease.topic, names, lease.token, self._lease, self.life
            )
            known = {name: each for name, each in zip(names, told, strict=True) if each}
            texts = {name: text for name, (_, text) in known.items()}
            seconds = {name: left / 1000 for name, (left, _) in known.items()}
            if state == "yours":
                return Turn(texts, seconds, lease)
            if state == "told" or anyio.current_time() >= ends:
                return Turn(texts, seconds)
            await anyio.sleep(pause)
            pause = min(2 * pause, _LONG)

    async def drop(self, topic: str, names: Sequence[str]) -> None:
        """Drops these answers, which nobody can read. Raises Absent."""
        await self.run("drop", topic, names)

    async def forget(self) -> None:
        """From now on nothing counts that was told, or is being asked. Raises Absent."""
        await self.run("forget", "", (), secrets.token_hex(8), self.life)

    async def run(self, verb: str, topic: str, names: Sequence[str], *arguments: str | int) -> Any:
        """What the script says. Raises Absent."""
        keys = ["generation", f"lease of {topic}", *(f"answer {name}" for name in names)]
        return await self._link.run(_script(), [self._key(each) for each in keys], [verb, *arguments])

    def _key(self, name: str) -> str:
        """One word in whose braces a cluster finds what belongs together; a name may hold what a caller wrote."""
        return f"bitrix24-mcp:described:{{{self._whose}}}:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"


@dataclass(slots=True)
class Lease:
    """The right to ask for a topic while all others wait, by a word that only its holder knows."""

    answers: Answers
    topic: str
    token: str
    generation: str = ""

    async def keep(self, texts: Mapping[str, str]) -> None:
        """Gives these answers to the others, and the lease back. Raises Absent."""
        arguments = (self.generation, self.token, self.answers.life, *texts.values())
        await self.answers.run("keep", self.topic, tuple(texts), *arguments)

    async def end(self) -> None:
        """Gives it back, if it was given, also in the name of who was cancelled."""
        with anyio.move_on_after(_FAREWELL, shield=True), suppress(Absent):
            await self.answers.run("release", self.topic, (), self.token)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


@cache
def _script() -> str:
    return files("bitrix24_mcp.sharing").joinpath("answers.lua").read_text("utf-8")
