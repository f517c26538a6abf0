"""The keys the portal accepts and what each may do (docs/keys-auth)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bitrix24_mcp.demo.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_mcp.demo.schema import Entity

ALL = (
    "bizproc",
    "calendar",
    "catalog",
    "crm",
    "department",
    "disk",
    "documentgenerator",
    "sale",
    "sonet_group",
    "task",
    "tasks",
    "user",
    "vibe:ai",
)
_SESSION = "vibe_session_demo"


@dataclass(frozen=True, slots=True)
class Key:
    """One key and whom it acts for."""

    value: str
    kind: Literal["personal", "oauth_app", "management"] = "personal"
    mode: Literal["READWRITE", "READONLY"] = "READWRITE"
    scopes: tuple[str, ...] = ALL
    user: int = 1
    admin: bool = True
    refusal: str = ""  # the code that every request with it gets

    def require(self, scopes: tuple[str, ...]) -> None:
        """Refuse a route none of whose scopes the key has."""
        if self.kind == "management":
            message = "Management keys have no access to entities"
            raise GatewayError("MANAGEMENT_KEY_NO_ENTITY_ACCESS", message)
        if not set(scopes) & set(self.scopes):
            raise GatewayError("SCOPE_DENIED", f"This endpoint requires '{scopes[0]}' scope")

    def require_write(self, method: str) -> None:
        """Refuse a call that would change the portal when the key is read-only."""
        if self.mode == "READONLY":
            raise GatewayError("WRITE_BLOCKED", f"Key is in READONLY mode: call to {method} is blocked")

    def require_admin(self) -> None:
        """Refuse what Bitrix24 keeps for administrators."""
        if not self.admin:
            raise GatewayError("BITRIX_ACCESS_DENIED", "Access denied!")


KEYS = {
    key.value: key
    for key in (
        Key("vibe_api_demo"),
        Key("vibe_api_demo_readonly", mode="READONLY"),
        Key("vibe_api_demo_user", user=57, admin=False),
        Key("vibe_api_demo_noscope", scopes=("user",)),
        Key("vibe_api_demo_expired", refusal="KEY_EXPIRED"),
        Key("vibe_api_demo_inactive", refusal="KEY_INACTIVE"),
        Key("vibe_live_demo", kind="management", scopes=("vibe:mgmt:keys", "vibe:mgmt:portals")),
        Key("vibe_app_demo", kind="oauth_app"),
    )
}
_REFUSALS = {"KEY_EXPIRED": "API key has expired", "KEY_INACTIVE": "API key is not active"}


def sent_key(headers: Mapping[str, str]) -> str:
    """The key as the request carries it: its own header, or a bearer that is a key."""
    own = headers.get("x-api-key", "")
    bearer = _bearer(headers)
    return own or (bearer if bearer.startswith(("vibe_api_", "vibe_live_")) else "")


def authenticate(headers: Mapping[str, str], *, session_needed: bool) -> Key:
    """The key of the request, or the refusal it deserves."""
    value = sent_key(headers)
    if not value:
        raise GatewayError("MISSING_API_KEY", "API key required. Pass via X-Api-Key header.")
    key = KEYS.get(value)
    if key is None:
        raise GatewayError("INVALID_API_KEY", "Invalid API key")
    if key.refusal:
        raise GatewayError(key.refusal, _REFUSALS[key.refusal])
    if key.kind == "oauth_app" and session_needed:
        _check_session(_bearer(headers))
    return key


def may_use(key: Key, entity: Entity) -> bool:
    """Whether the key has a scope that the entity needs."""
    return bool(set(entity.scope) & set(key.scopes))


def _check_session(bearer: str) -> None:
    if not bearer:
        raise GatewayError("TOKEN_MISSING", "User session required. Pass Authorization: Bearer vibe_session_…")
    if bearer != _SESSION:
        raise GatewayError("INVALID_SESSION", "Session not found")


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
