"""The gateway's refusals as errors of the CRM, each with what to do about it (docs/errors)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bitrix24_mcp.crm.errors import (
    InvalidArguments,
    KeyRefused,
    NotFound,
    PermissionRefused,
    PortalError,
    PortalUnavailable,
    RequestRefused,
)
from bitrix24_mcp.sending.words import harmless

TRANSIENT = frozenset(
    {
        "RATE_LIMITED",
        "QUEUE_TIMEOUT",
        "QUEUE_OVERFLOW",
        "OPERATION_TIME_LIMIT",
        "TIMEOUT_QUARANTINE",
        "BITRIX_TIMEOUT",
        "AUTO_PAGINATION_FAILED",
        "BITRIX_UNAVAILABLE",
        "WINDOWED_SEARCH_FAILED",
        "INTERNAL_ERROR",
    }
)
"""Codes that the contract calls passing: the same request may succeed later."""

_NEW_KEY = "Create a key in the VibeCode console and set it as VIBECODE_API_KEY; `bitrix24-mcp doctor` checks it."
_SCOPE = "Issue a new key with that scope; a scope added to an existing key does not take effect."
_RIGHTS = "Ask a portal administrator for the right, or use the key of a user who has it."
_LATER = "Try again in a minute; fewer calls at once help."

_ADVICE: Mapping[str, tuple[type[PortalError], str, str]] = {
    "MISSING_API_KEY": (KeyRefused, "The portal got no key.", _NEW_KEY),
    "INVALID_API_KEY": (KeyRefused, "The portal does not know this key.", _NEW_KEY),
    "KEY_INACTIVE": (KeyRefused, "This key was revoked.", _NEW_KEY),
    "KEY_EXPIRED": (KeyRefused, "This key has expired.", _NEW_KEY),
    "INVALID_APP_KEY": (KeyRefused, "An app key needs a user's session.", "Set VIBECODE_SESSION_TOKEN beside the key."),
    "TOKEN_MISSING": (
        KeyRefused,
        "The key has no Bitrix24 session behind it.",
        "With a vibe_app_ key set VIBECODE_SESSION_TOKEN; a personal key must be issued anew.",
    ),
    "TOKEN_EXPIRED": (KeyRefused, "The session has expired.", "Sign in again and set the new VIBECODE_SESSION_TOKEN."),
    "TOKEN_REFRESH_FAILED": (KeyRefused, "The session could not be renewed.", "Sign in again."),
    "INVALID_SESSION": (KeyRefused, "The portal does not know this session.", "Set a valid VIBECODE_SESSION_TOKEN."),
    "SESSION_APP_MISMATCH": (KeyRefused, "Session and key belong to different apps.", "Use those of one app."),
    "WRONG_KEY_TYPE": (KeyRefused, "This kind of key does not open the portal.", "Use a vibe_api_ or vibe_app_ key."),
    "MANAGEMENT_KEY_NO_ENTITY_ACCESS": (
        KeyRefused,
        "A management key does not open portal data.",
        "Use a vibe_api_ or vibe_app_ key.",
    ),
    "IP_NOT_ALLOWED": (PermissionRefused, "The key does not allow this machine's address.", "Add it to the key."),
    "SCOPE_DENIED": (PermissionRefused, "The key lacks the scope for this.", _SCOPE),
    "SCOPE_NOT_ALLOWED": (PermissionRefused, "The key lacks the scope for this.", _SCOPE),
    "BITRIX_ACCESS_DENIED": (PermissionRefused, "Bitrix24 does not let this user see or do that.", _RIGHTS),
    "ACCESS_DENIED": (PermissionRefused, "Bitrix24 does not let this user see or do that.", _RIGHTS),
    "WRITE_BLOCKED": (
        PermissionRefused,
        "This key is read-only.",
        "Changes need a key with access mode READWRITE; create one in the VibeCode console.",
    ),
    "OAUTH_REQUIRED": (PermissionRefused, "This needs an app key with a user's session.", "Use a vibe_app_ key."),
    "RATE_LIMITED": (PortalUnavailable, "The portal is over its request limit.", _LATER),
    "ERROR_LOOP_DETECTED": (
        RequestRefused,
        "The gateway blocks this call because it has failed many times.",
        "Change the arguments before asking again.",
    ),
    "QUEUE_TIMEOUT": (PortalUnavailable, "The portal's queue is full.", _LATER),
    "QUEUE_OVERFLOW": (PortalUnavailable, "The portal's queue is full.", _LATER),
    "OPERATION_TIME_LIMIT": (PortalUnavailable, "Bitrix24's time for this kind of request is used up.", _LATER),
    "TIMEOUT_QUARANTINE": (PortalUnavailable, "Bitrix24 answers this kind of request too slowly.", _LATER),
    "BITRIX_TIMEOUT": (PortalUnavailable, "Bitrix24 took too long.", "Narrow the question or try again later."),
    "AUTO_PAGINATION_FAILED": (PortalUnavailable, "The gateway could not read all pages.", "Narrow the question."),
    "BITRIX_UNAVAILABLE": (PortalUnavailable, "Bitrix24 does not answer the gateway.", "Try again in a minute."),
    "WINDOWED_SEARCH_FAILED": (PortalUnavailable, "The gateway could not read the period.", "Narrow the dates."),
    "INTERNAL_ERROR": (PortalUnavailable, "The gateway failed.", "Try again; if it stays so, narrow the question."),
    "ENTITY_NOT_FOUND": (NotFound, "The portal has no such record.", "Check the id."),
    "NOT_FOUND": (NotFound, "The portal has no such record or page.", "Check the id."),
    "SMART_PROCESS_NOT_FOUND": (NotFound, "The portal has no such smart process.", "Call list_smart_processes."),
    "MISSING_REQUIRED_FILTER": (InvalidArguments, "The portal needs another condition.", "Add it to the filter."),
    "INVALID_FILTER_OPERATOR": (InvalidArguments, "The portal does not know the operator.", "Change the filter."),
    "INVALID_FILTER_FIELD": (InvalidArguments, "The portal cannot filter by that field.", "Change the filter."),
    "INVALID_FILTER": (InvalidArguments, "The portal cannot read the filter.", "Change the filter."),
    "UNKNOWN_SORT_FIELD": (InvalidArguments, "The portal cannot sort by that field.", "Change the sort."),
    "INVALID_SORT_TYPE": (InvalidArguments, "The portal cannot read the sort.", "Change the sort."),
    "INVALID_SORT_DIRECTION": (InvalidArguments, "The portal cannot read the sort.", "Change the sort."),
    "UNSTABLE_OFFSET_PAGINATION": (RequestRefused, "The portal cannot page this.", "Sort by id, or narrow the dates."),
    "INVALID_AGGREGATION_OP": (RequestRefused, "The portal does not know this figure.", "Change measures."),
    "INVALID_DYNAMIC_PARAM": (InvalidArguments, "This is no smart process.", "Call list_smart_processes."),
    "RESERVED_ENTITY_TYPE": (InvalidArguments, "This is no smart process.", "Name the entity, such as deals."),
    "INVALID_PARAMS": (RequestRefused, "The portal refused the request.", "Change the arguments."),
    "INVALID_REQUEST": (RequestRefused, "The portal refused the request.", "Change the arguments."),
    "VALIDATION_ERROR": (RequestRefused, "The portal refused the request.", "Change the arguments."),
    "BITRIX_ERROR": (RequestRefused, "Bitrix24 refused the request.", "Change the arguments."),
}
_BY_STATUS: Mapping[int, tuple[type[PortalError], str, str]] = {
    401: (KeyRefused, "The portal refused the key.", _NEW_KEY),
    403: (PermissionRefused, "The portal refused access.", _RIGHTS),
    404: (NotFound, "The portal has no such record or page.", "Check the id."),
    429: (PortalUnavailable, "The portal asks for patience.", _LATER),
}
LASTING = (
    frozenset(
        {
            "ACTION_NOT_SUPPORTED",
            "ALREADY_EXISTS",
            "BATCH_LIMIT_EXCEEDED",
            "CONFLICT",
            "ENTITY_CUSTOM_ROUTES",
            "INVALID_CALL",
            "INVALID_ID",
            "MANAGEMENT_KEY_READ_ONLY",
            "MANAGEMENT_SCOPE_REQUIRED",
            "MISSING_DYNAMIC_PARAM",
            "MISSING_ENTITY_ID",
            "MISSING_FIELD",
            "MISSING_PARAMS",
            "READONLY_FIELD",
            "UNKNOWN_ENTITY",
            "UPDATE_FAILED",
            "USE_DEDICATED_ENTITY",
            "WAITLIST_PENDING",
            *_ADVICE,
        }
    )
    - TRANSIENT
)
"""Codes of which the contract says that they stay until the request is mended, so that nothing was carried out."""
_EXPLAINED = frozenset(
    {
        "INVALID_PARAMS",
        "INVALID_REQUEST",
        "VALIDATION_ERROR",
        "BITRIX_ERROR",
        "INVALID_FILTER_FIELD",
        "INVALID_FILTER",
        "UNKNOWN_SORT_FIELD",
        "MISSING_REQUIRED_FILTER",
        "SCOPE_DENIED",
    }
)
"""Codes whose message names the cause; for all others our own words say more and can leak nothing."""
_NO_RECORD = "ENTITY_NOT_FOUND"
_NOT_FOUND = re.compile(r"not found\.?", re.IGNORECASE)
"""How Bitrix24 says of a timeline comment that there is none (docs/entities/timelines)."""
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,59}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the gateway said: HTTP status, its code, its message, and the seconds it asks to wait (None = not said).

    `calls`: of a batch in which every call failed, what it said of each by id.
    """

    status: int
    code: str
    message: str
    retry_after: float | None
    calls: Mapping[str, Any] | None = None

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in TRANSIENT or (self.code not in _ADVICE and self.status in {429, 502, 503, 504})

    def error(self) -> PortalError:
        """The error that this refusal means to a caller."""
        if self.code == "BITRIX_ERROR" and _NOT_FOUND.fullmatch(self.message.strip()):
            return replace(self, code=_NO_RECORD).error()
        kind, what, advice = _ADVICE.get(self.code) or _BY_STATUS.get(self.status) or self._unknown()
        told = f" It says: “{told}”" if self.code in _EXPLAINED and (told := harmless(self.message)) else ""
        return kind(
            f"{what}{told}", advice=advice, code=self.code if _CODE.fullmatch(self.code) else f"HTTP_{self.status}"
        )

    def _unknown(self) -> tuple[type[PortalError], str, str]:
        if self.status >= 500:
            return PortalUnavailable, "The gateway failed.", "Try again in a minute."
        return RequestRefused, "The portal refused the request.", "Change the arguments."
