"""The settings of a server whose callers sign in at an authorization server."""

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

from bitrix24_mcp.accounts.addresses import host_of, is_loopback

_PATH = re.compile(r"(/[\w.~-]+)*/?", re.ASCII)
_SCOPE = re.compile(r"[!#-\[\]-~]*")
"""RFC 6749, 3.3."""


class OAuthSettings(BaseModel):
    """What `BITRIX24_MCP_AUTH=oauth` needs to know. Empty means not set."""

    public_url: Annotated[str, Field(alias="BITRIX24_MCP_PUBLIC_URL")] = ""
    oauth_issuer: Annotated[str, Field(alias="BITRIX24_MCP_OAUTH_ISSUER")] = ""
    oauth_client_id: Annotated[str, Field(alias="BITRIX24_MCP_OAUTH_CLIENT_ID")] = ""
    oauth_client_secret: Annotated[SecretStr, Field(alias="BITRIX24_MCP_OAUTH_CLIENT_SECRET")] = SecretStr("")
    oauth_scope: Annotated[str, Field(alias="BITRIX24_MCP_OAUTH_SCOPE")] = ""
    people: Annotated[str, Field(alias="BITRIX24_MCP_PEOPLE")] = ""

    @property
    def wrong_for_oauth(self) -> str:
        """What is missing or left over, in words; empty when all is there."""
        needed = {
            "BITRIX24_MCP_PUBLIC_URL": self.public_url,
            "BITRIX24_MCP_OAUTH_ISSUER": self.oauth_issuer,
            "BITRIX24_MCP_PEOPLE": self.people,
        }
        if missing := [name for name, value in needed.items() if not value]:
            return f"BITRIX24_MCP_AUTH is oauth: set {' and '.join(missing)} as well."
        if bool(self.oauth_client_id) != bool(self.oauth_client_secret.get_secret_value()):
            return "BITRIX24_MCP_OAUTH_CLIENT_ID and BITRIX24_MCP_OAUTH_CLIENT_SECRET are set together, or neither."
        return ""

    @field_validator("public_url")
    @classmethod
    def _own_address(cls, value: str) -> str:
        """One form for one address: without a slash at its end, as the MCP specification's canonical URIs."""
        parts = _parts(value)
        if not value:
            return value
        if parts is None or not _PATH.fullmatch(parts.path):
            raise ValueError("must be this server's address as clients use it, such as https://mcp.example.com/mcp")
        return f"{parts.scheme}://{host_of(value)}{parts.path.rstrip('/')}"

    @field_validator("oauth_issuer")
    @classmethod
    def _of_an_issuer(cls, value: str) -> str:
        if value and _parts(value) is None:
            raise ValueError("must be an authorization server's address, such as https://login.example.com/realms/team")
        return value  # as it stands: tokens and metadata must name it to the letter

    @field_validator("oauth_scope")
    @classmethod
    def _one_scope(cls, value: str) -> str:
        if not _SCOPE.fullmatch(value):
            raise ValueError("must be one scope, a word such as crm")
        return value


def _parts(address: str) -> SplitResult | None:
    """The parts of an address over https, or over http on this machine; None for any other."""
    host = host_of(address) if address.isascii() and address.isprintable() and " " not in address else ""
    if not host or "?" in address or "#" in address:
        return None
    parts = urlsplit(address)
    return parts if parts.scheme in ({"http", "https"} if is_loopback(host) else {"https"}) else None
