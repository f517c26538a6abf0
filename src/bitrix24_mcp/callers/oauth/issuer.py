"""What an authorization server says of itself (RFC 8414, and OpenID Connect Discovery 1.0)."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from bitrix24_mcp.callers.oauth.fetching import Fetching, Json, NoAnswer, Unusable
from bitrix24_mcp.sending.hosts import is_loopback


async def metadata_of(issuer: str, needed: str, fetching: Fetching) -> Json:
    """Its metadata, in which the endpoint that is `needed` stands, such as `jwks_uri`; raises Unusable."""
    reason = Unusable("it has no metadata")
    for place in discovery_addresses(issuer):
        try:
            found = await fetching.get(place)
            _check(place, found, issuer, needed)
        except NoAnswer:
            raise
        except Unusable as error:
            reason = error
        else:
            return found
    raise reason


def discovery_addresses(issuer: str) -> Sequence[str]:
    """Where its metadata can be, in the order of the MCP specification (authorization server metadata discovery)."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
    places = [f"{origin}{oauth}{path}", f"{origin}{openid}{path}"]
    return [*places, f"{origin}{path}{openid}"] if path else places


def _check(place: str, found: Json, issuer: str, needed: str) -> None:
    # Compared to the letter: else the metadata may be those of somebody else (RFC 8414, 3.3).
    if found.get("issuer") != issuer:
        raise Unusable(f"{place} names another issuer than BITRIX24_MCP_OAUTH_ISSUER, to the letter")
    if not _safe(found.get(needed)):
        raise Unusable(f"{place} names no {needed} that is reached by https")


def _safe(address: object) -> bool:
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
