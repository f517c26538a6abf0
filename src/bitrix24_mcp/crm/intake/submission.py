"""Submitting one answer: confirmed as a whole, carried out record by record, and never the same twice.

What makes that hold: every new record carries the answer's mark, one attempt at a time has the answer, and each looks
for what earlier ones left, in the portal and in the journal, before it makes anything.
"""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

import anyio

from bitrix24_mcp.crm.errors import InvalidArguments, PortalError
from bitrix24_mcp.crm.intake.earlier import made_before
from bitrix24_mcp.crm.intake.incoming import Incoming
from bitrix24_mcp.crm.intake.keeping import intake_of
from bitrix24_mcp.crm.intake.making import Attempt, Making, Submitted
from bitrix24_mcp.crm.intake.planning import ORDER, planned
from bitrix24_mcp.crm.intake.preview import SubmissionPreview, preview_of_steps
from bitrix24_mcp.crm.intake.steps import New, Step
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.reading.progress import Report
from bitrix24_mcp.crm.writing.desk import By, Desk
from bitrix24_mcp.crm.writing.fate import settle
from bitrix24_mcp.crm.writing.journal import OPEN, Operation
from bitrix24_mcp.crm.writing.repeats import check_repeats


@dataclass(frozen=True, slots=True)
class Submission:
    """The work of one answer: the company, the contact, and the lead or deal, each found or new."""

    incoming: Incoming
    desk: Desk
    steps: tuple[Step, ...]
    notes: tuple[str, ...]

    @classmethod
    async def of(cls, incoming: Incoming, desk: Desk, metadata: Metadata) -> Self:
        """The work as it is to be done now; raises as `planned` does."""
        return cls(incoming, desk, *await planned(incoming, desk, metadata))

    @property
    def is_done(self) -> bool:
        """Whether the lead or deal is there, so that there is nothing to do."""
        return not any(isinstance(each, New) for each in self.steps)

    @property
    def found(self) -> Submitted:
        """What is there before anything is made."""
        return Submitted.of(self.steps)

    @property
    def destroys(self) -> bool:
        """Never: records are only made."""
        return False

    def check_repeats(self, open_ones: Sequence[Operation]) -> None:
        """Raises InvalidArguments while nobody knows what became of an earlier attempt at the same answer."""
        mark = self.incoming.answered.mark
        for operation in open_ones:
            if any(entry.state in OPEN and entry.mark == mark for entry in operation.entries):
                raise InvalidArguments(
                    f"This answer was submitted before, and nobody knows yet what became of operation "
                    f"{operation.number}.",
                    advice="It may still come: look again in three minutes. If it stays unknown, look for it in the "
                    f"portal and settle it with `bitrix24-mcp journal {operation.number} --settle done` or `not-done`.",
                    code="OUTCOME_UNKNOWN",
                )
        for step in self.steps:
            if isinstance(step, New):
                check_repeats(step.plan, open_ones)

    async def preview(self, metadata: Metadata) -> SubmissionPreview:
        """Every step by name."""
        return await preview_of_steps(self.steps, self.notes, metadata)

    async def still_so(self, metadata: Metadata) -> Self:
        """The same with what is in the portal now; raises InvalidArguments when that makes other steps of it."""
        now = await type(self).of(self.incoming, self.desk, metadata)
        if now.is_done or now.seal == self.seal:
            return now
        raise InvalidArguments(
            "Meanwhile the rule was changed, or a record that the answer is linked to came or went.",
            advice="Nothing was written. Call again without confirm for a new preview.",
            code="CHANGED_MEANWHILE",
        )

    async def execute(self, desk: Desk, by: By, metadata: Metadata, report: Report) -> Submitted:
        """Makes what is not there, one record after the other, as far as it goes."""
        answered = self.incoming.answered
        async with self._alone(desk) as attempt:
            self.check_repeats(await settle(desk.journal, answered.portal, metadata))
            earlier = await made_before(answered, desk, metadata)
            steps = [earlier.get(each.target, each) for each in self.steps]
            if earlier.keys() & {"lead", "deal"}:
                steps = [earlier[target] for target in ORDER if target in earlier]
            making = Making(Attempt(answered, attempt, by), desk, metadata, self.notes)
            return await making.carry_out(steps, report)

    @asynccontextmanager
    async def _alone(self, desk: Desk) -> AsyncGenerator[str]:
        """The word of this attempt. Raises InvalidArguments while another one is at the same answer."""
        intake = intake_of(desk)
        attempt = await intake.claim(self.incoming.answered)
        if attempt is None:
            raise InvalidArguments(
                "This answer is being submitted by another call now.",
                advice="Call again in a minute: it will find what that one made. If that program was killed, the "
                "answer is free again after ten minutes.",
                code="SUBMISSION_UNDER_WAY",
            )
        try:
            yield attempt
        finally:
            with anyio.CancelScope(shield=True), suppress(PortalError):  # else it is free again by itself
                await intake.release(self.incoming.answered, attempt)

    @property
    def seal(self) -> str:
        """What a confirmation is bound to."""
        return hashlib.sha256("\n".join(each.seal for each in self.steps).encode()).hexdigest()
