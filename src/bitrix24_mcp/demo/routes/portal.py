"""What the portal says about itself and about the key (docs/keys-auth)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.calls import success
from bitrix24_mcp.demo.database import Slice, equals
from bitrix24_mcp.demo.gateway import PORTAL_DOMAIN
from bitrix24_mcp.demo.keys import may_use
from bitrix24_mcp.demo.limits import PORTAL_REQUESTS
from bitrix24_mcp.demo.routes.generic import no_route

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call, Json, Reply
    from bitrix24_mcp.demo.gateway import Gateway

_OPERATIONS = ["list", "get", "create", "update", "delete", "fields", "search", "aggregate"]


def me(gateway: Gateway, call: Call) -> Reply:
    """`GET /v1/me`."""
    if call.method != "GET" or len(call.segments) > 1:
        raise no_route()
    key = call.key
    row = gateway.database.rows("users", ("name", "lastName"), equals("id", key.user), Slice("id", 1))[0]
    data: Json = {
        "type": key.kind,
        "portal": PORTAL_DOMAIN,
        "scopes": list(key.scopes),
        "accessMode": key.mode,
        "owner": {"name": f"{row['name']} {row['lastName']}", "userId": key.user},
        "currentUser": None if key.kind == "management" else {"bitrixUserId": key.user},
        "rateLimit": {"requestsPerSecond": PORTAL_REQUESTS},
        "tariff": {"code": "demo", "name": "Demo"},
        "capabilities": {"entities": key.kind != "management"},
        "expiresAt": None,
        "auth": {"header": "X-Api-Key"},
        "api": {
            "_rules": ["Use camelCase names", "Prefer batch"],
            "entityApi": _entity_api(gateway, call),
            "batch": {"endpoint": "POST /v1/batch"},
        },
        "errorCodes": {"RATE_LIMITED": 429, "SCOPE_DENIED": 403, "BITRIX_ERROR": 422},
    }
    if key.kind == "oauth_app":
        data["app"] = {"title": "Demo app", "id": 1}
    return success(data)


def guide(gateway: Gateway, call: Call) -> Reply:
    """`GET /v1/guide`, in short."""
    if call.method != "GET" or len(call.segments) > 1:
        raise no_route()
    return success(
        {"entityApi": {"description": "One set of operations for all entities"} | _entity_api(gateway, call)}
    )


def _entity_api(gateway: Gateway, call: Call) -> Json:
    offered = [entity for entity in gateway.registry if entity.ops and may_use(call.key, entity)]
    paths = {entity.path: f"/v1/{entity.path}" for entity in offered if not entity.path.startswith("items/")}
    if "crm" in call.key.scopes:
        paths["items"] = "/v1/items/:entityTypeId"
    return {"entities": paths, "operations": _OPERATIONS, "docs": {}}
