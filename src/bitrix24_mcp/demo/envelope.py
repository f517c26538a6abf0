"""From a reply, an error or a fault to bytes, status and headers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.calls import Reply
from bitrix24_mcp.demo.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.faults import Fault

_JSON = "application/json; charset=utf-8"
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Login</title></head><body><form>Please log in</form></body></html>"
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    code: str | None = None  # the error code, for the error loop


def from_reply(reply: Reply) -> Answer:
    """The JSON of a reply, or nothing for 204."""
    if reply.payload is None:
        return Answer(reply.status)
    return Answer(reply.status, _bytes(reply.payload), {"Content-Type": _JSON})


def from_error(error: GatewayError, extra: dict[str, object] | None = None) -> Answer:
    """The error envelope; `Retry-After` repeats what the body says."""
    payload: dict[str, object] = {"success": False, "error": error.as_json(), **(extra or {})}
    headers = {"Content-Type": _JSON}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Answer(error.status, _bytes(payload), headers, error.code)


def from_fault(fault: Fault, url: str, key: str) -> Answer | None:
    """What an injected fault answers; nothing when the connection is to be cut."""
    if fault.kind in _PAGES:
        return _PAGES[fault.kind]
    if fault.kind in _ERRORS:
        return from_error(_ERRORS[fault.kind](fault.seconds))
    if fault.kind == "redirect":
        return Answer(302, b"", {"Location": f"{fault.location}/"})
    if fault.kind == "secret_echo":
        return from_error(GatewayError("INVALID_PARAMS", f"Invalid request {url} with X-Api-Key {key}"))
    return None


def _bytes(payload: object) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


_PAGES = {
    "broken_json": Answer(200, b'{"success":true,"data":[{"id":1,"title":"', {"Content-Type": _JSON}),
    "html": Answer(200, _LOGIN_PAGE, {"Content-Type": "text/html; charset=utf-8"}),
    "html_502": Answer(502, _BAD_GATEWAY, {"Content-Type": "text/html; charset=utf-8"}),
    "empty": Answer(200, b"", {"Content-Type": _JSON}),
}
_ERRORS: dict[str, Callable[[float], GatewayError]] = {
    "rate_limit": lambda seconds: GatewayError("RATE_LIMITED", "QUERY_LIMIT_EXCEEDED", retry_after=round(seconds)),
    "server_error": lambda _: GatewayError("INTERNAL_ERROR", "Internal server error"),
    "bad_gateway": lambda _: GatewayError("BITRIX_UNAVAILABLE", "Bitrix24 did not answer"),
    "queue_timeout": lambda _: GatewayError("QUEUE_TIMEOUT", "Portal queue wait exceeded 30 seconds", retry_after=10),
    "expired_key": lambda _: GatewayError("KEY_EXPIRED", "API key has expired"),
    "access_denied": lambda _: GatewayError("BITRIX_ACCESS_DENIED", "Access denied!"),
    "bitrix_error": lambda _: GatewayError("BITRIX_ERROR", "Ошибка Битрикс24: операция не выполнена"),
}
FAILED = from_error(_ERRORS["bad_gateway"](0))
"""What `failed_after` answers although the work is done."""
