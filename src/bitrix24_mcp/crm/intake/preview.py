"""What submitting an answer would do, for a model as data, for a person as lines: every step in order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bitrix24_mcp.crm.intake.steps import NEW, Found, Step
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.writing.citing import cited, exactly
from bitrix24_mcp.crm.writing.preview import Preview, preview_of


@dataclass(frozen=True, slots=True)
class SubmissionPreview:
    """The steps: what is found as it is, what is made as the preview of its plan."""

    steps: Sequence[Found | Preview]
    notes: Sequence[str]

    def as_data(self, budget: int) -> dict[str, Any]:
        """The steps for a model; there are three at most, so none is left out."""
        told = {
            "steps": [
                {"use": each.target, "id": each.id, "called": exactly(each.called), "why": each.how}
                if isinstance(each, Found)
                else each.as_data(budget)
                for each in self.steps
            ],
            "notes": list(self.notes),
        }
        return {name: each for name, each in told.items() if each}

    def as_text(self, whose: str) -> str:
        """The steps for a person."""
        lines = [_found(each) if isinstance(each, Found) else each.as_text(whose) for each in self.steps]
        return "\n".join([*lines, *self.notes])


async def preview_of_steps(steps: Sequence[Step], notes: Sequence[str], metadata: Metadata) -> SubmissionPreview:
    """The steps by name; where an id does not exist yet, the new record above stands in its place."""
    shown = [each if isinstance(each, Found) else await _with_links(each, metadata) for each in steps]
    return SubmissionPreview(shown, [exactly(note) for note in notes])


async def _with_links(step: Step, metadata: Metadata) -> Found | Preview:
    if isinstance(step, Found):
        return step
    preview = await preview_of(step.plan, metadata)
    linked = {name: NEW[target] for name, target in step.links.items()}
    return replace(preview, rows=[replace(row, after={**row.after, **linked}) for row in preview.rows])


def _found(step: Found) -> str:
    known = f" {cited(step.called)}" if step.called else ""
    return f"Use {step.target} {step.id}{known}, which {step.how}."
