"""What is known of a connected portal, and the tokens that open it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """The pair that an authorisation server gave: one that calls carry for an hour, one that renews both once.

    Neither shows in a repr.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorisation server answered: tokens, whose portal, where to call it, with which scopes.

    `user_id` is the person who allowed it, None where the server did not say (docs: settings/oauth).
    """

    tokens: Tokens
    member_id: str
    client_endpoint: str
    scopes: tuple[str, ...]
    user_id: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """A connected portal. `member_id` is its permanent id and survives a change of its address, `portal` its host.

    `stale`: its tokens are dead or cannot be read, it must be connected again. `deleted`: it was disconnected, its
    tokens are gone.
    """

    id: int
    member_id: str
    portal: str
    user_id: int | None
    client_endpoint: str
    authorization_host: str
    scopes: tuple[str, ...]
    created_at: datetime
    deleted: bool
    stale: bool
