"""Who makes a request."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bitrix24_mcp.settings import Settings


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with one way to one portal. Nothing is shared by callers whose `id` differs.

    `id` is one word that tells nothing of a key or token. `name`: what the operator calls them; empty where each brings
    a key of their own. `settings` hold their way to the portal.
    """

    id: str
    name: str
    settings: Settings = field(repr=False, compare=False)

    @property
    def tenant(self) -> str:
        """A word for figures and logs, from which neither the id nor the name can be told."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:12]

    @property
    def eyes(self) -> str:
        """A word that is the same wherever they call and see the same, from which nothing of that can be told."""
        way = self.settings
        secrets = (way.api_key, way.session_token, way.webhook_url, way.client_secret)
        words = (
            self.id,
            way.base_url,
            way.portal,
            way.client_id,
            way.plan,
            *(each.get_secret_value() for each in secrets),
        )
        return hashlib.sha256("\0".join(words).encode()).hexdigest()


class Refused(Exception):
    """A request that is not let through; the text tells whoever sent it what to do.

    `headers` go with the answer.
    """

    status = 403
    """HTTP's own code for it."""

    def __init__(self, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.headers = dict(headers or {})


class Unrecognised(Refused):
    """A request does not say who makes it, or nobody knows them."""

    status = 401


class NotServed(Refused):
    """Whoever makes the request is known, and may not use this server."""

    status = 403


class CannotTell(Refused):
    """Who makes the request cannot be found out at present."""

    status = 503


class Recognition(Protocol):
    """One way to tell who makes a request."""

    challenge: str
    """What the header WWW-Authenticate tells those who are refused as unknown, unless the refusal has its own."""

    def check(self) -> None:
        """Raises SettingsError while nobody can be recognised."""
        ...

    async def recognise(self, headers: Mapping[str, str]) -> Caller:
        """Who sends these headers, whose names are in lower case; raises Refused."""
        ...


def bearer_of(headers: Mapping[str, str]) -> str:
    """The token that the header Authorization carries (RFC 6750); empty where there is none."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
