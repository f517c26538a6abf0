"""The records of one answer: each either found in the portal or planned."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bitrix24_mcp.crm.intake.rule import TARGETS, Target
from bitrix24_mcp.crm.writing.plan import Plan

NEW = {"contact": "the new contact above", "company": "the new company above"}
"""What a preview shows in the place of an id that does not exist yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record that is there already, and how it was found; `operation`: that of an earlier attempt that made it."""

    target: Target
    id: int
    called: str = ""
    how: str = ""
    operation: int | None = None

    @property
    def seal(self) -> str:
        """What a confirmation of it is bound to."""
        return f"{self.target} {self.id}"


@dataclass(frozen=True, slots=True)
class New:
    """A record to make. `links`: by field, the new record whose id it will hold."""

    target: Target
    plan: Plan
    links: Mapping[str, Target] = field(default_factory=dict[str, Target])

    @property
    def seal(self) -> str:
        """What a confirmation of it is bound to."""
        return f"{self.target} {self.plan.seal} {sorted(self.links.items())}"

    def linked(self, ids: Mapping[Target, int]) -> Plan:
        """The plan with the ids that were not known before."""
        known = {name: ids[target] for name, target in self.links.items() if target in ids}
        changes = tuple(replace(each, values={**each.values, **known}) for each in self.plan.changes)
        return replace(self.plan, changes=changes)


Step = Found | New


def link_to(step: Step | None, name: str) -> tuple[dict[str, Any], dict[str, Target]]:
    """The value of a field that links to a step's record, or, of a new one, that it will link to it."""
    if isinstance(step, Found):
        return {name: step.id}, {}
    return {}, ({name: step.target} if step else {})


def link(portal: str, target: Target, record_id: int) -> str:
    """The address of a record's card in the portal (docs: the cards of the CRM)."""
    singular = TARGETS[target].singular
    return f"https://{portal}/crm/{singular}/details/{record_id}/" if portal else ""
