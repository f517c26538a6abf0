"""Work that waits to be confirmed: each by a code of its own, once, and not for long.

The work itself waits in this process. What may be known elsewhere is the code, what was asked for, and the seal of what
was shown: another replica makes the work anew from that, and carries it out only if it has the same seal.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.shape import compact

LIFETIME = 600
"""Seconds that it waits."""
MOST = 200
"""What waits at one time; the oldest makes room."""
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that people take for one another."""


class Sealed(Protocol):
    """Work whose seal tells what was shown of it."""

    @property
    def seal(self) -> str:
        """Equal for work that does the same to the same records as they were read."""
        ...


W = TypeVar("W", bound=Sealed)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is known of work that waits: the tool, its arguments as JSON, the work's seal, and when it is too old.

    `present`: the moment from which its relative dates count; None where it has none.
    """

    tool: str
    asked: str
    seal: str
    present: datetime | None
    until: datetime


class Confirmations(Protocol):
    """What keeps codes. Every method raises PortalError when what keeps them cannot be used."""

    async def keep(self, code: str, waiting: Waiting, now: datetime) -> None:
        """Keeps a code; those too old, and the oldest of too many, are forgotten."""
        ...

    async def take(self, code: str, now: datetime) -> Waiting | None:
        """What waits behind a code, for the first who asks; None for a code that is unknown, taken or too old."""
        ...


class OwnConfirmations:
    """The codes of one process."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    async def keep(self, code: str, waiting: Waiting, now: datetime) -> None:
        """Keeps a code."""
        for old in [each for each, held in self._waiting.items() if held.until <= now]:
            del self._waiting[old]
        while len(self._waiting) >= MOST:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[code] = waiting

    async def take(self, code: str, now: datetime) -> Waiting | None:
        """What waits behind a code, for the first who asks."""
        held = self._waiting.pop(code, None)
        return held if held is not None and held.until > now else None


@dataclass(frozen=True, slots=True)
class Taken(Generic[W]):
    """What was behind a code: what it was made from and when, its seal, and the work, which only its process has."""

    arguments: Mapping[str, Any]
    present: datetime | None
    seal: str
    work: W | None

    def check(self, made: Sealed) -> None:
        """Raises InvalidArguments when work that was made anew is not what was shown."""
        if made.seal != self.seal:
            raise InvalidArguments(
                "Meanwhile something changed, so that this would not be what was shown.",
                advice="Nothing was written. Call again without confirm for a new preview.",
                code="CHANGED_MEANWHILE",
            )


class Pending(Generic[W]):
    """The work of one caller. A code is good for one attempt, successful or not.

    `now` is the moment by this machine's clock, which goes on while the machine sleeps.
    """

    def __init__(self, confirmations: Confirmations | None = None) -> None:
        """`confirmations`: what keeps the codes where other processes may be asked; else this one does."""
        self._confirmations = confirmations or OwnConfirmations()
        self._works: dict[str, W] = {}

    async def keep(
        self, work: W, tool: str, arguments: Mapping[str, Any], now: datetime, present: datetime | None = None
    ) -> str:
        """Lets work wait, and gives the code that confirms it.

        `arguments` are those that it was made from, `present` the moment from which its relative dates count.
        """
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        code = f"{letters[:4]}-{letters[4:]}"
        waiting = Waiting(tool, compact(arguments), work.seal, present, now + timedelta(seconds=LIFETIME))
        await self._confirmations.keep(code, waiting, now)
        while len(self._works) >= MOST:
            del self._works[next(iter(self._works))]
        self._works[code] = work
        return code

    async def take(self, code: str, tool: str, arguments: Mapping[str, Any], now: datetime) -> Taken[W]:
        """What is behind a code, which is spent by that. No `arguments` at all are those it was made from.

        Raises InvalidArguments for a code that is unknown, spent or too old, and for other arguments.
        """
        code = code.strip().upper()
        held = await self._confirmations.take(code, now)
        work = self._works.pop(code, None)
        if held is None:
            raise InvalidArguments(
                "This confirmation is not known: it was used, has expired, or was never given.",
                advice="Nothing was written. Call again without confirm for a new preview, and show it to the user.",
                code="CONFIRMATION_UNKNOWN",
            )
        if held.tool != tool or (arguments and held.asked != compact(arguments)):
            raise InvalidArguments(
                "This confirmation belongs to another preview.",
                advice="Nothing was written, and the code is spent. Call again without confirm for a preview of what "
                "is wanted now.",
                code="CONFIRMATION_OF_OTHER",
            )
        return Taken(json.loads(held.asked), held.present, held.seal, work)
