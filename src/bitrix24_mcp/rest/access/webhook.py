"""An incoming webhook: its whole address is one secret (docs: local-integrations/local-webhooks)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from bitrix24_mcp.sending.hosts import is_loopback

_ADDRESS = re.compile(r"(?P<endpoint>(?:/(?!rest/)[\w~-][\w.~-]*)*/rest/\d+/(?P<code>[\w-]+)/)(?:[\w.]+/?)?", re.ASCII)
"""What is pasted may end with a method, such as profile.json. A company's own portal may stand below a path."""
_HOST = re.compile(r"[\w.:-]+")
_WHERE = "copy the whole address from the webhook's page in the portal (Developer resources, Inbound webhook)"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Access by a webhook's address, also when it is pasted with a method at its end. It does not show in a repr.

    Raises ValueError when the address is none, without repeating it.
    """

    url: str = field(repr=False)
    kind: Literal["webhook"] = field(default="webhook", init=False)

    def __post_init__(self) -> None:
        if error := webhook_error(self.url):
            raise ValueError(error)

    @property
    def endpoint(self) -> str:
        """The address without a method at its end."""
        parts = _parts(self.url)
        found = _ADDRESS.fullmatch(_path(parts))
        return f"{parts.scheme}://{parts.netloc}{found['endpoint'] if found else ''}"

    @property
    def portal(self) -> str:
        """The portal's host, with the port where one is named."""
        return _parts(self.url).netloc

    @property
    def loopback(self) -> bool:
        """Whether the portal runs on this machine."""
        return is_loopback(_parts(self.url).hostname or "")

    async def parameters(self) -> Mapping[str, str]:
        """Nothing: the address is the proof."""
        return {}

    async def renewed(self, spent: Mapping[str, str]) -> bool:  # noqa: ARG002 - what an Access is asked
        """Never: an expired webhook is made anew in the portal."""
        return False


def webhook_error(url: str) -> str:
    """Why this is not the address of a webhook; empty when it is."""
    nowhere = f"must be the address of an incoming webhook; {_WHERE}"
    try:
        parts = _parts(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is no number, or brackets that do not close
        return nowhere
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or port == 0:
        return nowhere
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must be the webhook's plain address, without user, query or fragment"
    if parts.scheme == "http" and not is_loopback(host):
        return "must use https; plain http is allowed only for this machine"
    return _path_error(_path(parts))


def _path_error(path: str) -> str:
    if _ADDRESS.fullmatch(path):
        return ""
    match [part for part in path.split("/") if part]:
        case []:
            return f"is the address of a portal, not of a webhook; {_WHERE}"
        case ["rest"]:
            return f"lacks the user id and the code after /rest/; {_WHERE}"
        case ["rest", user] if user.isdecimal():
            return f"lacks the code after the user id; {_WHERE}"
        case ["rest", user, *_] if not user.isdecimal():
            return f"lacks the user id: a number must stand between /rest/ and the code; {_WHERE}"
        case _:
            return f"must go on after the host with /rest/, a user id and a code; {_WHERE}"


def _parts(url: str) -> SplitResult:
    return urlsplit(url.strip())


def _path(parts: SplitResult) -> str:
    return parts.path if parts.path.endswith("/") else f"{parts.path}/"
