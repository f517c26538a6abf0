"""The state that travels through the portal and comes back: which portal was meant, until when, and where to go then.

Base64 of a signature and what it covers. Whoever has not the key cannot make one or change one; each is good once and
for ten minutes. With it a callback proves that it answers a link of ours.
"""

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from bitrix24_mcp.accounts import failures

LIFETIME = timedelta(minutes=10)
_SIGNATURE = 32
_LONGEST = 4_096


@dataclass(frozen=True, slots=True)
class State:
    """The portal that was meant, where the browser goes afterwards (empty = nowhere), a nonce, and the end."""

    portal: str
    return_to: str
    nonce: str
    expires: datetime


def new(portal: str, return_to: str, now: datetime) -> State:
    """A state that nobody has seen yet."""
    return State(portal, return_to, secrets.token_urlsafe(16), now.replace(microsecond=0) + LIFETIME)


def signed(state: State, key: bytes) -> str:
    """The state as it travels."""
    told = json.dumps([state.portal, state.return_to, state.nonce, int(state.expires.timestamp())]).encode()
    return urlsafe_b64encode(_signature(told, key) + told).decode().rstrip("=")


def read(text: str, key: bytes, now: datetime) -> State:
    """The state that came back. Raises InvalidArguments when it is none of ours, or too old."""
    packed = _decoded(text)
    signature, told = packed[:_SIGNATURE], packed[_SIGNATURE:]
    if not hmac.compare_digest(signature, _signature(told, key)):
        raise failures.callback_refused("The state is not one that this program gave out.")
    portal, return_to, nonce, expires = cast("tuple[str, str, str, int]", json.loads(told))  # signed: as we wrote it
    state = State(portal, return_to, nonce, datetime.fromtimestamp(expires, UTC))
    if now >= state.expires:
        raise failures.callback_refused("The link is too old; it is good for ten minutes.")
    return state


def _signature(told: bytes, key: bytes) -> bytes:
    return hmac.digest(key, told, "sha256")


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"==") if len(text) <= _LONGEST else b""
    except ValueError:  # no base64, or not even ASCII
        return b""
