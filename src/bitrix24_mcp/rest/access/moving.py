"""A renamed portal: its old host redirects to the new one (docs: settings/how-to-call-rest-api/change-domen).

The request holds a secret, in its path or in its body, so it follows only where that portal can surely be:

- over https, with the same path and no query: a sign-in page or a proxy's portal is no move;
- from a host in Bitrix24's cloud only to a host in Bitrix24's cloud, whose names Bitrix24 alone gives out;
- from a company's own host to another host of the same registered domain, or into the cloud: whoever rents a name there
  sees neither paths nor bodies of requests to it.

Without a list of public suffixes a registered domain is taken too long rather than too short, so that mistakes refuse.
"""

import re
from urllib.parse import SplitResult, urlsplit

from bitrix24_mcp.rest.access.protocol import Access
from bitrix24_mcp.sending.hosts import is_loopback

_MOVES = frozenset({301, 302, 307, 308})
_CLOUD = re.compile(
    r"[\w-]+\.bitrix24\.(?:com|ru|eu|de|fr|it|es|pl|in|cn|ua|by|kz|vn|jp|id|mx|co|uk|tech|com\.br|com\.tr)",
    re.IGNORECASE,
)
"""Hosts of cloud portals. Other domains with this name, such as bitrix24.site, hold pages that anyone writes."""


class Whereabouts:
    """Where an access's portal is now; a move is remembered as long as this is."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._moved: dict[str, str] = {}

    @property
    def host(self) -> str:
        """The portal's host, with its port where one is named."""
        moved = self._moved.get(self._parts()[0])
        return urlsplit(moved).netloc if moved else self._access.portal

    def address(self, method: str) -> str:
        """Where a method is called; it holds the secret of a webhook."""
        origin, path = self._parts()
        return f"{self._moved.get(origin, origin)}{path}{method}"

    def follows(self, method: str, status: int, location: str) -> bool:
        """Whether a redirect of this method's call says that the portal has moved."""
        if origin := new_origin(status, self.address(method), location):
            self._moved[self._parts()[0]] = origin
        return bool(origin)

    def _parts(self) -> tuple[str, str]:
        parts = urlsplit(self._access.endpoint)
        return f"{parts.scheme}://{parts.netloc}", parts.path


def new_origin(status: int, asked: str, location: str) -> str:
    """Scheme and host to which the portal of the `asked` address has moved; empty where that is not surely the case."""
    if status not in _MOVES:
        return ""
    try:
        old, new = urlsplit(asked), urlsplit(location)
        same_port = (old.port or 443) == (new.port or 443)
    except ValueError:
        return ""
    if new.path != old.path or new.query or "@" in new.netloc or new.netloc.lower() == old.netloc.lower():
        return ""
    if _local(old):
        return f"{new.scheme}://{new.netloc}" if _local(new) and new.scheme in {"http", "https"} else ""
    trusted = new.scheme == "https" and same_port and _may_follow(old.hostname or "", new.hostname or "")
    return f"https://{new.netloc}" if trusted else ""


def _local(parts: SplitResult) -> bool:
    return is_loopback(parts.hostname or "")


def _may_follow(old: str, new: str) -> bool:
    if _CLOUD.fullmatch(new):
        return True
    return not _CLOUD.fullmatch(old) and _registered(old) != "" and _registered(old) == _registered(new)


def _registered(host: str) -> str:
    """The domain that surely has one owner, such as example.com or example.co.uk; empty for a numeric address."""
    labels = host.lower().rstrip(".").split(".")
    if labels[-1].isdecimal() or ":" in host or len(labels) < 2:
        return ""
    short = len(labels[-1]) == 2 and len(labels[-2]) <= 3
    needed = 3 if short else 2
    return ".".join(labels[-needed:]) if len(labels) >= needed else ""
