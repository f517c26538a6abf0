"""What keeps the rules of questionnaires, and what became of their answers: protocols that any storage can fulfil."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bitrix24_mcp.crm.intake.rule import IntakeRule, Target

LEASE = timedelta(minutes=10)
"""How long an attempt counts as under way without a sign of life: longer than making one record can take."""


@dataclass(frozen=True, slots=True)
class KeptRule:
    """A rule, when it was made, and when it was last changed."""

    rule: IntakeRule
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer to a questionnaire of a portal."""

    portal: str
    quiz: int
    answer: str

    @property
    def mark(self) -> str:
        """What its records hold, so that they are found again; the same at every attempt."""
        return f"intake-{self.quiz}-{self.answer}"


@dataclass(frozen=True, slots=True)
class Made:
    """A record that was made for an answer, and the operation of the journal that did it."""

    id: int
    operation: int


class Rules(Protocol):
    """Rules by portal and questionnaire. Every method raises PortalError when what keeps them cannot be used."""

    async def get(self, portal: str, quiz: int) -> KeptRule | None:
        """The rule of a questionnaire; None when it has none."""
        ...

    async def create(self, portal: str, rule: IntakeRule) -> bool:
        """Keeps a rule of a questionnaire that has none; False, with nothing kept, when it has one."""
        ...

    async def change(self, portal: str, rule: IntakeRule) -> bool:
        """Keeps a rule in the place of another; False, with nothing kept, when there is none."""
        ...


class Submissions(Protocol):
    """What was made of answers, and who is at one now. The same errors."""

    async def claim(self, answered: Answered) -> str | None:
        """Takes an answer for one attempt; gives the attempt's word, None when another attempt has it.

        An attempt has it until it is released, or for `LEASE` from its last sign of life.
        """
        ...

    async def release(self, answered: Answered, attempt: str) -> None:
        """Ends an attempt."""
        ...

    async def note(self, answered: Answered, attempt: str, target: Target, made: Made) -> None:
        """Keeps what was made, which is a sign of life; of a kind of record only the latest."""
        ...

    async def made(self, answered: Answered) -> Mapping[Target, Made]:
        """What was made for an answer, as far as it was kept."""
        ...


class Intake(Rules, Submissions, Protocol):
    """Both, in one place."""
