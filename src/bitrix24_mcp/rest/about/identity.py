"""Whose eyes the answers come from (profile, scope, user.current)."""

from typing import Any, cast

from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.portal_values import Identity
from bitrix24_mcp.rest.access.protocol import Access
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import listed
from bitrix24_mcp.rest.calling.errors import rest_closed
from bitrix24_mcp.rest.calling.forms import known_form, text, whole_number
from bitrix24_mcp.rest.calling.lists import Lists
from bitrix24_mcp.rest.reading.values import flag
from bitrix24_mcp.sending.failures import unexpected

_PROFILE, _SCOPE, _CURRENT = RestCall("profile"), RestCall("scope"), RestCall("user.current")


async def identity(access: Access, lists: Lists, per_second: int) -> Identity:
    """The portal, the granted scopes, and the user: `profile` and `scope` in one request.

    `per_second`: requests a second that the portal takes for long.

    Both are open to everybody, so that a refusal means REST as a whole.
    """
    try:
        profile, scope = await lists.answers(_PROFILE, _SCOPE)
    except PermissionRefused as refused:
        raise (rest_closed() if refused.code == "ACCESS_DENIED" else refused) from None
    user = profile.record()
    with known_form():
        return Identity(
            portal=access.portal,
            scopes=_scopes(scope.result),
            access_mode="",
            user_id=whole_number(user.get("ID")),
            key_type=access.kind,
            per_second=per_second,
            admin=flag(user.get("ADMIN")),
        )


async def time_zone(lists: Lists) -> str:
    """The user's zone by `profile`, else by `user.current`; empty when neither says, or the latter is not allowed."""
    [profile] = await lists.answers(_PROFILE)
    if zone := text(profile.record(), "TIME_ZONE"):
        return zone
    [current] = await lists.answers(_CURRENT)
    return text(current.record(), "TIME_ZONE")


def _scopes(result: Any) -> tuple[str, ...]:
    scopes = listed(result)
    if not isinstance(scopes, list):
        raise unexpected("The portal sent no list of scopes.")
    return tuple(str(scope) for scope in cast("list[Any]", scopes))
