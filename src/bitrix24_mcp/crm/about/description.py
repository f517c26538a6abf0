"""What the portal says about an entity: its fields and the closed lists behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bitrix24_mcp.crm.about.parts import Parts
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.choices import choices
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import FieldInfo, Funnel, Status
from bitrix24_mcp.crm.text import plain

LONGEST = 120
"""Characters of a label or a name; nobody reads on."""

Names = Mapping[str, str]
"""What people read, by what is stored."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The stages of one funnel in order, or of an entity without funnels."""

    funnel: Funnel | None
    stages: tuple[Status, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """An entity's fields in the portal's order, with the values of their lists.

    `values` are by field, `directories` by directory id; `not_read` says what the key may not read, and why.
    """

    fields: Fields
    listed: tuple[FieldInfo, ...]
    values: Mapping[str, Names]
    directories: Mapping[str, Names]
    ladders: tuple[Ladder, ...]
    currencies: Names
    not_read: Mapping[str, str]


async def read(entity: Entity, metadata: Metadata, *, detail: bool = False) -> Description:
    """Everything the portal says about the entity, in the fewest reads; all of it is kept for five minutes.

    Funnels without stages are rare: they are asked for where a field holds one, and for `detail`.
    """
    fields, parts = await metadata.fields(entity), Parts()
    kinds = {fields.kind(info.name) for info in fields}
    directories: Mapping[str, tuple[Status, ...]] = {}
    if "status" in kinds or ("stage" in kinds and entity.stage_directory):
        directories = await parts.read("stages and directories", metadata.directories(), {})
    laddered = (detail or "funnel" in kinds) if entity.funnels_alone else "stage" in kinds
    wanted = dict.fromkeys(fields.directory(info.name) for info in fields if fields.kind(info.name) == "status")
    return Description(
        fields=fields,
        listed=tuple(fields),
        values=await _values(fields, metadata, parts),
        directories={
            name: {status.code: _word(status.name) for status in directories[name]}
            for name in wanted
            if name in directories
        },
        ladders=await _ladders(entity, directories, metadata, parts) if laddered else (),
        currencies=await _currencies(metadata, parts) if kinds & {"currency", "money"} else {},
        not_read=parts.not_read,
    )


async def _values(fields: Fields, metadata: Metadata, parts: Parts) -> dict[str, Names]:
    lists = [info.name for info in fields if fields.kind(info.name) in {"list", "owner type"}]
    offered = {name: await parts.read(f"values of {name}", choices(fields, name, metadata), ()) for name in lists}
    return {name: {str(each.code): _word(each.name) for each in found} for name, found in offered.items() if found}


async def _ladders(
    entity: Entity, directories: Mapping[str, tuple[Status, ...]], metadata: Metadata, parts: Parts
) -> tuple[Ladder, ...]:
    if entity.funnels_alone:
        alone = await parts.read("funnels", metadata.funnels(entity), (), offered=False)
        return tuple(Ladder(funnel, ()) for funnel in alone)
    if not entity.stage_directory:
        return ()
    if not entity.has_funnels:
        stages = directories.get(entity.stage_directory, ())
        return (Ladder(None, stages),) if stages else ()
    funnels = await parts.read("funnels", metadata.funnels(entity), ())
    return tuple(Ladder(funnel, directories.get(entity.stages_of(funnel.id), ())) for funnel in funnels)


async def _currencies(metadata: Metadata, parts: Parts) -> Names:
    found = await parts.read("currencies", metadata.currencies(), ())
    return {each.code: _word(each.name) for each in found}


def narrowed(whole: Description, text: str) -> Description:
    """The fields whose name, label or a value of theirs contains the text, and of the other lists what contains it."""
    fields = whole.fields
    named = {info.name for info in whole.listed if _has(text, info.name, info.title)}
    hit_kinds = {fields.kind(name) for name in named}
    hit_directories = {fields.directory(name) for name in named if fields.kind(name) == "status"}
    values = _hits(whole.values, named, text)
    directories = _hits(whole.directories, hit_directories, text)
    ladders = whole.ladders if hit_kinds & {"stage", "funnel"} else _matching(whole.ladders, text)
    currencies = whole.currencies if hit_kinds & {"currency", "money"} else _those(whole.currencies, text)
    behind = {
        "stage": any(ladder.stages for ladder in ladders),
        "funnel": any(ladder.funnel and _has(text, ladder.funnel.name) for ladder in ladders),
        "currency": bool(currencies),
    }

    def shown(info: FieldInfo) -> bool:
        kind = fields.kind(info.name)
        listed = info.name in values or (kind == "status" and fields.directory(info.name) in directories)
        return info.name in named or listed or behind.get(kind, False)

    return replace(
        whole,
        listed=tuple(filter(shown, whole.listed)),
        values=values,
        directories=directories,
        ladders=ladders,
        currencies=currencies,
    )


def _hits(lists: Mapping[str, Names], whole: set[str], text: str) -> dict[str, Names]:
    """The lists that are wanted whole, and of the others what contains the text."""
    found = {name: names if name in whole else _those(names, text) for name, names in lists.items()}
    return {name: names for name, names in found.items() if names}


def _matching(ladders: tuple[Ladder, ...], text: str) -> tuple[Ladder, ...]:
    found = (
        ladder
        if ladder.funnel and _has(text, ladder.funnel.name)
        else replace(ladder, stages=tuple(each for each in ladder.stages if _has(text, each.code, each.name)))
        for ladder in ladders
    )
    return tuple(ladder for ladder in found if ladder.stages or (ladder.funnel and _has(text, ladder.funnel.name)))


def _those(names: Names, text: str) -> Names:
    return {code: name for code, name in names.items() if _has(text, code, name)}


def _has(text: str, *words: str) -> bool:
    wanted = fold(text)
    return any(wanted in fold(word) for word in words)


def _word(name: str) -> str:
    return plain(name, LONGEST)
