"""A rule of a questionnaire: which record its answers become, and into which fields they go. Codes and ids only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.catalogue.sales import COMPANIES, CONTACTS, DEALS, LEADS
from bitrix24_mcp.crm.errors import InvalidArguments, NotFound

Target = Literal["lead", "deal", "company", "contact"]
TARGETS: Mapping[Target, Entity] = MappingProxyType(
    {"lead": LEADS, "deal": DEALS, "company": COMPANIES, "contact": CONTACTS}
)
"""What a rule calls the records that answers go to."""
_LARGEST = 2**31 - 1


def _no_fields() -> Mapping[Target, Mapping[str, str]]:
    return {}


@dataclass(frozen=True, slots=True)
class IntakeRule:
    """What becomes of the answers to one questionnaire.

    `lead`: whether they become a lead with the status `lead_status`, not a deal in `funnel` at `stage` of `type`.
    `responsible` and `source` are those of every record that is made. `fields`: by kind of record, the field for the
    answer to each question; `contact_names`: the contact's field for each part of what is known of the person.
    `tags`: values that a field of several values of the lead or deal always gets.
    """

    quiz: int
    responsible: int
    source: str
    lead: bool
    lead_status: str = ""
    funnel: int | None = None
    stage: str = ""
    type: str = ""
    fields: Mapping[Target, Mapping[str, str]] = field(default_factory=_no_fields)
    contact_names: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def target(self) -> Target:
        """The kind of record that is made."""
        return "lead" if self.lead else "deal"

    @property
    def entity(self) -> Entity:
        """The entity of the record that is made."""
        return TARGETS[self.target]


def quiz_number(written: Any) -> int:
    """The number of a questionnaire; raises InvalidArguments for anything but a whole number above 0."""
    text = written.strip() if isinstance(written, str) else written
    number = int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 12 else text
    if type(number) is int and 0 < number <= _LARGEST:
        return number
    raise InvalidArguments(
        "quiz is the number of a questionnaire: a whole number above 0.",
        advice="Give the number under which the questionnaire is known.",
        code="INVALID_QUIZ",
    )


def no_rule(quiz: int) -> NotFound:
    """The error for a questionnaire without a rule."""
    return NotFound(
        f"There is no intake rule for the questionnaire {quiz} on this portal.",
        advice="Make one with save_intake_rule, mode create.",
        code="RULE_NOT_FOUND",
    )


def already_there(quiz: int) -> InvalidArguments:
    """The error for a questionnaire that has a rule already."""
    return InvalidArguments(
        f"There is an intake rule for the questionnaire {quiz} already.",
        advice="Look at it with get_intake_rule; mode change replaces the whole rule.",
        code="ALREADY_EXISTS",
    )
