"""Work that waits to be confirmed: each by a code of its own, once, and not for long."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.shape import compact

W = TypeVar("W")
LIFETIME = 600
"""Seconds that it waits."""
_MOST = 200
"""What waits at one time; the oldest makes room."""
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that people take for one another."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[W]):
    work: W
    tool: str
    asked: str
    until: datetime


class Pending(Generic[W]):
    """The work of one server. A code is good for one attempt, successful or not.

    `now` is the moment by this machine's clock, which goes on while the machine sleeps.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting[W]] = {}

    def keep(self, work: W, tool: str, arguments: Mapping[str, Any], now: datetime) -> str:
        """Lets work wait, and gives the code that confirms it; `arguments` are those that it was made from."""
        for code in [each for each, held in self._waiting.items() if held.until <= now]:
            del self._waiting[code]
        while len(self._waiting) >= _MOST:
            del self._waiting[next(iter(self._waiting))]
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        code = f"{letters[:4]}-{letters[4:]}"
        self._waiting[code] = _Waiting(work, tool, compact(arguments), now + timedelta(seconds=LIFETIME))
        return code

    def take(self, code: str, tool: str, arguments: Mapping[str, Any], now: datetime) -> W:
        """The work behind a code, which is spent by that. No `arguments` at all are those it was made from.

        Raises InvalidArguments for a code that is unknown, spent or too old, and for other arguments.
        """
        held = self._waiting.pop(code.strip().upper(), None)
        if held is None or held.until <= now:
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
        return held.work
