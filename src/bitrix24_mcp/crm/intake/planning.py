"""From an answer and the rule of its questionnaire to what is found, what is made, and what links it."""

from collections.abc import Mapping
from typing import Any

from bitrix24_mcp.crm.catalogue.sales import COMPANIES, CONTACTS
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.intake.answers import Filled, Sorted, sorted_answers
from bitrix24_mcp.crm.intake.checking import checked_rule
from bitrix24_mcp.crm.intake.clients import company_called, company_of, contact_with, not_written
from bitrix24_mcp.crm.intake.earlier import made_before, origin
from bitrix24_mcp.crm.intake.incoming import Incoming
from bitrix24_mcp.crm.intake.keeping import kept_rule
from bitrix24_mcp.crm.intake.named import NamedProblems
from bitrix24_mcp.crm.intake.rule import TARGETS, IntakeRule, Target
from bitrix24_mcp.crm.intake.steps import Found, New, Step, link_to
from bitrix24_mcp.crm.intake.written import as_written
from bitrix24_mcp.crm.links import called
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.writing.desk import Desk
from bitrix24_mcp.crm.writing.fate import settle
from bitrix24_mcp.crm.writing.plan import Plan

ORDER: tuple[Target, ...] = ("company", "contact", "lead", "deal")
"""In which records are made, so that each can be linked to those before it."""
Planned = tuple[tuple[Step, ...], tuple[str, ...]]
"""Steps in order, the lead or deal last, and what must be known beside them."""


async def planned(incoming: Incoming, desk: Desk, metadata: Metadata) -> Planned:
    """What is to be done. An answer whose lead or deal is there has only steps that are found.

    Raises NotFound without a rule, and InvalidArguments for a rule that does not fit the portal any more, or for
    answers that do not fit, all of them at once.
    """
    rule = (await kept_rule(incoming.answered.quiz, desk, metadata)).rule
    await settle(desk.journal, incoming.answered.portal, metadata)  # before looking, so that what it finds is seen
    earlier = await made_before(incoming.answered, desk, metadata)
    if earlier.keys() & {"lead", "deal"}:
        return tuple(earlier[target] for target in ORDER if target in earlier), ()
    await _check_rule(rule, metadata)
    problems = NamedProblems()
    answers = await sorted_answers(incoming, rule, problems, metadata)
    planning = _Planning(incoming, rule, answers, earlier, problems, metadata)
    steps = await planning.steps()
    problems.check()
    return steps, (*planning.notes, *answers.left_out)


