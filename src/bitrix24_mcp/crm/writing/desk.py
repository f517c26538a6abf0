"""What writing works with: who may write what, the portal's writer, the journal, and the plans that wait."""

from dataclasses import dataclass, field
from typing import Any, Literal

from bitrix24_mcp.crm.intake.rules import Intake
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.crm.writing.finishing import Finishing
from bitrix24_mcp.crm.writing.journal import Journal
from bitrix24_mcp.crm.writing.pending import Pending

Confirmation = Literal["person", "always", "deletes"]
"""`person`: only where the client can ask its user; `always`: else in two steps with a code; `deletes`: only what
takes something away is confirmed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator allows. Undoing a creation deletes that record whatever `deletes` says."""

    deletes: bool = False
    confirmation: Confirmation = "always"

    def asks_for(self, *, destroys: bool) -> bool:
        """Whether work must be confirmed; what destroys always is."""
        return self.confirmation != "deletes" or destroys


@dataclass(frozen=True, slots=True)
class Desk:
    """What every write of one portal shares: made once per process.

    `intake` keeps the rules of questionnaires; None where the operator does not want them.
    """

    writer: Writer
    journal: Journal
    rules: Rules = field(default_factory=Rules)
    pending: Pending[Any] = field(default_factory=Pending[Any])
    intake: Intake | None = None
    finishing: Finishing = field(default_factory=Finishing)


@dataclass(frozen=True, slots=True)
class By:
    """Through what a write was asked for, as the journal notes it."""

    tool: str
    client: str = ""
