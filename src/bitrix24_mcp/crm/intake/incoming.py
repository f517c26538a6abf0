"""One answer to a questionnaire as it came in, and the number or word by which its service knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.intake.rules import Answered

_LONGEST = 100
"""Characters of an answer's id: with what stands before it, it must fit into a field for ids of other systems."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What somebody answered.

    `answers` by the question's id; `contact`: what is known of the person, by part; `company`: its name. `at`: the
    moment that words such as tomorrow count from, in the portal's zone.
    """

    answered: Answered
    answers: Mapping[str, Any]
    contact: Mapping[str, Any]
    company: str
    title: str
    at: datetime

    @property
    def label(self) -> str:
        """What to call a record of which nothing better is known."""
        return f"Quiz {self.answered.quiz}, answer {self.answered.answer}"


def answer_id(written: str) -> str:
    """The id of an answer; raises InvalidArguments for one that could not mark a record."""
    text = written.strip()
    if text and len(text) <= _LONGEST and text.isprintable():
        return text
    raise InvalidArguments(
        f"answer is the id of one answer: a number, or up to {_LONGEST} characters on one line.",
        advice="Give the id under which the questionnaire's service keeps it, so that it is submitted once.",
        code="INVALID_VALUE",
    )


def is_empty(written: Any) -> bool:
    """Whether a question was left unanswered."""
    return written is None or (isinstance(written, str) and not written.strip()) or written in ([], {})
