"""Whose key, and where it may be sent."""

import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bitrix24_mcp.sending.hosts import is_loopback

_HOST = re.compile(r"[\w.:-]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A gateway key and, with a `vibe_app_` key, the user's session token. Neither shows in a repr.

    Raises ValueError when the base URL would send them in the clear over a network.
    """

    base_url: str
    api_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if error := base_url_error(self.base_url):
            raise ValueError(error)

    def headers(self) -> dict[str, str]:
        """What every request carries (docs/keys-auth): the key, and the session in the Bearer slot."""
        session = {"Authorization": f"Bearer {self.session_token}"} if self.session_token else {}
        return {"X-Api-Key": self.api_key, "Accept": "application/json", **session}

    @property
    def digest(self) -> str:
        """A word for the key with its session, from which neither can be told."""
        return hashlib.sha256(f"{self.api_key}\0{self.session_token}".encode()).hexdigest()

    @property
    def host(self) -> str:
        """The gateway, with its port where one is named; harmless."""
        return host_of(self.base_url)

    @property
    def loopback(self) -> bool:
        """Whether the gateway runs on this machine; then no proxy of the environment is asked."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def host_of(base_url: str) -> str:
    """The host of a gateway's address, with its port where one is named."""
    return urlsplit(base_url).netloc


def base_url_error(url: str) -> str:
    """Why a key must not be sent to this address; empty when it may."""
    nowhere = "must start with https:// and name a host"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is no number, or brackets that do not close
        return nowhere
    if parts.username or parts.password or parts.query or parts.fragment:
        return "must be a plain address, without user, query or fragment"
    if not _HOST.fullmatch(host) or port == 0 or parts.scheme not in {"http", "https"}:
        return nowhere
    if parts.scheme == "http" and not is_loopback(host):
        return "must use https; plain http is allowed only for this machine"
    return ""
