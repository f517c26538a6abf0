"""A rule held against the portal: names become codes, and everything that does not fit is told at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.catalogue.sales import DEALS, LEADS
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.filters.people import user_id
from bitrix24_mcp.crm.intake.mapping import check_mapping, check_tags
from bitrix24_mcp.crm.intake.named import NamedProblems
from bitrix24_mcp.crm.intake.rule import IntakeRule, Target, quiz_number
from bitrix24_mcp.crm.intake.written import WrittenRule, questions_of, tags_of
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.writing.stages import with_stage
from bitrix24_mcp.crm.writing.values import stored

_MODE_UNKNOWN = (
    "The gateway does not say whether the CRM works with leads: look in its settings, because without them nobody sees "
    "the leads that this rule makes."
)
_NOBODY = 0
_UNSET: tuple[Any, ...] = (None, "")
Questions = tuple[dict[Target, dict[str, str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """A rule with what is wrong with it, and what must be known beside it. A part that is wrong is empty in it."""

    rule: IntakeRule
    problems: NamedProblems
    notes: Sequence[str]


async def checked_rule(written: WrittenRule, metadata: Metadata) -> CheckedRule:
    """The rule as this portal understands it. Raises InvalidArguments at once for the number of no questionnaire."""
    quiz = quiz_number(written.quiz)
    return await _Checking(written, metadata, await metadata.now()).whole(quiz)


class _Checking:
    """One rule while it is checked."""

    def __init__(self, written: WrittenRule, metadata: Metadata, now: datetime) -> None:
        self._written = written
        self._metadata = metadata
        self._now = now
        self._problems = NamedProblems()
        self._notes: list[str] = []

    async def whole(self, quiz: int) -> CheckedRule:
        """Every part, one after the other."""
        part, written = self._problems.of_part, self._written
        lead = await part("lead", self._lead(), otherwise=written.lead is True)
        place = await part("stage", self._place(needed=not lead), dict[str, Any]())
        rule = IntakeRule(
            quiz=quiz,
            lead=lead,
            responsible=await part("responsible", self._responsible(), _NOBODY),
            source=await part("source", self._code("sourceId", LEADS if lead else DEALS, written.source), ""),
            lead_status=await part("lead_status", self._code("statusId", LEADS, written.lead_status, needed=lead), ""),
            funnel=place.get("categoryId"),
            stage=place.get("stageId", ""),
            type=await part("type", self._code("typeId", DEALS, written.type, needed=not lead), ""),
        )
        questions = await part("fields", self._questions(), ({}, {}))
        fields, names = await check_mapping(*questions, self._problems, self._metadata)
        told = await part("tags", self._tags(), dict[str, list[str]]())
        tags = await check_tags(told, rule.entity, self._problems, self._metadata)
        return CheckedRule(replace(rule, fields=fields, contact_names=names, tags=tags), self._problems, self._notes)

    async def _lead(self) -> bool:
        lead = self._written.lead
        if lead is not None and not isinstance(lead, bool):
            raise InvalidArguments("It takes true or false.", advice="true makes leads.", code="INVALID_VALUE")
        in_use = await self._metadata.portal.leads_in_use() if lead else True
        if in_use is False:
            raise InvalidArguments(
                "This portal works without leads.",
                advice="Nobody would see them there: leave lead out, and name a funnel and a stage of deals.",
                code="LEADS_NOT_USED",
            )
        if in_use is None:
            self._notes.append(_MODE_UNKNOWN)
        return bool(lead)

    async def _responsible(self) -> int:
        written = self._written.responsible
        if written in _UNSET:
            raise _missing("the user who is responsible for what is made")
        user = await user_id(written, "responsible", self._metadata)
        person = next((each for each in await self._metadata.people() if each.id == user), None)
        if person is None:
            raise InvalidArguments(
                f"This key sees no user {user}.", advice="Give a name, or the id of another.", code="UNKNOWN_VALUE"
            )
        if not person.active:
            raise InvalidArguments(
                f"User {user} was dismissed.", advice="Name somebody who works there.", code="USER_DISMISSED"
            )
        return user

    async def _place(self, *, needed: bool) -> dict[str, Any]:
        """The funnel and the stage, by the names of their fields."""
        funnel, stage = self._written.funnel, self._written.stage
        fields = await self._metadata.fields(DEALS)
        values: dict[str, Any] = {}
        if funnel not in _UNSET:
            values["categoryId"] = await stored("categoryId", funnel, fields, self._metadata, self._now)
        if stage not in _UNSET:
            return await with_stage(values, "stageId", stage, fields, self._metadata, None)
        if needed:
            raise _missing("the stage of a new deal, and its funnel")
        return values

    async def _code(self, name: str, entity: Entity, written: Any, *, needed: bool = True) -> str:
        """The code of a value of a directory."""
        if written in _UNSET:
            if needed:
                raise _missing(f"the {name} of a new {entity.singular}")
            return ""
        return str(await stored(name, written, await self._metadata.fields(entity), self._metadata, self._now))

    async def _questions(self) -> Questions:
        return questions_of(self._written.fields)

    async def _tags(self) -> dict[str, list[str]]:
        return tags_of(self._written.tags)


def _missing(what: str) -> InvalidArguments:
    return InvalidArguments("It is missing.", advice=f"Give {what}.", code="REQUIRED_FIELD")
