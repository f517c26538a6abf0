"""Who calls and what the call may do: `profile`, `scope`, `method.get`, `server.time`, `app.info`, `user.admin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Slice, equals
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.credentials import ALL_SCOPES

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call

_BASIC: tuple[str, ...] = ()  # scope `basic`, which every credential has


def _profile(call: Call) -> Result:
    """The caller in short; nothing at all when the person was dismissed (profile)."""
    names = ("name", "lastName", "timeZone", "active")
    row = call.portal.database.rows("users", names, equals("id", call.caller.user_id), Slice("id", 1))[0]
    if not row["active"]:
        return Result([])
    return Result(
        {
            "ID": str(call.caller.user_id),
            "ADMIN": call.caller.admin,
            "NAME": row["name"],
            "LAST_NAME": row["lastName"],
            "PERSONAL_GENDER": "",
            "TIME_ZONE": row["timeZone"],
        }
    )


def _scope(call: Call) -> Result:
    """What the credential may use; with `full` what the portal offers at all (scope)."""
    full = str(call.params.get("full", "")).lower() in ("1", "true", "y")
    return Result(sorted(ALL_SCOPES if full else call.caller.scopes))


def _method_get(call: Call) -> Result:
    """Whether there is such a method, and whether this credential may call it (method.get)."""
    from bitrix24_mcp.demo.rest.methods import METHODS  # noqa: PLC0415 - this module is one of those gathered there

    method = METHODS.get(str(call.params.get("name", "")).lower())
    open_to_all = method is not None and (not method.scopes or not call.caller.scopes.isdisjoint(method.scopes))
    return Result({"isExisting": method is not None, "isAvailable": open_to_all})


def _server_time(_call: Call) -> Result:
    return Result(times.NOW.isoformat())


def _app_info(call: Call) -> Result:
    """The application that calls; a webhook is none (app.info)."""
    if not call.caller.application:
        raise RestError("ACCESS_DENIED", "Access denied! Application context required", 403)
    return Result(
        {
            "ID": 1,
            "CODE": "local.demo.app",
            "VERSION": 1,
            "STATUS": "L",
            "INSTALLED": True,
            "PAYMENT_EXPIRED": "N",
            "DAYS": None,
            "LANGUAGE_ID": "ru",
            "LICENSE": "ru_demo",
            "LICENSE_TYPE": "demo",
            "LICENSE_FAMILY": "ent" if call.portal.switches.rest.enterprise else "basic",
        }
    )


def _user_admin(call: Call) -> Result:
    return Result(call.caller.admin)


METHODS = {
    "profile": Method(_BASIC, _profile),
    "scope": Method(_BASIC, _scope),
    "method.get": Method(_BASIC, _method_get),
    "server.time": Method(_BASIC, _server_time),
    "app.info": Method(_BASIC, _app_info),
    "user.admin": Method(_BASIC, _user_admin),
}
