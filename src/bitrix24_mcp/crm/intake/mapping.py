"""Which fields a rule may fill: those that exist, can be written, and are not filled by the rule's own parts."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bitrix24_mcp.crm.catalogue.entity import ORIGINATOR, Entity
from bitrix24_mcp.crm.choices import choices, choose, single
from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.intake.named import NamedProblems
from bitrix24_mcp.crm.intake.rule import TARGETS, Target
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.writing.values import LONGEST

_ALL = frozenset({"assignedById", "sourceId", *ORIGINATOR})
_CLIENT = frozenset({"companyId", "contactId", "contactIds"})
_BY_THE_RULE: Mapping[Target, frozenset[str]] = MappingProxyType(
    {
        "lead": _ALL | _CLIENT | {"statusId"},
        "deal": _ALL | _CLIENT | {"categoryId", "stageId", "typeId"},
        "company": _ALL | {"contactIds"},
        "contact": _ALL | {"companyId", "companyIds"},
    }
)
"""Fields that other parts of the rule fill, or the links between what it makes."""
_FROM_THE_STAGE = frozenset({"stageSemanticId", "closed"})
_REGISTERED = "rest_"
"""The beginning of the types of user fields that applications register (docs: userfieldtype.add)."""


async def check_mapping(
    questions: Mapping[Target, Mapping[str, str]],
    parts: Mapping[str, str],
    problems: NamedProblems,
    metadata: Metadata,
) -> tuple[dict[Target, dict[str, str]], dict[str, str]]:
    """The same with the fields' own names; what is wrong is noted and left out.

    `questions`: by kind of record, the field for each answer; `parts`: the contact's for what is known of the person.
    """
    found: dict[Target, dict[str, str]] = {}
    for target, wanted in questions.items():
        found[target] = await _fields_for(wanted, target, f"fields.{target}", problems, metadata)
    named = await _fields_for(parts, "contact", "contact_names", problems, metadata)
    for target in TARGETS:
        filled = [*found.get(target, {}).items(), *(named.items() if target == "contact" else ())]
        await problems.of_part(f"fields.{target}", _check_once(filled, target, metadata), None)
    return found, named


async def check_tags(
    written: Mapping[str, Sequence[str]], entity: Entity, problems: NamedProblems, metadata: Metadata
) -> dict[str, tuple[str, ...]]:
    """The tags by the name of their field, values of lists as their codes; what is wrong is noted and left out."""
    tags: dict[str, tuple[str, ...]] = {}
    for word, texts in written.items():
        where = f"tags.{word[:40]}"
        fields = await problems.of_part(where, metadata.fields(entity), None)
        name = await problems.of_part(where, _tag_field(word, fields), "") if fields else ""
        if name and fields:
            codes = [await problems.of_part(where, _tag(each, name, fields, metadata), "") for each in texts]
            tags[name] = tuple(dict.fromkeys((*tags.get(name, ()), *filter(None, codes))))
    return {name: codes for name, codes in tags.items() if codes}


async def _fields_for(
    wanted: Mapping[str, str], target: Target, where: str, problems: NamedProblems, metadata: Metadata
) -> dict[str, str]:
    found: dict[str, str] = {}
    for question, word in wanted.items():
        name = await problems.of_part(f"{where}.{question[:40]}", _field(word, target, metadata), "")
        if name:
            found[question] = name
    return found


async def _field(word: str, target: Target, metadata: Metadata) -> str:
    fields = await metadata.fields(TARGETS[target])
    name = fields.resolve(word)
    if name in _BY_THE_RULE[target]:
        raise InvalidArguments(
            f"{name} is filled by the rule itself.",
            advice="Leave it out here; responsible, source, stage and the like are parts of their own.",
            code="INVALID_FIELD",
        )
    _check_writable(name, fields)
    return name


def _check_writable(name: str, fields: Fields) -> None:
    info = fields[name]
    if name == "id" or info.read_only or name in _FROM_THE_STAGE:
        raise InvalidArguments(
            f"{name} cannot be written.", advice="The portal writes it itself; name another.", code="READ_ONLY_FIELD"
        )
    if info.type.casefold() == "file":
        raise InvalidArguments(
            f"{name} holds files, which cannot be written here.", advice="Name another.", code="INVALID_FIELD"
        )


async def _check_once(filled: Sequence[tuple[str, str]], target: Target, metadata: Metadata) -> None:
    """Raises InvalidArguments for a field of one value that several answers would go to."""
    if not filled:
        return
    fields = await metadata.fields(TARGETS[target])
    names = [name for _, name in filled]
    for name in dict.fromkeys(names):
        if names.count(name) > 1 and not fields[name].multiple and not fields.has_parts(name):
            sources = [source[:40] for source, each in filled if each == name]
            raise InvalidArguments(
                f"{name} holds one value, and {' and '.join(sources)} go to it.",
                advice="Give each its own field.",
                code="FIELD_TAKEN",
            )


async def _tag_field(word: str, fields: Fields | None) -> str:
    if fields is None:
        return ""
    name = fields.resolve(word)
    several = [info.name for info in fields if fields.is_user_field(info.name) and info.multiple and not info.read_only]
    if name not in several or not _takes_texts(name, fields):
        raise InvalidArguments(
            f"{name} is no field for tags: those are custom fields of {fields.entity.plural} that hold several texts "
            "or list values.",
            advice=f"There is {quoted([each for each in several if _takes_texts(each, fields)]) or 'none'}.",
            code="INVALID_FIELD",
            candidates=[each for each in several if _takes_texts(each, fields)],
        )
    return name


def _takes_texts(name: str, fields: Fields) -> bool:
    registered = fields[name].type.casefold().startswith(_REGISTERED)
    return fields.kind(name) in {"string", "list"} or registered


async def _tag(text: str, name: str, fields: Fields, metadata: Metadata) -> str:
    if len(text) > LONGEST:
        raise InvalidArguments("A tag is too long.", advice=f"It holds {LONGEST:,} characters.", code="INVALID_VALUE")
    if fields.kind(name) != "list":
        return text
    offered = await choices(fields, name, metadata)
    return str(single(choose(text, offered, name), text, name).code)
