"""Faults of the demo portal that stay, and what callers get then: through the gateway and through REST."""

from dataclasses import dataclass

from bitrix24_mcp.demo.faults import FaultKind


@dataclass(frozen=True)
class Lasting:
    """A fault that stays, the code that callers get, and how often the portal is asked the same."""

    kind: FaultKind
    code: str
    asked: int


GATEWAY = [
    Lasting("rate_limit", "RATE_LIMITED", 4),
    Lasting("server_error", "INTERNAL_ERROR", 2),
    Lasting("bad_gateway", "BITRIX_UNAVAILABLE", 4),
    Lasting("queue_timeout", "QUEUE_TIMEOUT", 4),
    Lasting("drop", "PORTAL_UNREACHABLE", 4),
    Lasting("drop_after", "PORTAL_UNREACHABLE", 4),
    Lasting("broken_json", "UNEXPECTED_ANSWER", 2),
    Lasting("html", "UNEXPECTED_ANSWER", 2),
    Lasting("html_502", "HTTP_502", 4),
    Lasting("redirect", "UNEXPECTED_ANSWER", 1),
    Lasting("empty", "UNEXPECTED_ANSWER", 2),
    Lasting("expired_key", "KEY_EXPIRED", 1),
    Lasting("access_denied", "BITRIX_ACCESS_DENIED", 1),
    Lasting("bitrix_error", "BITRIX_ERROR", 1),
    Lasting("truncated", "UNEXPECTED_ANSWER", 1),
    Lasting("secret_echo", "INVALID_PARAMS", 1),
]
REST = [
    Lasting("rate_limit", "QUERY_LIMIT_EXCEEDED", 5),
    Lasting("operation_limit", "OPERATION_TIME_LIMIT", 1),
    Lasting("overload", "OVERLOAD_LIMIT", 1),
    Lasting("server_error", "INTERNAL_SERVER_ERROR", 2),
    Lasting("drop", "PORTAL_UNREACHABLE", 4),
    Lasting("drop_after", "PORTAL_UNREACHABLE", 4),
    Lasting("slow", "PORTAL_TIMEOUT", 2),
    Lasting("broken_json", "UNEXPECTED_ANSWER", 2),
    Lasting("html", "UNEXPECTED_ANSWER", 2),
    Lasting("empty", "UNEXPECTED_ANSWER", 2),
    Lasting("html_502", "HTTP_502", 4),
    Lasting("redirect", "PORTAL_MOVED", 1),
    Lasting("expired_key", "INVALID_CREDENTIALS", 1),
    Lasting("expired_token", "EXPIRED_TOKEN", 1),
    Lasting("access_denied", "ACCESS_DENIED", 1),
    Lasting("bitrix_error", "REFUSED_WITHOUT_CODE", 1),
    Lasting("secret_echo", "ERROR_CORE", 1),
]
