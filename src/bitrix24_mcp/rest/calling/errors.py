"""REST's refusals as errors of the CRM."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

from bitrix24_mcp.crm.errors import (
    InvalidArguments,
    KeyRefused,
    PermissionRefused,
    PortalError,
    PortalUnavailable,
    RequestRefused,
    UnexpectedAnswer,
)
from bitrix24_mcp.rest.access.protocol import Kind
from bitrix24_mcp.rest.calling.advice import ADMINISTRATORS_ONLY, HTTPS_ONLY, KNOWN, NO_REST_IN_PLAN, Entry, either
from bitrix24_mcp.sending.failures import ATTEMPTS, REQUEST_TIMEOUT, Failure
from bitrix24_mcp.sending.words import Secrets, harmless

RATE = "QUERY_LIMIT_EXCEEDED"
OPERATING = "OPERATION_TIME_LIMIT"
RENEWABLE = frozenset({"EXPIRED_TOKEN", "INVALID_TOKEN"})
"""Codes of a token that may be renewed, which an application tries once."""
_PASSING: Mapping[str, int] = {
    RATE: 5,
    "INTERNAL_SERVER_ERROR": 2,
    "ERROR_UNEXPECTED_ANSWER": 2,
    "CONNECTION_ERROR": 3,
}
"""How often a call that is refused with this code is made in all; every other code stays."""
_NOT_ADMITTED = frozenset({RATE, OPERATING, "OVERLOAD_LIMIT", "PORTAL_DELETED"})
"""Codes of a call that was turned away before anybody worked on it, whatever status they come with."""
_EXPLAINED = frozenset({"INVALID_REQUEST", "INVALID_ARG_VALUE", "ERROR_CORE", "INSUFFICIENT_SCOPE"})
"""Known codes whose description names the cause; for the others our own words say more and can leak nothing."""
_SCOPES: Mapping[str, str] = {
    "bizproc": "bizproc", "calendar": "calendar", "catalog": "catalog", "crm": "crm", "department": "department",
    "disk": "disk", "sale": "sale", "sonet_group": "sonet_group", "tasks": "task", "user": "user",
}  # fmt: skip
"""What a method needs, by the first part of its name (docs: api-reference/scopes/permissions)."""
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,59}")
_NAMELESS = "REFUSED_WITHOUT_CODE"
_BY_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"method not found", re.IGNORECASE), "ERROR_METHOD_NOT_FOUND"),
    (re.compile(r"not found|не найден|nicht gefunden", re.IGNORECASE), "NOT_FOUND"),
    (
        re.compile(
            r"access (?:is )?denied|permission denied|no access to|доступ запрещ|отказано в доступе|нет доступа"
            r"|нет прав|недостаточно прав|zugriff verweigert",
            re.IGNORECASE,
        ),
        "ACCESS_DENIED",
    ),
)
"""What an empty or numeric code means, by its description, which may be in the portal's language."""
_SPECIAL: tuple[tuple[str, re.Pattern[str], Entry], ...] = (
    ("INVALID_REQUEST", re.compile(r"https", re.IGNORECASE), HTTPS_ONLY),
    ("ACCESS_DENIED", re.compile(r"tariff|тариф|commercial|REST( API)? is avail", re.IGNORECASE), NO_REST_IN_PLAN),
    ("ACCESS_DENIED", re.compile(r"admin|админ", re.IGNORECASE), ADMINISTRATORS_ONLY),
    ("ACCESS_DENIED", re.compile(r"application context", re.IGNORECASE), KNOWN["WRONG_AUTH_TYPE"]),
)
"""Codes that mean several things, told apart by the description."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the portal said: its code in upper case (empty = none that is a code), and its description.

    `status`: that of the HTTP answer; 0 for a command of a batch, which has none.
    """

    code: str
    description: str
    status: int = 0

    @property
    def sure(self) -> bool:
        """Whether what was refused was surely not carried out: it was turned away, and no fault of the server."""
        if self.code in _NOT_ADMITTED:
            return True
        return self.code not in _PASSING and self.status < 500

    @property
    def attempts(self) -> int:
        """How often the same call is worth making in all."""
        return _PASSING.get(self.code, 1)

    def error(self, kind: Kind, secrets: Secrets | None = None, method: str = "") -> PortalError:
        """The error that this refusal means to the user of a webhook or of an application; it tells no secret."""
        if self.code == "INSUFFICIENT_SCOPE" and (scope := scope_of(method)):
            return no_scope(scope, kind)
        entry = next((e for code, text, e in _SPECIAL if code == self.code and text.search(self.description)), None)
        known = entry or KNOWN.get(self.code)
        error, what, webhook, oauth = known or either(
            RequestRefused, "Bitrix24 refused the request.", "Change the arguments."
        )
        told = harmless(self.description, secrets) if not known or (not entry and self.code in _EXPLAINED) else ""
        return error(
            f"{what} It says: “{told}”" if told else what,
            advice=webhook if kind == "webhook" else oauth,
            code=self.code if self.code and (not secrets or secrets.hide(self.code) == self.code) else _NAMELESS,
        )


