"""What goes wrong while something is written: faults of the portal, people who work there, callers who do not wait."""

from dataclasses import dataclass
from typing import Literal

from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind

PATIENCE = 0.5
"""Seconds that the server waits for an answer."""
SLOW = 0.7
"""Seconds that a slow portal takes."""
Part = Literal["write", "afterwards", "any"]
"""Which requests are meant: those that write, those behind the first that writes, or all from the confirmation on."""
UNHEARD: tuple[FaultKind, ...] = ("drop_after", "failed_after", "drop_midway", "slow_after", "slow")
"""Faults of a portal that works and is not heard."""
WITHIN: tuple[FaultKind, ...] = ("partial_batch", "limit_within")
"""Faults of some calls of a batch."""
FAULTS: tuple[FaultKind, ...] = (
    "rate_limit",
    "server_error",
    "bad_gateway",
    "queue_timeout",
    "operation_limit",
    "overload",
    "slow",
    "slow_after",
    "drop",
    "drop_after",
    "drop_midway",
    "failed_after",
    "broken_json",
    "html",
    "html_502",
    "empty",
    "redirect",
    "partial_batch",
    "limit_within",
    "expired_key",
    "expired_token",
    "access_denied",
    "bitrix_error",
)
GONE = 3
SURE = frozenset(
    {"rate_limit", "queue_overflow", "operation_limit", "overload", "limit_within", "expired_key", "expired_token",
     "access_denied", "bitrix_error", "redirect", "partial_batch"}
)  # fmt: skip
"""Faults of which a client may know that nothing was carried out, so that it may ask again."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of the portal, and which of the requests of its `part` it strikes; `lasting`: and all that follow."""

    kind: FaultKind
    part: Part = "write"
    after: int = 0
    lasting: bool = False

    def confirmed(self, portal: DemoPortal) -> None:
        """What it does when the write is confirmed."""
        if self.part == "any":
            portal.inject(Fault(self.kind, times=None if self.lasting else 1, after=self.after, seconds=SLOW))

    def written(self, number: int, portal: DemoPortal) -> None:
        """What it does when a request that writes arrives, of this number from 0 on: a fault then strikes that one."""
        if self.part == "write" and (number == self.after or (self.lasting and number > self.after)):
            portal.inject(Fault(self.kind, seconds=SLOW))
        if self.part == "afterwards" and number == 0:
            portal.inject(Fault(self.kind, times=None if self.lasting else 1, after=self.after + 1, seconds=SLOW))

    @property
    def slow(self) -> bool:
        """Whether the portal goes on after the client has given up."""
        return self.kind in {"slow", "slow_after"}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What surrounds one write. `meddled`: somebody changes one of its records before it is confirmed.

    `twice`: its confirmation is used again; `given_up`: the caller stops waiting at the request of that number after
    the confirmation, and if that is GONE closes the connection; `looked_up`: another server looks up what is open while
    the write is under way.
    """

    troubles: tuple[Trouble, ...] = ()
    meddled: bool = False
    twice: bool = False
    given_up: int | None = None
    looked_up: bool = False

    @property
    def quiet(self) -> bool:
        """Whether nothing goes wrong."""
        return not self.troubles and not self.meddled and self.given_up is None


QUIET = Circumstances()
