"""What injected faults look like in REST's own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.envelope import Answer
from bitrix24_mcp.demo.rest.calls import RestError
from bitrix24_mcp.demo.rest.envelope import JSON, failure

if TYPE_CHECKING:
    from starlette.datastructures import URL

    from bitrix24_mcp.demo.faults import Fault

_HTML = {"Content-Type": "text/html; charset=utf-8"}
_PAGES = {
    "broken_json": Answer(200, b'{"result":{"items":[{"id":1,"title":"', JSON),
    "empty": Answer(200, b"", JSON),
    "html": Answer(200, b"<!DOCTYPE html><html><head><title>Bitrix24</title></head><body>Sign in</body></html>", _HTML),
    "html_502": Answer(502, b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", _HTML),
}
_ERRORS = {
    "access_denied": RestError("ACCESS_DENIED", "Access denied!", 403),
    "bitrix_error": RestError("", "Ошибка выполнения запроса"),
    "expired_key": RestError("INVALID_CREDENTIALS", "Invalid request credentials", 401),
    "expired_token": RestError("expired_token", "The access token provided has expired.", 401),
    "operation_limit": RestError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429),
    "overload": RestError("OVERLOAD_LIMIT", "REST API is blocked due to overload.", 503),
    "rate_limit": RestError("QUERY_LIMIT_EXCEEDED", "Too many requests", 503),
    "server_error": RestError("INTERNAL_SERVER_ERROR", "Internal server error", 500),
}
# Those that answer in place of the method; `drop` answers nothing.
INSTEAD = frozenset({*_PAGES, *_ERRORS, "drop", "redirect", "secret_echo"})
FAILED = failure(_ERRORS["server_error"])
"""What `failed_after` answers although the work is done."""
# What commands of a batch are refused with, unexecuted.
REFUSALS = {"partial_batch": "server_error", "limit_within": "rate_limit"}


def from_fault(fault: Fault, url: URL, credential: str) -> Answer | None:
    """What an injected fault answers; nothing when the connection is to be cut."""
    if fault.kind in _PAGES:
        return _PAGES[fault.kind]
    if fault.kind in _ERRORS:
        return failure(_ERRORS[fault.kind])
    if fault.kind == "redirect":
        query = f"?{url.query}" if url.query else ""
        return Answer(302, b"", {"Location": f"{fault.location}{url.path}{query}"})
    if fault.kind == "secret_echo":
        return failure(RestError("ERROR_CORE", f"Cannot process {url} with {credential}"))
    return None


def refused(kind: str) -> RestError:
    """The refusal of a command within a batch."""
    error = _ERRORS[REFUSALS[kind]]
    return RestError(error.code, error.description, error.status)
