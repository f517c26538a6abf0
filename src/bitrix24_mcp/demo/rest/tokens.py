"""The tokens of one portal's OAuth application: codes, access and refresh tokens, and whom they act for.

Lifetimes and answers are those of the documentation (docs: settings/oauth): a code serves once and for thirty seconds,
an access token for an hour, a refresh token for 180 days and until it is exchanged for the next pair.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.rest.calls import Caller, RestError
from bitrix24_mcp.demo.rest.credentials import ALL_SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable

CODE_SECONDS = 30
ACCESS_SECONDS = 3_600
REFRESH_SECONDS = 180 * 86_400
MEMBER_ID = "5d0c1f9e7ab3482690d4e8f1b7a2c365"
"""The permanent id of the demo portal."""


@dataclass(slots=True)
class Application:
    """The card of the application that is installed on the portal; authorization leads back to `redirect_uri`."""

    client_id: str = "local.demo.app"
    client_secret: str = "demo-app-secret"  # noqa: S105 - the made-up secret of a made-up application
    redirect_uri: str = "http://127.0.0.1:8765/webhook/create"
    scopes: tuple[str, ...] = tuple(sorted(ALL_SCOPES))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for, and until when on the portal's clock."""

    caller: Caller
    until: float


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token with the refresh token that replaces it."""

    access: str
    refresh: str
    caller: Caller
    expires: int  # the end of the access token, in seconds of the demo's calendar


class Tokens:
    """Issues tokens and knows whom they belong to. `clock` counts seconds; tests move it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.application = Application()
        self._clock = clock
        self._began = clock()
        self._codes: dict[str, Grant] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def code(self, caller: Caller) -> str:
        """A code for the user who allowed the application in."""
        return self._issue(self._codes, caller, CODE_SECONDS)

    def redeem(self, code: str) -> Pair | None:
        """The first pair for a code; None when it is unknown, spent or too old."""
        return self._exchange(self._codes, code)

    def refresh(self, token: str) -> Pair | None:
        """The next pair for a refresh token, which is spent by that; None when it is unknown, spent or too old."""
        return self._exchange(self._refresh, token)

    def caller_of(self, token: str) -> Caller | RestError:
        """With whose rights a call with this access token runs, or the refusal it deserves."""
        grant = self._access.get(token)
        if grant is None:
            return RestError("invalid_token", "Unable to get application by token", 401)
        if grant.until <= self._clock():
            return RestError("expired_token", "The access token provided has expired.", 401)
        return grant.caller

    def expire(self) -> None:
        """Let every access token be too old from now on; refresh tokens stay good."""
        now = self._clock()
        self._access = {token: Grant(grant.caller, now) for token, grant in self._access.items()}

    def _exchange(self, known: dict[str, Grant], token: str) -> Pair | None:
        grant = known.pop(token, None)
        if grant is None or grant.until <= self._clock():
            return None
        access = self._issue(self._access, grant.caller, ACCESS_SECONDS)
        refresh = self._issue(self._refresh, grant.caller, REFRESH_SECONDS)
        today = int(times.NOW.timestamp() + self._clock() - self._began)
        return Pair(access, refresh, grant.caller, today + ACCESS_SECONDS)

    def _issue(self, known: dict[str, Grant], caller: Caller, seconds: int) -> str:
        token = secrets.token_hex(20)
        known[token] = Grant(caller, self._clock() + seconds)
        return token
