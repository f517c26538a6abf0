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


class Unrecognised(Exception):
    """A request does not say who makes it, or nobody knows them; the text says what to send."""


class Recognition(Protocol):
    """One way to tell who makes a request."""

    challenge: str
    """What the header WWW-Authenticate tells those who are refused."""

    def check(self) -> None:
        """Raises SettingsError while nobody can be recognised."""
        ...

    def recognise(self, headers: Mapping[str, str]) -> Caller:
        """Who sends these headers, whose names are in lower case; raises Unrecognised."""
        ...
