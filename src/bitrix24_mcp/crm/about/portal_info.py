"""Whose eyes the answers come from: portal, user, scopes, clock, currencies, and what is left of the requests."""

from collections.abc import Mapping
from typing import Any

from bitrix24_mcp.crm.about.parts import Parts
from bitrix24_mcp.crm.catalogue.scopes import closed
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Currency, Identity, RateLimits
from bitrix24_mcp.crm.text import plain

OWN_EYES = "Answers cover only what this user may see in Bitrix24: lists, counts and sums leave out the rest."


async def portal_info(portal: Portal, metadata: Metadata, tools: Mapping[str, str]) -> dict[str, Any]:
    """What the portal says of itself and of the key, read anew; what it did not say is left out.

    `tools` gives the scope of each offered tool. `now` is in the portal's zone, `resets_in` in seconds. A key that
    the portal refuses is an error; a part that it may not read is named in `not_read`.
    """
    identity, parts = await portal.identity(), Parts()
    zone, source = await metadata.zone_and_source()
    currencies = await parts.read("currencies", metadata.currencies(), ())
    told = {
        "portal": identity.portal,
        "user": await _user(identity, metadata),
        "note": OWN_EYES if identity.admin is False else "",
        "key_type": identity.key_type,
        "access_mode": identity.access_mode,
        "scopes": list(identity.scopes),
        "tools_unavailable": _closed(identity, tools),
        "time_zone": {"name": str(zone), "from": source},
        "now": portal.now().astimezone(zone).isoformat(timespec="seconds"),
        **_money(currencies),
        "requests": _requests(portal.limits(), identity),
        "not_read": parts.not_read,
    }
    return {name: value for name, value in told.items() if value or name == "tools_unavailable"}


def _closed(identity: Identity, tools: Mapping[str, str]) -> list[dict[str, Any]] | None:
    return closed(identity.scopes, tools, directly=identity.direct) if identity.scopes else None


async def _user(identity: Identity, metadata: Metadata) -> dict[str, Any]:
    if identity.user_id is None:
        return {}
    name = plain((await metadata.users([identity.user_id])).get(identity.user_id, ""))
    admin = {} if identity.admin is None else {"admin": identity.admin}
    return {"id": identity.user_id, **({"name": name} if name else {}), **admin}


def _money(currencies: tuple[Currency, ...]) -> dict[str, Any]:
    base = next((each.code for each in currencies if each.base), "")
    return {"currencies": {each.code: plain(each.name) for each in currencies}, "base_currency": base}


def _requests(limits: RateLimits, identity: Identity) -> dict[str, int]:
    told = {
        "limit": limits.limit,
        "remaining": limits.remaining,
        "resets_in": limits.resets_in,
        "per_second": identity.per_second,
    }
    return {name: number for name, number in told.items() if number is not None}
