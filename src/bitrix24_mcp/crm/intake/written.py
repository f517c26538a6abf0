"""A rule as callers write it: in our names, or whole as the API of a questionnaire service keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, cast

from bitrix24_mcp.crm.errors import InvalidArguments, nearest, quoted
from bitrix24_mcp.crm.intake.rule import TARGETS, IntakeRule, Target

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "QuizID": "quiz",
        "PerformerID": "responsible",
        "PipelineID": "funnel",
        "TypeID": "type",
        "StageID": "stage",
        "SourceID": "source",
        "LeadFlag": "lead",
        "StatusID": "lead_status",
        "FieldsRule": "fields",
        "TagsToAdd": "tags",
    }
)
_OF_THEIR_COPY = frozenset({"ID", "accountID", "Deleted", "CreatedAt"})
_QUESTIONS, _PARTS = "QuestionID", "ContactRuleMap"
_CONTACT_NAMES = "contact_names"


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """The parts as they were written; None, an empty text or nothing at all where one was not given."""

    quiz: Any = None
    responsible: Any = None
    source: Any = None
    lead: Any = None
    lead_status: Any = None
    funnel: Any = None
    stage: Any = None
    type: Any = None
    fields: Any = None
    tags: Any = None


def written_rule(given: Mapping[str, Any], pasted: Mapping[str, Any]) -> WrittenRule:
    """The rule from arguments and from a whole one beside them; an argument wins over its part of that one.

    Raises InvalidArguments for a whole one with parts that no rule has.
    """
    return WrittenRule(**{**_in_our_names(pasted), **{name: each for name, each in given.items() if each is not None}})


def as_written(rule: IntakeRule) -> WrittenRule:
    """A rule that is kept, as if it were written anew."""
    parts = {each.name: getattr(rule, each.name) for each in fields(WrittenRule)}
    named = {_CONTACT_NAMES: rule.contact_names} if rule.contact_names else {}
    return WrittenRule(**{**parts, "fields": {**rule.fields, **named}})


def questions_of(written: Any) -> tuple[dict[Target, dict[str, str]], dict[str, str]]:
    """The fields for answers by kind of record, and those for what is known of the person.

    Raises InvalidArguments for anything else than objects of texts.
    """
    questions: dict[Target, dict[str, str]] = {}
    parts: dict[str, str] = {}
    for word, held in _object(written or {}, "fields").items():
        where = f"fields.{word[:40]}"
        told = _object(held, where)
        if word.casefold() == _CONTACT_NAMES:
            parts |= _texts(told, where)
            continue
        target = _target(word)
        if target == "contact":
            parts |= _texts(_object(told.get(_PARTS) or {}, where), where)
        inner = told.get(_QUESTIONS) if set(told) <= {_QUESTIONS, _PARTS} else told
        if found := _texts(_object(inner or {}, where), where):
            questions[target] = found
    return questions, parts


def tags_of(written: Any) -> dict[str, list[str]]:
    """The tags by field. Raises InvalidArguments for anything else than lists of texts."""
    tags: dict[str, list[str]] = {}
    for name, held in _object(written or {}, "tags").items():
        several = cast("list[Any]", held) if isinstance(held, list | tuple) else [held]
        if not all(
            isinstance(each, str | int) and not isinstance(each, bool) and str(each).strip() for each in several
        ):
            raise _wrong(f"tags.{name[:40]}", "a list of texts")
        tags[name] = list(dict.fromkeys(str(each).strip() for each in several))
    return tags


def _in_our_names(pasted: Mapping[str, Any]) -> dict[str, Any]:
    known = {**_NAMES, **{name: name for name in _NAMES.values()}}
    unknown = [name for name in pasted if name not in known and name not in _OF_THEIR_COPY]
    if unknown:
        near = [each for name in unknown for each in nearest(name, list(_NAMES), 2)]
        raise InvalidArguments(
            f"A rule has no {quoted([f'“{name[:40]}”' for name in unknown[:6]])}.",
            advice=f"Its parts are {quoted(list(_NAMES))}.",
            code="INVALID_ARGUMENT",
            candidates=near,
        )
    return {known[name]: value for name, value in pasted.items() if name in known}


def _target(word: str) -> Target:
    if word.casefold() in TARGETS:
        return cast("Target", word.casefold())
    raise InvalidArguments(
        f"fields has no part “{word[:40]}”.",
        advice=f"Its parts are {quoted([*TARGETS, _CONTACT_NAMES])}.",
        code="INVALID_ARGUMENT",
        candidates=[*TARGETS, _CONTACT_NAMES],
    )


def _object(held: Any, where: str) -> dict[str, Any]:
    if not isinstance(held, Mapping):
        raise _wrong(where, "an object, such as {“q1”: “UF_CRM_…”}")
    return {str(name): value for name, value in cast("Mapping[Any, Any]", held).items()}


def _texts(held: Mapping[str, Any], where: str) -> dict[str, str]:
    """The fields that are named; one that is named empty is as good as left out."""
    if not all(isinstance(each, str) or each is None for each in held.values()):
        raise _wrong(where, "fields by question, such as {“q1”: “UF_CRM_…”}")
    return {name.strip(): each.strip() for name, each in held.items() if each and each.strip()}


def _wrong(where: str, wanted: str) -> InvalidArguments:
    return InvalidArguments(f"{where} takes {wanted}.", advice="Write it so.", code="INVALID_ARGUMENT")
