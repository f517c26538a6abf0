"""The closed lists behind fields: stages, funnels, directory and list values. Code and name both lead to a value."""

from collections.abc import Sequence
from dataclasses import dataclass

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, nearest
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.text import plain

OWNER_TYPES = {"deal": "deals", "lead": "leads", "contact": "contacts", "company": "companies"}
"""Whose comments a timeline holds (docs/entities/timelines); smart processes are `DYNAMIC_<entityTypeId>`."""
_SHOWN = 80
"""Characters of a name in an error."""
_ALL = 10
"""Values of a list that an error names all."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed value: what is stored and what people read; `also` are other words for it.

    Of a stage also the funnel it belongs to and what it means: "S" won, "F" lost, "" anything else.
    """

    code: str | int
    name: str
    funnel: int | None = None
    funnel_name: str = ""
    semantics: str = ""
    also: tuple[str, ...] = ()


async def choices(fields: Fields, name: str, metadata: Metadata) -> tuple[Choice, ...]:
    """The allowed values of a field, in the portal's order; empty when the portal does not close the list."""
    entity = fields.entity
    match fields.kind(name):
        case "stage":
            return await _stages(entity, metadata)
        case "funnel":
            return tuple(Choice(funnel.id, funnel.name) for funnel in await metadata.funnels(entity))
        case "status" if fields.directory(name):
            return tuple(Choice(each.code, each.name) for each in await metadata.directory(fields.directory(name)))
        case "list" if name in entity.values:
            numeric = fields[name].type == "integer"
            words = entity.also_values.get(name, {})
            return tuple(
                Choice(int(code) if numeric else code, word, also=words.get(code, ()))
                for code, word in entity.values[name].items()
            )
        case "list":
            return tuple(Choice(option.code, option.name) for option in fields[name].options)
        case "currency":
            return tuple(Choice(each.code, each.name) for each in await metadata.currencies())
        case "owner type":
            types = await metadata.smart_processes()
            own = [Choice(f"DYNAMIC_{each['entityTypeId']}", str(each.get("title") or "")) for each in types]
            return (*(Choice(code, word) for code, word in OWNER_TYPES.items()), *own)
        case _:
            return ()


async def _stages(entity: Entity, metadata: Metadata) -> tuple[Choice, ...]:
    stages = await metadata.stages(entity)
    funnels = await metadata.funnels(entity) if entity.has_funnels else ()
    names = {funnel.id: funnel.name for funnel in funnels}
    return tuple(
        Choice(each.code, each.name, each.funnel, names.get(each.funnel or 0, ""), each.semantics) for each in stages
    )


def said(written: object, offered: Sequence[Choice]) -> list[Choice]:
    """The choices that a code, a name or another word for one means; empty when it means none."""
    text = str(written)
    return (
        [choice for choice in offered if str(choice.code) == text]
        or [choice for choice in offered if _said(choice.name) == _said(text)]
        or [choice for choice in offered if fold(str(choice.code)) == fold(text)]
        or [choice for choice in offered if fold(text) in choice.also]
    )


def choose(written: object, offered: Sequence[Choice], field: str) -> list[Choice]:
    """The choices that a code or a name means, as stored or as answers show it: one, or several of the same name.

    Raises InvalidArguments with the nearest values when it means none.
    """
    text = str(written)
    if found := said(written, offered):
        return found
    meant: dict[str, list[Choice]] = {}
    for choice in offered:
        for word in {fold(str(choice.code)): None, _said(choice.name): None}:
            meant.setdefault(word, []).append(choice)
    close = nearest(fold(text), list(meant), 6)
    near = list(dict.fromkeys(choice for word in close for choice in meant[word]) or offered)[:6]
    if len(offered) <= _ALL:  # of a short list all are worth naming: the nearest word may mean the opposite
        close, near = [], list(dict.fromkeys([*near, *offered]))
    raise InvalidArguments(
        f"{field} has no value “{text[:60]}”.",
        advice=f"{'The nearest values are' if close else 'Its values are'} {', '.join(map(described, near))}"
        f"{'' if close or len(offered) <= len(near) else ' and others'}.",
        code="UNKNOWN_VALUE",
        candidates=[str(choice.code) for choice in near],
    )


def single(found: Sequence[Choice], written: object, field: str) -> Choice:
    """The one choice that was meant; raises InvalidArguments with the candidates when there are several."""
    if len(found) == 1:
        return found[0]
    raise InvalidArguments(
        f"“{str(written)[:60]}” can be several values of {field}.",
        advice=f"Use the code: {', '.join(map(described, found))}.",
        code="AMBIGUOUS_VALUE",
        candidates=[str(choice.code) for choice in found],
    )


def described(choice: Choice) -> str:
    """The choice for a person: `C5:WON (Won, funnel Partners)`."""
    funnel = f", funnel {plain(choice.funnel_name, _SHOWN) or choice.funnel}" if choice.funnel is not None else ""
    return f"{choice.code} ({plain(choice.name, _SHOWN)}{funnel})"


def _said(name: str) -> str:
    """The name as people compare it, without what answers do not show of it."""
    return fold(plain(name))
