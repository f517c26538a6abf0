"""The answers sorted by the records and fields they go to, as the rule says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

from bitrix24_mcp.crm.fields import Fields, fold, spelling
from bitrix24_mcp.crm.intake.incoming import Incoming, is_empty
from bitrix24_mcp.crm.intake.named import NamedProblems
from bitrix24_mcp.crm.intake.rule import TARGETS, IntakeRule, Target
from bitrix24_mcp.crm.intake.values import answer_value
from bitrix24_mcp.crm.metadata import Metadata

_STANDARD = MappingProxyType(
    {"name": "name", "lastname": "lastName", "secondname": "secondName", "phone": "phone", "email": "email"}
)
"""The parts of a contact that need no rule, by their spelling."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What goes into the fields of one record. `sources`: by field, the questions that it comes from."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    sources: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def put(self, name: str, value: Any, source: str, *, several: bool) -> bool:
        """Adds a value; False where the field holds one already and takes no more."""
        if name in self.values and not several:
            return False
        if several:
            held = cast("list[Any]", self.values.setdefault(name, []))
            for each in cast("list[Any]", value):
                if each not in held:
                    held.append(each)
        else:
            self.values[name] = value
        self.sources.setdefault(name, []).append(source)
        return True


@dataclass(frozen=True, slots=True)
class Sorted:
    """The answers by kind of record; `left_out` says what goes nowhere, and why."""

    filled: dict[Target, Filled]
    left_out: list[str]


async def sorted_answers(incoming: Incoming, rule: IntakeRule, problems: NamedProblems, metadata: Metadata) -> Sorted:
    """Everything that was answered, in the fields that the rule names; what does not fit is noted as a problem."""
    sorting = _Sorting(incoming, rule, problems, metadata)
    await sorting.parts()
    await sorting.questions()
    return Sorted(sorting.filled, sorting.left_out())


class _Sorting:
    def __init__(self, incoming: Incoming, rule: IntakeRule, problems: NamedProblems, metadata: Metadata) -> None:
        self._incoming = incoming
        self._rule = rule
        self._problems = problems
        self._metadata = metadata
        self._unmapped: list[str] = []
        self._beaten: list[str] = []
        self.filled: dict[Target, Filled] = {target: Filled() for target in (rule.target, "company", "contact")}

    async def parts(self) -> None:
        """What is known of the person."""
        named = {fold(part): name for part, name in self._rule.contact_names.items()}
        for part, written in self._incoming.contact.items():
            name = named.get(fold(part)) or _STANDARD.get(spelling(part), "")
            if not name and not is_empty(written):
                self._unmapped.append(f"contact.{part[:40]}")
            elif not is_empty(written):
                await self._put("contact", name, written, f"contact.{part[:40]}")

    async def questions(self) -> None:
        """What was answered, and the rule's tags."""
        for question, written in self._incoming.answers.items():
            if is_empty(written):
                continue
            goes_to = list(self._goes_to(question))
            if not goes_to:
                self._unmapped.append(question[:40])
            for target, name in goes_to:
                await self._put(target, name, written, question[:40])
        for name, codes in self._rule.tags.items():
            self.filled[self._rule.target].put(name, list(codes), "tags", several=True)

    def left_out(self) -> list[str]:
        """What goes nowhere."""
        unmapped = f"The rule maps these nowhere: {', '.join(self._unmapped)}." if self._unmapped else ""
        beaten = f"What is known of the person counts more than {', '.join(self._beaten)}." if self._beaten else ""
        return [note for note in (unmapped, beaten) if note]

    def _goes_to(self, question: str) -> Iterator[tuple[Target, str]]:
        for target in self.filled:
            if name := self._rule.fields.get(target, {}).get(question.strip()):
                yield target, name

    async def _put(self, target: Target, name: str, written: Any, source: str) -> None:
        fields = await self._metadata.fields(TARGETS[target])
        work = answer_value(name, written, fields, self._metadata, self._incoming.at)
        value = await self._problems.of_part(source, work, None)
        if value is not None and not self.filled[target].put(name, value, source, several=_several(name, fields)):
            self._beaten.append(source)


def _several(name: str, fields: Fields) -> bool:
    return fields[name].multiple or fields.has_parts(name)
