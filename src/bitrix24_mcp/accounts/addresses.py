"""Which addresses are believed: portals, authorisation servers, and where a browser may be sent back to."""

import re
import unicodedata
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from bitrix24_mcp.sending import hosts

AUTHORIZATION_HOSTS = ("oauth.bitrix.info", "oauth.bitrix24.tech")
"""Bitrix24's own authorisation servers (docs: settings/oauth); others only where the operator names them."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_VISIBLE = re.compile(r"[!-~]+")


def host_of(address: str) -> str:
    """The host of an address, with its port if it names one, in lower case and without a path; empty when it has none.

    Takes what people have at hand: `portal.bitrix24.ru`, `https://portal.bitrix24.ru/stream/`.
    """
    written = address.strip()
    parts = _split(written if "://" in written else f"//{written}") if written.isprintable() else None
    if parts is None or parts.scheme not in {"", "http", "https"} or "@" in parts.netloc:
        return ""
    host = _ascii(parts.hostname or "")
    if not host or parts.port == 0:
        return ""
    shown = f"[{host}]" if ":" in host else host
    default = parts.port is None or (parts.port, parts.scheme) in {(443, ""), (443, "https"), (80, "http")}
    return shown if default else f"{shown}:{parts.port}"


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    return hosts.is_loopback(_name(host))


def origin(host: str) -> str:
    """`https://host`; plain http only on this machine."""
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def is_endpoint_of(portal: str, endpoint: str) -> bool:
    """Whether calls to the portal may go to this address: on itself, and never in the clear over a network.

    It is called as it stands, so it must mean the same to everyone who reads it: visible ASCII, nothing else.
    """
    parts = _split(endpoint) if _VISIBLE.fullmatch(endpoint) else None
    if parts is None or parts.query or parts.fragment or not parts.path.endswith("/"):
        return False
    host = host_of(endpoint)
    if not host or parts.scheme not in ({"http", "https"} if is_loopback(host) else {"https"}):
        return False
    return same_host(portal, host)


def same_host(one: str, other: str) -> bool:
    """Whether two hosts are the same; a port counts only if both name one: behind a proxy a portal may not know it."""
    if _port(one) is not None and _port(other) is not None:
        return one == other
    return bool(_name(one)) and _name(one) == _name(other)


def may_return_to(address: str, allowed: Sequence[str]) -> bool:
    """Whether a browser may be sent to this address afterwards: this machine, or https on a host the operator named."""
    if not address.isprintable() or any(character in ' \\"<>' for character in address):
        return False
    parts = _split(address)
    host = host_of(address)
    if parts is None or not host or not parts.netloc.isascii():  # browsers may code other names differently
        return False
    if is_loopback(host):
        return parts.scheme in {"http", "https"}
    return parts.scheme == "https" and host in allowed


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:  # a port that is no number, or brackets that do not close
        return None
    return parts


def _name(host: str) -> str:
    parts = _split(f"//{host}")
    return (parts.hostname or "") if parts else ""


def _port(host: str) -> int | None:
    parts = _split(f"//{host}")
    return parts.port if parts else None


def _ascii(name: str) -> str:
    """The host as it stands in DNS, so that a Cyrillic name equals its coded form; empty when it is no host name.

    Refused is also what others may read differently: a number in place of an address, an address with a zone, and
    letters such as ß, of which the older and the newer coding of names make two different hosts.
    """
    if "%" in name:
        return ""
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    try:
        coded = name.encode("idna")
        same = name.isascii() or coded.decode("idna").lower() == unicodedata.normalize("NFC", name.lower())
    except UnicodeError:
        return ""
    labels = coded.decode("ascii").lower().split(".")
    sure = same and all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])
    return ".".join(labels) if sure else ""
