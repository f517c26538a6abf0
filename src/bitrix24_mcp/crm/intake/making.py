"""The steps of one answer carried out in order, each an operation of its own in the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Self

import anyio.lowlevel

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.intake.keeping import intake_of
from bitrix24_mcp.crm.intake.rule import Target
from bitrix24_mcp.crm.intake.rules import Answered, Made
from bitrix24_mcp.crm.intake.steps import Found, New, Step
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.reading.progress import Report, silent
from bitrix24_mcp.crm.writing.desk import By, Desk
from bitrix24_mcp.crm.writing.execution import Written, execute
from bitrix24_mcp.crm.writing.journal import OPEN

Fate = Literal["found", "made", "refused", "unknown", "not sent"]


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one record of the answer. `id`: None where there is none, or nobody knows of one.

    `called` and `how` it was found; `error`: why it was not made.
    """

    target: Target
    fate: Fate
    id: int | None = None
    called: str = ""
    how: str = ""
    operation: int | None = None
    error: PortalError | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of every step, in order, and what must be known beside it."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Self:
        """What is found of the steps, with nothing made."""
        return cls(tuple(_found(each) for each in steps if isinstance(each, Found)))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an answer: its word, and through what it was asked for."""

    answered: Answered
    word: str
    by: By


class Making:
    """The records of one answer while they are made."""

    def __init__(self, attempt: Attempt, desk: Desk, metadata: Metadata, notes: Sequence[str]) -> None:
        self._attempt = attempt
        self._desk = desk
        self._metadata = metadata
        self._notes = list(notes)
        self._ids: dict[Target, int] = {}
        self._parts: list[Part] = []

    async def carry_out(self, steps: Sequence[Step], report: Report) -> Submitted:
        """Makes the new ones; ends at the first that was not surely made. A call that is cancelled ends between two.

        Raises PortalError only while nothing has been sent.
        """
        for place, step in enumerate(steps):
            await self._desk.finishing(partial(self._take, step))  # what is sent is noted, whatever happens meanwhile
            part = self._parts[-1]
            if part.id is None:
                self._parts += [Part(each.target, "not sent") for each in steps[place + 1 :]]
                break
            self._ids[part.target] = part.id
            await report(place + 1, len(steps), "records made")
            await anyio.lowlevel.checkpoint()
        return Submitted(tuple(self._parts), tuple(self._notes))

    async def _take(self, step: Step) -> None:
        self._parts.append(_found(step) if isinstance(step, Found) else await self._make(step))

    async def _make(self, step: New) -> Part:
        try:
            written = await execute(step.linked(self._ids), self._desk, self._attempt.by, self._metadata, silent)
        except PortalError as error:
            if not any(each.fate == "made" for each in self._parts):
                raise
            return Part(step.target, "not sent", error=error)
        part = _part(step, written)
        if written.note:
            self._notes.append(written.note)
        if fields := written.not_taken.get(0):
            self._notes.append(f"The {step.target} was made, but does not hold what was sent in {', '.join(fields)}.")
        if part.id is not None:
            await self._note(part, part.id, written.number)
        return part

    async def _note(self, part: Part, record_id: int, operation: int) -> None:
        """Keeps it; where that fails, the mark in the portal and the journal still tell the same."""
        made = Made(record_id, operation)
        try:
            await intake_of(self._desk).note(self._attempt.answered, self._attempt.word, part.target, made)
        except PortalError as error:
            self._notes.append(f"What was made could not be noted: {error}")


def _found(step: Found) -> Part:
    return Part(step.target, "found", step.id, step.called, step.how, step.operation)


def _part(step: New, written: Written) -> Part:
    entry = written.entries[0]
    called = step.plan.called.get(0, "")
    if entry.state == "done" and entry.record_id is not None:
        return Part(step.target, "made", int(entry.record_id), called, operation=written.number)
    fate: Fate = "unknown" if entry.state in OPEN else "refused" if entry.answered_at else "not sent"
    return Part(step.target, fate, called=called, operation=written.number, error=written.errors.get(0))
