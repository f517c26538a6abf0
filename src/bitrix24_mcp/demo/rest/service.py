"""Runs methods: known, allowed to this credential, within its seconds; and batches of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.faults import ConnectionDropped
from bitrix24_mcp.demo.rest.batch import run_batch
from bitrix24_mcp.demo.rest.calls import RestError
from bitrix24_mcp.demo.rest.credentials import unknown_method
from bitrix24_mcp.demo.rest.envelope import time_block
from bitrix24_mcp.demo.rest.methods import METHODS

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Caller, Json, Method, Result
    from bitrix24_mcp.demo.rest.limits import RestLimits


@dataclass(frozen=True, slots=True)
class Done:
    """What a call answered and the time block that goes with it."""

    result: Result
    time: Json


class Service:
    """The methods of one portal."""

    def __init__(self, limits: RestLimits, scope_status: int) -> None:
        self._limits = limits
        self._scope_status = scope_status

    def perform(self, call: Call, credential: str, fault: str | None = None) -> Done:
        """The answer of a call; a fault strikes within it. A batch itself costs no seconds."""
        if call.method == "batch":
            return Done(run_batch(call, lambda inner: self._single(inner, credential), fault), self._idle())
        if fault == "drop_midway":
            raise ConnectionDropped
        return self._single(call, credential)

    def _single(self, call: Call, credential: str) -> Done:
        method = METHODS.get(call.method)
        if method is None:
            raise unknown_method()
        self._check_scope(method, call.caller)
        self._limits.check(credential, call.method)
        result = method.run(call)
        seconds = self._limits.cost(call.method)
        self._limits.charge(credential, call.method, seconds)
        return Done(result, time_block(seconds, self._limits.operating(credential, call.method)))

    def _idle(self) -> Json:
        return time_block(0.03, self._limits.operating("", "batch"))

    def _check_scope(self, method: Method, caller: Caller) -> None:
        if method.scopes and not caller.scopes.intersection(method.scopes):
            kind = "access token" if caller.application else "webhook token"
            message = f"The request requires higher privileges than provided by the {kind}"
            raise RestError("insufficient_scope", message, self._scope_status)
