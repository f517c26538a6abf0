"""Tokens from an authorisation server: for a one-time code, or for a refresh token (docs: settings/oauth).

The client secret goes only there, and only to servers that are on the list of the application's card.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio

from bitrix24_mcp.accounts.account import Grant, Tokens
from bitrix24_mcp.accounts.addresses import is_loopback, origin
from bitrix24_mcp.crm.errors import (
    InvalidArguments,
    KeyRefused,
    PermissionRefused,
    PortalError,
    PortalUnavailable,
    RequestRefused,
    UnexpectedAnswer,
)
from bitrix24_mcp.sending.authorities import authorities
from bitrix24_mcp.sending.bodies import json_object
from bitrix24_mcp.sending.quiet import keep_quiet

if TYPE_CHECKING:
    from bitrix24_mcp.accounts.card import Card

keep_quiet()  # the address holds the client secret, as Bitrix24 asks for it there

SPENT = "INVALID_GRANT"
"""The server's code for a one-time code or a refresh token that was used, or is too old."""
_PATIENCE = 20.0
"""Seconds for a whole answer: others wait for the lock under which it is asked for."""
_CONNECT_PATIENCE = 10.0
_SECRET = "Compare BITRIX24_CLIENT_ID and BITRIX24_CLIENT_SECRET with the application's card in the portal."  # noqa: S105 - words about it
_INSTALL = "Install the application on the portal, then connect again."
_REFUSALS: Mapping[str, tuple[type[PortalError], str, str]] = {
    "INVALID_CLIENT": (
        KeyRefused,
        "The authorisation server refused the client secret, or the application is not installed on the portal.",
        f"{_SECRET} {_INSTALL}",
    ),
    "WRONG_CLIENT": (KeyRefused, "The authorisation server does not know the client id.", _SECRET),
    "INVALID_SCOPE": (
        PermissionRefused,
        "The application asks for more than its card allows.",
        "Tick the scopes in the application's card, then connect again.",
    ),
    "INSUFFICIENT_SCOPE": (
        PermissionRefused,
        "The application asks for more than its card allows.",
        "Tick the scopes in the application's card, then connect again.",
    ),
    "NOT_INSTALLED": (PermissionRefused, "The application is not installed on the portal.", _INSTALL),
    "PAYMENT_REQUIRED": (
        PermissionRefused,
        "The portal's subscription, or that of the application, has ended.",
        "Ask a portal administrator to renew it.",
    ),
}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,59}")
_VISIBLE = re.compile(r"[!-~]+")
_PERSON = re.compile(r"[1-9][0-9]{0,17}")
_SCOPE = re.compile(r"[\w.:-]{1,60}", re.ASCII)


