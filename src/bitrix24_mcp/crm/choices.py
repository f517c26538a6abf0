"""The closed lists behind fields: stages, funnels, directory and list values. Code and name both lead to a value."""

from collections.abc import Sequence
from dataclasses import dataclass

from bitrix24_mcp.crm.errors import InvalidArguments, nearest
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.metadata import Metadata

OWNER_TYPES = {"deal": "deals", "lead": "leads", "contact": "contacts", "company": "companies"}
"""Whose comments a timeline holds (docs/entities/timelines); smart processes are `DYNAMIC_<entityTypeId>`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed value: what is stored, what people read, and for a stage the funnel it belongs to."""

    code: str | int
    name: str
    funnel: int | None = None


async def choices(fields: Fields, name: str, metadata: Metadata) -> tuple[Choice, ...]:
    """The allowed values of a field, in the portal's order; empty when the portal does not close the list."""
    entity = fields.entity
    match fields.kind(name):
        case "stage":
            return tuple(Choice(stage.code, stage.name, stage.funnel) for stage in await metadata.stages(entity))
        case "funnel":
            return tuple(Choice(funnel.id, funnel.name) for funnel in await metadata.funnels(entity))
        case "status" if fields.directory(name):
            return tuple(Choice(each.code, each.name) for each in await metadata.directory(fields.directory(name)))
        case "list" if name in entity.values:
            numeric = fields[name].type == "integer"
            return tuple(Choice(int(code) if numeric else code, word) for code, word in entity.values[name].items())
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


def choose(written: object, offered: Sequence[Choice], field: str) -> list[Choice]:
    """The choices that a code or a name means: one, or several of the same name.

    Raises InvalidArguments with the nearest values when it means none.
    """
    text = str(written)
    found = (
        [choice for choice in offered if str(choice.code) == text]
        or [choice for choice in offered if fold(choice.name) == fold(text)]
        or [choice for choice in offered if fold(str(choice.code)) == fold(text)]
    )
    if found:
        return found
    meant: dict[str, list[Choice]] = {}
    for choice in offered:
        for word in {fold(str(choice.code)): None, fold(choice.name): None}:
            meant.setdefault(word, []).append(choice)
    close = nearest(fold(text), list(meant), 6)
    near = list(dict.fromkeys(choice for word in close for choice in meant[word]) or offered)[:6]
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
    """The choice for a person: `C5:WON (Won, funnel 5)`."""
    funnel = f", funnel {choice.funnel}" if choice.funnel is not None else ""
    return f"{choice.code} ({choice.name}{funnel})"
