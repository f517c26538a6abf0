"""This server as a protected resource (RFC 9728): what it says of itself, and to those it refuses (RFC 6750)."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from mcp.server.auth.handlers.metadata import ProtectedResourceMetadataHandler
from mcp.server.auth.routes import cors_middleware
from mcp.shared.auth import ProtectedResourceMetadata
from starlette.routing import BaseRoute, Route

from bitrix24_mcp import presentation
from bitrix24_mcp.settings import Settings

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


class Resource:
    """The server under its own address, and the scope that a token must carry, if any."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.public_url)
        self._path = f"{_WELL_KNOWN}{parts.path}"
        self._address = f"{parts.scheme}://{parts.netloc}{self._path}"
        self._scope = settings.oauth_scope
        # From words, not from addresses of pydantic's: those would gain a slash, and clients compare to the letter.
        self._metadata = ProtectedResourceMetadata.model_validate(
            {
                "resource": settings.public_url,
                "authorization_servers": [settings.oauth_issuer],
                "scopes_supported": [self._scope] if self._scope else None,
                "resource_name": presentation.TITLE,
            }
        )

    def routes(self) -> Sequence[BaseRoute]:
        """Its metadata, for everybody: at the form for its path, and at the root, where other clients look."""
        endpoint = cors_middleware(ProtectedResourceMetadataHandler(self._metadata).handle, ["GET", "OPTIONS"])
        places = dict.fromkeys([self._path, _WELL_KNOWN])
        return [Route(place, endpoint, methods=["GET", "OPTIONS"]) for place in places]

    def challenge(self, error: str = "", text: str = "") -> str:
        """The header WWW-Authenticate: where the metadata are, which scope it takes, and what was wrong."""
        told: Mapping[str, str] = {
            "error": error,
            "error_description": text,
            "scope": self._scope,
            "resource_metadata": self._address,
        }
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in told.items() if value)
