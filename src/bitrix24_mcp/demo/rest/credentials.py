"""Who calls: the webhooks of the demo portal and what their owners may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.keys import ALL
from bitrix24_mcp.demo.rest.calls import Caller, RestError

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Json

# What the gateway's keys may do, but for its own scope, and two that only REST asks for.
ALL_SCOPES = frozenset({*ALL, "user.userfield", "userfieldconfig"} - {"vibe:ai"})
# Any other code, `demo-expired` say, is that of a webhook which was deleted or has run out: the portal does not tell.
WEBHOOKS = {
    (1, "demo-admin"): Caller(1, admin=True, crm_admin=True, scopes=ALL_SCOPES),
    (2, "demo-crm-admin"): Caller(2, admin=False, crm_admin=True, scopes=ALL_SCOPES),
    (57, "demo-seller"): Caller(57, admin=False, crm_admin=False, scopes=frozenset({"crm", "user_brief"})),
}


@dataclass(frozen=True, slots=True)
class Address:
    """What the path of a request says: the method, and the webhook if there is one."""

    method: str
    owner: int | None = None
    code: str = ""


def address(path: str) -> Address:
    """The parts of what follows `/rest/`; a path of another shape names no method."""
    match path.strip("/").split("/"):
        case [method]:
            return Address(_method(method))
        case [owner, code, method] if owner.isdecimal():
            return Address(_method(method), int(owner), code)
        case [owner, code] if owner.isdecimal():
            return Address("", int(owner), code)
        case _:
            return Address("", 0)


def webhook_caller(where: Address) -> Caller:
    """The owner of the webhook, or the refusal for one that is not, or no longer, known."""
    if where.owner == 0:  # the user's id is missing from the path, so the code stands where a method should
        raise unknown_method()
    found = WEBHOOKS.get((where.owner or 0, where.code))
    if found is None:
        raise RestError("INVALID_CREDENTIALS", "Invalid request credentials", 401)
    return found


def sent_token(params: Json) -> str:
    """The access token among the parameters, or the refusal of a call that carries no credentials."""
    token = params.pop("auth", None)
    if not isinstance(token, str) or not token:
        raise RestError("NO_AUTH_FOUND", "Wrong authorization data", 401)
    return token


def unknown_method() -> RestError:
    """The refusal for a method that is unknown, switched off, or hidden behind a wrong path."""
    return RestError("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)


def _method(name: str) -> str:
    return name.removesuffix(".json").lower()
