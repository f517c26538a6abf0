"""Whose eyes an account has: the portal is asked once, after connecting (profile)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import anyio

from bitrix24_mcp.accounts.addresses import host_of, is_loopback
from bitrix24_mcp.accounts.exchange import person
from bitrix24_mcp.sending.authorities import authorities

if TYPE_CHECKING:
    from bitrix24_mcp.accounts.account import Grant

_PATIENCE = 10.0


async def who_gave(grant: Grant) -> int | None:
    """The id of the user with whose rights these tokens call; None when the portal does not say it at once."""
    import httpx  # noqa: PLC0415 - only who asks waits for it

    away = not is_loopback(host_of(grant.client_endpoint))
    try:
        with anyio.fail_after(_PATIENCE):
            async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=away, verify=authorities(trust_env=away)) as http:
                answer = await http.post(f"{grant.client_endpoint}profile", json={"auth": grant.tokens.access})
    except (httpx.RequestError, TimeoutError):
        return None
    return _id(answer.content)


def _id(body: bytes) -> int | None:
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    told = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    result = told.get("result")
    if "error" in told or not isinstance(result, dict):
        return None
    return person(cast("dict[str, Any]", result).get("ID"))