class Exchange:
    """Asks authorisation servers in the name of one application. Every request is made once: none may be repeated."""

    def __init__(self, card: Card) -> None:
        self._card = card

    async def grant(self, host: str, code: str) -> Grant:
        """The tokens for a one-time code; InvalidArguments when it was used before or is older than 30 seconds."""
        try:
            return await self._ask(host, {"grant_type": "authorization_code", "code": code})
        except KeyRefused as error:
            if error.code != SPENT:
                raise
        raise InvalidArguments(
            "The portal's one-time code was used before, or is older than 30 seconds.",
            advice="Start again with `bitrix24-mcp connect`.",
            code=SPENT,
        )

    async def renew(self, host: str, tokens: Tokens) -> Grant:
        """A new pair for the old one, which is spent then; KeyRefused with the code SPENT when it already is."""
        return await self._ask(host, {"grant_type": "refresh_token", "refresh_token": tokens.refresh})

    async def _ask(self, host: str, what: Mapping[str, str]) -> Grant:
        if not self._card.trusts(host):
            raise PermissionRefused(
                "The authorisation server is not one that may be given the client secret.",
                advice="If it is yours, name it in BITRIX24_MCP_AUTHORIZATION_HOSTS.",
                code="UNTRUSTED_HOST",
            )
        status, body = await self._get(host, what)
        answer = json_object(body)
        if status < 300 and answer is not None and "error" not in answer:
            return _grant(answer)
        raise _refusal(status, answer)

    async def _get(self, host: str, what: Mapping[str, str]) -> tuple[int, bytes]:
        import httpx  # noqa: PLC0415 - only who asks waits for it

        card = {"client_id": self._card.client_id, "client_secret": self._card.client_secret}
        patience = httpx.Timeout(_PATIENCE, connect=_CONNECT_PATIENCE)
        away = not is_loopback(host)
        try:
            with anyio.fail_after(_PATIENCE):
                async with httpx.AsyncClient(
                    timeout=patience, trust_env=away, verify=authorities(trust_env=away)
                ) as http:
                    answer = await http.get(
                        f"{origin(host)}/oauth/token/", params={**what, **card}, headers={"Accept": "application/json"}
                    )
        except (httpx.TimeoutException, TimeoutError):
            raise PortalUnavailable(
                "The authorisation server did not answer in time.", advice="Try again later.", code="PORTAL_TIMEOUT"
            ) from None
        except httpx.TransportError:
            raise PortalUnavailable(
                "The authorisation server cannot be reached.",
                advice="Check the network, then try again.",
                code="PORTAL_UNREACHABLE",
            ) from None
        except (httpx.InvalidURL, ImportError, OSError, ValueError):  # whichever way a setting is wrong
            raise PortalUnavailable(
                "The authorisation server cannot be asked: there is none of that name, or this machine's proxy or "
                "certificates cannot be used.",
                advice="Check BITRIX24_MCP_AUTHORIZATION_HOSTS, HTTPS_PROXY and SSL_CERT_FILE.",
                code="PORTAL_UNREACHABLE",
            ) from None
        except httpx.DecodingError:
            return 200, b""
        return answer.status_code, answer.content


def _refusal(status: int, answer: Mapping[str, Any] | None) -> PortalError:
    """`error` decides, not the status: an unknown client is refused with 200."""
    code = str((answer or {}).get("error", "")).upper()
    if code == SPENT:
        return KeyRefused("The tokens are spent.", advice="Connect the portal again.", code=SPENT)
    if code in _REFUSALS:
        kind, what, advice = _REFUSALS[code]
        return kind(what, advice=advice, code=code)
    if status >= 500 or status == 429:
        return PortalUnavailable(
            "The authorisation server is out of order.", advice="Try again in a minute.", code=f"HTTP_{status}"
        )
    if answer is None or "error" not in answer:
        return unexpected()
    known = code if _CODE.fullmatch(code) else f"HTTP_{status}"
    return RequestRefused("The authorisation server refused the request.", advice=_SECRET, code=known)


def unexpected() -> UnexpectedAnswer:
    """The error for an answer of an authorisation server that is none."""
    return UnexpectedAnswer(
        "The authorisation server answered in a form that its contract does not know.",
        advice="Try again; if it stays so, check BITRIX24_MCP_AUTHORIZATION_HOSTS.",
        code="UNEXPECTED_ANSWER",
    )


def _grant(answer: Mapping[str, Any]) -> Grant:
    """`domain` is not looked at: here it names the authorisation server, and elsewhere the portal."""
    access, refresh, member, endpoint = (
        answer.get(key) for key in ("access_token", "refresh_token", "member_id", "client_endpoint")
    )
    texts = [text for text in (access, refresh, member, endpoint) if isinstance(text, str) and _VISIBLE.fullmatch(text)]
    if len(texts) != 4:
        raise unexpected()
    scopes = str(answer.get("scope") or "").replace(",", " ").split()
    return Grant(
        tokens=Tokens(texts[0], texts[1]),
        member_id=texts[2],
        client_endpoint=texts[3],
        scopes=tuple(sorted(scope for scope in scopes if _SCOPE.fullmatch(scope))),
        user_id=person(answer.get("user_id")),
    )


def person(told: object) -> int | None:
    """The id of a person, if what a server says is one."""
    return int(str(told)) if _PERSON.fullmatch(str(told)) else None