def refusal_of(told: Any, status: int = 0) -> Refusal:
    """The refusal in an envelope that came with a status, or in the place of one command of a batch."""
    held = cast("Mapping[str, Any]", told) if isinstance(told, dict) else {"error": told}
    code, description = held.get("error"), held.get("error_description")
    if isinstance(code, dict):  # the form of REST 3.0
        inner = cast("Mapping[str, Any]", code)
        code, description = inner.get("code"), inner.get("message")
    said = _text(code).strip()
    if _CODE.fullmatch(said.upper()):
        return Refusal(said.upper(), _text(description), status)
    text = _text(description) or said  # some pages of the docs print the text in the place of the code
    return Refusal(next((code for pattern, code in _BY_TEXT if pattern.search(text)), ""), text, status)


def without_envelope(status: int) -> Failure:
    """What an HTTP error means whose body is no envelope, such as a page of the web server in front of the portal."""
    code = f"HTTP_{status}"
    if status == 429:
        busy = PortalUnavailable(
            "The portal is over its request limit.",
            advice="Try again in a minute; fewer calls at once help.",
            code=code,
        )
        return Failure(busy, attempts=ATTEMPTS, sure=True)
    if status >= 500:
        failed = PortalUnavailable("The portal failed or is overloaded.", advice="Try again in a minute.", code=code)
        return Failure(failed, attempts=ATTEMPTS)
    foreign = UnexpectedAnswer(
        "The address answers, but not as Bitrix24's REST does.",
        advice="Check the portal's address; `bitrix24-mcp doctor` tests it.",
        code=code,
    )
    return Failure(foreign, sure=status != REQUEST_TIMEOUT)


def moved(kind: Kind) -> KeyRefused:
    """The error for a portal that has moved to an address where its secret is not sent unasked."""
    return KeyRefused(
        "The portal says that it has moved to an address that is not surely its own.",
        advice="Copy the webhook's new address from the portal and set it as BITRIX24_WEBHOOK_URL."
        if kind == "webhook"
        else "Run `bitrix24-mcp connect` with the portal's new address.",
        code="PORTAL_MOVED",
    )


def rest_closed() -> PermissionRefused:
    """The error for a portal that refuses even what is open to everybody (docs: error-codes)."""
    return PermissionRefused(
        "The portal does not open REST to this user: its plan does not include REST, or an administrator closed it.",
        advice="Ask a portal administrator whether the plan includes REST and who may use it.",
        code="ACCESS_DENIED",
    )


def no_scope(scope: str, kind: Kind) -> PermissionRefused:
    """The error for a scope that was not granted."""
    _, _, webhook, oauth = KNOWN["INSUFFICIENT_SCOPE"]
    what, advice = ("webhook", webhook) if kind == "webhook" else ("application", oauth)
    return PermissionRefused(f"The {what} lacks the scope {scope}.", advice=advice, code="INSUFFICIENT_SCOPE")


def scope_of(method: str) -> str:
    """What a method needs: the scope is the first part of its name; empty where it is not known."""
    scope = method.partition(".")[0].lower()
    return _SCOPES.get(scope, "")


def misread() -> InvalidArguments:
    """The error for words that a batch would take for a reference to another result."""
    return InvalidArguments(
        "The portal would not search for “$result[” but put another answer in its place.",
        advice="Search for a part of the text without it.",
        code="UNSUPPORTED_FILTER",
    )


def used_up(seconds: float) -> PortalUnavailable:
    """The error for a method whose time at the portal is spent, and how long that lasts."""
    minutes = max(1, ceil(seconds / 60))
    return PortalUnavailable(
        "The portal's time for this kind of request is used up.",
        advice=f"Try again in {minutes} minute{'' if minutes == 1 else 's'}; narrower requests take less of it.",
        code=OPERATING,
    )


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
