"""What goes wrong within a batch on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.faults import ConnectionDropped

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call

_REFUSALS = {
    "partial_batch": lambda: GatewayError("BITRIX_ERROR", "Injected failure"),
    "limit_within": lambda: GatewayError("RATE_LIMITED", "QUERY_LIMIT_EXCEEDED", retry_after=2),
}


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A fault that concerns some of a batch's calls; without a kind it is none."""

    kind: str
    half: int

    def strike(self, place: int) -> None:
        """Refuse the call at this place before it is run, or cut the connection, where the fault says so."""
        if self.kind == "drop_midway" and place >= self.half:
            raise ConnectionDropped
        if self.kind in _REFUSALS and place % 2 == 1:
            refusal = _REFUSALS[self.kind]()
            raise refusal


def disturbed(call: Call, calls: int) -> Disturbance:
    """The fault that waits for this batch, used up by that; refusals of every second call wait for a second one."""
    kinds = ("drop_midway", *_REFUSALS) if calls > 1 else ("drop_midway",)
    return Disturbance(next((kind for kind in kinds if call.fault(kind)), ""), calls // 2)
