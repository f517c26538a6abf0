"""Faults on request: what a test, or a curious user, wants to go wrong."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

FaultKind = Literal[
    "rate_limit",
    "server_error",
    "bad_gateway",
    "queue_timeout",
    "slow",
    "drop",
    "drop_after",
    "drop_midway",
    "failed_after",
    "slow_after",
    "broken_json",
    "html",
    "html_502",
    "redirect",
    "empty",
    "partial_batch",
    "limit_within",
    "failed_window",
    "all_windows",
    "expired_key",
    "access_denied",
    "bitrix_error",
    "truncated",
    "secret_echo",
    "expired_token",
    "operation_limit",
    "overload",
]
# These act inside a request that otherwise goes its way; all others answer in its place.
INSIDE: frozenset[str] = frozenset(
    {
        "slow",
        "slow_after",
        "failed_after",
        "drop_after",
        "drop_midway",
        "partial_batch",
        "limit_within",
        "failed_window",
        "all_windows",
        "truncated",
    }
)
# Of these, what happens once the work is done.
AFTERWARDS: frozenset[str] = frozenset({"slow_after", "failed_after", "drop_after"})
# The last three are refusals that only REST knows.
REST_ONLY: frozenset[str] = frozenset({"expired_token", "operation_limit", "overload"})
INSTEAD: frozenset[str] = frozenset(get_args(FaultKind)) - INSIDE - REST_ONLY


class ConnectionDropped(Exception):
    """The answer that nobody gets: the connection is to be cut here and now."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to go wrong; `path` is exact or a pattern, no path means every route, of the gateway and of REST."""

    kind: FaultKind
    path: str | None = None
    method: str | None = None
    times: int | None = 1  # None: until the faults are cleared
    after: int = 0  # how many matching requests pass first
    seconds: float = 1
    location: str = "http://example.invalid"  # redirect: the host that the portal has moved to

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"unknown fault {self.kind!r}; known are {', '.join(get_args(FaultKind))}")

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        wanted = self.method is None or self.method.upper() == method
        return wanted and (self.path is None or fnmatchcase(path, self.path))


@dataclass(slots=True)
class _Pending:
    fault: Fault
    seen: int = 0
    used: int = 0

    def strikes(self) -> bool:
        """Count one matching request."""
        self.seen += 1
        spent = self.fault.times is not None and self.used >= self.fault.times
        if self.seen <= self.fault.after or spent:
            return False
        self.used += 1
        return True


class Faults:
    """The faults waiting for their requests; injected from one thread, used up in another."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []
        self._lock = threading.Lock()

    def inject(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        with self._lock:
            self._pending.append(_Pending(fault))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._pending.clear()

    def take(self, kinds: frozenset[str], method: str, path: str) -> Fault | None:
        """The first waiting fault of these kinds that strikes this request."""
        with self._lock:
            for pending in self._pending:
                if pending.fault.kind in kinds and pending.fault.matches(method, path) and pending.strikes():
                    return pending.fault
        return None
