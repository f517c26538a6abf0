"""Work to be confirmed: one plan, or several that belong together. What a tool shows, checks again and carries out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.reading.progress import Report
from bitrix24_mcp.crm.writing.desk import By, Desk
from bitrix24_mcp.crm.writing.execution import Written, execute
from bitrix24_mcp.crm.writing.journal import Operation
from bitrix24_mcp.crm.writing.plan import Plan
from bitrix24_mcp.crm.writing.preview import Preview, preview_of
from bitrix24_mcp.crm.writing.repeats import check_found, check_repeats
from bitrix24_mcp.crm.writing.rereading import still_so

Result_co = TypeVar("Result_co", covariant=True)


class Shown(Protocol):
    """A preview: as data for a model, as text for a person."""

    def as_data(self, budget: int) -> dict[str, Any]:
        """As much of it as a token budget holds, and what is not shown."""
        ...

    def as_text(self, whose: str) -> str:
        """Lines for a person; `whose`: on which portal and with whose rights."""
        ...


class Work(Protocol[Result_co]):
    """What is confirmed as a whole."""

    @property
    def destroys(self) -> bool:
        """Whether it takes away what cannot be put back."""
        ...

    @property
    def seal(self) -> str:
        """What a confirmation is bound to."""
        ...

    def check_repeats(self, open_ones: Sequence[Operation]) -> None:
        """Raises InvalidArguments when it repeats what was open until now: it may come yet, or has just been found."""
        ...

    async def preview(self, metadata: Metadata) -> Shown:
        """What it would do, by name."""
        ...

    async def still_so(self, metadata: Metadata) -> Self:
        """The same with the records as they are now; raises InvalidArguments when one has changed meanwhile."""
        ...

    async def execute(self, desk: Desk, by: By, metadata: Metadata, report: Report) -> Result_co:
        """Carries it out, as far as it goes."""
        ...


@dataclass(frozen=True, slots=True)
class PlanWork:
    """One plan by itself."""

    plan: Plan

    @property
    def destroys(self) -> bool:
        """Whether the plan does."""
        return self.plan.destroys

    @property
    def seal(self) -> str:
        """The plan's."""
        return self.plan.seal

    def check_repeats(self, open_ones: Sequence[Operation]) -> None:
        """Looks for the plan's changes among what was open until now."""
        check_repeats(self.plan, open_ones)
        check_found(self.plan, open_ones)

    async def preview(self, metadata: Metadata) -> Preview:
        """The plan's changes by name."""
        return await preview_of(self.plan, metadata)

    async def still_so(self, metadata: Metadata) -> Self:
        """The plan with the records as they are now."""
        return type(self)(await still_so(self.plan, metadata))

    async def execute(self, desk: Desk, by: By, metadata: Metadata, report: Report) -> Written:
        """The plan, fifty changes at a time."""
        return await execute(self.plan, desk, by, metadata, report)