class _Planning:
    """One answer while its steps are found."""

    def __init__(
        self,
        incoming: Incoming,
        rule: IntakeRule,
        answers: Sorted,
        earlier: Mapping[Target, Found],
        problems: NamedProblems,
        metadata: Metadata,
    ) -> None:
        self._incoming = incoming
        self._rule = rule
        self._filled = answers.filled
        self._earlier = earlier
        self._problems = problems
        self._metadata = metadata
        self._person = ""
        self.notes: list[str] = []

    async def steps(self) -> tuple[Step, ...]:
        """The company, the contact, and the lead or deal, as far as there is something for each."""
        known = await self._known_contact()
        self._person = called(known or self._filled["contact"].values, CONTACTS)
        company = await self._company(known)
        contact = await self._contact(known, company)
        record = await self._record(contact, company)
        return tuple(step for step in (company, contact, record) if step is not None)

    async def _known_contact(self) -> Record | None:
        if before := self._earlier.get("contact"):
            return (await self._metadata.portal.records(CONTACTS, [before.id])).found.get(before.id)
        record, note = await contact_with(self._filled["contact"].values, self._metadata)
        self._note(note)
        return record

    async def _contact(self, known: Record | None, company: Step | None) -> Step | None:
        filled = self._filled["contact"]
        if before := self._earlier.get("contact"):
            return before
        if known is not None:
            await self._note_not_written(filled, known, "contact", linked=company)
            return Found("contact", int(known["id"]), self._person, "has this phone or address")
        if not filled.values:
            return None
        named = any(filled.values.get(name) for name in ("name", "lastName", "secondName"))
        self._person = self._person or self._incoming.label
        values = {**({} if named else {"name": self._person}), **filled.values}
        return await self._new("contact", values, *link_to(company, "companyId"))

    async def _company(self, contact: Record | None) -> Step | None:
        filled = self._filled["company"]
        name = self._incoming.company or str(filled.values.get("title") or "")
        if before := self._earlier.get("company"):
            return before
        if not name and not filled.values:
            return None
        record, how = (await company_of(contact, self._metadata) if contact else None), "is the contact's company"
        if record is None and name:
            record, note = await company_called(name, self._metadata)
            how = "has exactly this name"
            self._note(note)
        if record is None:
            return await self._new("company", {**filled.values, "title": name or self._person or self._incoming.label})
        title = called(record, COMPANIES)
        if name and how == "is the contact's company" and name != title:
            self._note(f"The contact belongs to another company than the one that is named: “{title}” is taken.")
        await self._note_not_written(filled, record, "company")
        return Found("company", int(record["id"]), title, how)

    async def _record(self, contact: Step | None, company: Step | None) -> Step:
        rule = self._rule
        place = (
            {"statusId": rule.lead_status}
            if rule.lead
            else {"categoryId": rule.funnel, "stageId": rule.stage, "typeId": rule.type}
        )
        filled = self._filled[rule.target].values
        about = self._person or self._incoming.company
        title = (
            self._incoming.title
            or filled.get("title")
            or (f"Quiz {rule.quiz}: {about}" if about else self._incoming.label)
        )
        contact_id, new_contact = link_to(contact, "contactId")
        company_id, new_company = link_to(company, "companyId")
        values = {**filled, "title": title, **place, **contact_id, **company_id}
        return await self._new(rule.target, values, {}, {**new_contact, **new_company})

    async def _new(
        self,
        target: Target,
        values: Mapping[str, Any],
        linked: Mapping[str, Any] | None = None,
        links: Mapping[str, Target] | None = None,
    ) -> New:
        """A record to make, with what every record of the rule gets."""
        entity = TARGETS[target]
        fields = await self._metadata.fields(entity)
        always: dict[str, Any] = {"assignedById": self._rule.responsible, "sourceId": self._rule.source}
        if "sourceId" not in fields or fields["sourceId"].read_only:
            del always["sourceId"]
        mark = origin(self._incoming.answered, fields)
        whole = {name: each for name, each in {**values, **always, **(linked or {})}.items() if each is not None}
        await self._problems.of_part(target, _check_required(whole, fields), None)
        plan = Plan(
            "create",
            entity,
            (Change("create", entity, None, {**whole, **mark}),),
            marks=(self._incoming.answered.mark,) if mark else (),
            called={0: called(whole, entity)},
        )
        return New(target, plan, links or {})

    async def _note_not_written(
        self, filled: Filled, record: Record, target: Target, *, linked: Step | None = None
    ) -> None:
        sources = not_written(filled, record, await self._metadata.fields(TARGETS[target]))
        if sources:
            left = ", ".join(sources)
            self._note(f"The {target} {record['id']} is there already and is not changed; not written: {left}.")
        if isinstance(linked, New):
            self._note(f"The {target} {record['id']} is not linked to the new company, because it is not changed.")

    def _note(self, note: str) -> None:
        if note:
            self.notes.append(note)


async def _check_required(values: Mapping[str, Any], fields: Fields) -> None:
    missing = [info for info in fields if info.required and not info.read_only and values.get(info.name) is None]
    if missing:
        told = [f"{each.name} ({each.title})" if each.title else each.name for each in missing]
        raise InvalidArguments(
            f"{', '.join(told)} is missing, and the portal requires it.",
            advice="Map a question to it, or let the portal do without.",
            code="REQUIRED_FIELD",
        )


async def _check_rule(rule: IntakeRule, metadata: Metadata) -> None:
    """Raises InvalidArguments for a rule that the portal would not take any more, or would take otherwise."""
    told = (await checked_rule(as_written(rule), metadata)).problems.told
    if told:
        raise InvalidArguments(
            f"The intake rule of questionnaire {rule.quiz} does not fit the portal any more. {' '.join(told)}",
            advice="Nothing was written. Mend it with save_intake_rule, mode change.",
            code="RULE_OUTDATED",
        )
