"""The one exception of the gateway: a code, a status and a message (docs/errors)."""

from __future__ import annotations

_STATUS = {
    "ACCESS_DENIED": 403,
    "BITRIX_ACCESS_DENIED": 403,
    "BITRIX_ERROR": 422,
    "BITRIX_UNAVAILABLE": 502,
    "ENTITY_NOT_FOUND": 404,
    "ERROR_LOOP_DETECTED": 429,
    "INTERNAL_ERROR": 500,
    "INVALID_API_KEY": 401,
    "INVALID_APP_KEY": 401,
    "INVALID_SESSION": 401,
    "KEY_EXPIRED": 401,
    "KEY_INACTIVE": 401,
    "MANAGEMENT_KEY_NO_ENTITY_ACCESS": 403,
    "MISSING_API_KEY": 401,
    "NOT_FOUND": 404,
    "QUEUE_TIMEOUT": 504,
    "RATE_LIMITED": 429,
    "SCOPE_DENIED": 403,
    "SCOPE_NOT_ALLOWED": 403,
    "SMART_PROCESS_NOT_FOUND": 404,
    "TOKEN_MISSING": 401,
    "UPDATE_FAILED": 403,
    "WINDOWED_SEARCH_FAILED": 502,
    "WRITE_BLOCKED": 403,
}


class GatewayError(Exception):
    """A refusal in the gateway's own terms; codes not listed above are 400."""

    def __init__(self, code: str, message: str, *, hint: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retry_after = retry_after
        self.status = _STATUS.get(code, 400)

    def as_json(self) -> dict[str, object]:
        """The `error` object of the envelope."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.hint:
            error["hint"] = self.hint
        if self.retry_after is not None:
            error["retryAfter"] = self.retry_after
        return error


def bad_params(message: str) -> GatewayError:
    """The 400 that most wrong values get."""
    return GatewayError("INVALID_PARAMS", message)


class FieldRefused(Exception):
    """A value that fits its field and that the portal does not take all the same; each door has its own words."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name
        self.reason = reason
