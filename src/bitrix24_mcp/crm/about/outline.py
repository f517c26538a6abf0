"""An entity's description as the model reads it: every name once, long lists cut, and what was cut said."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from bitrix24_mcp.crm.about.capabilities import capabilities
from bitrix24_mcp.crm.about.description import LONGEST, Description, Ladder, Names, narrowed, read
from bitrix24_mcp.crm.catalogue.entities import RESERVED
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import FieldInfo
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.crm.text import plain

_MEANINGS = {"S": "won", "F": "lost"}


@dataclass(frozen=True, slots=True)
class Level:
    """How much of the lists is shown: values of each, stages of each meaning in a funnel, funnels."""

    values: int
    stages: int
    funnels: int = 50


_LEVELS = (Level(200, 200, 200), Level(50, 50), Level(10, 16), Level(4, 8), Level(0, 4), Level(0, 0), Level(0, 0, 10))
_OF_DETAIL, _OF_FIND, _USUAL = 0, 1, 2
"""Where the first try stands; what does not fit into the budget is tried at the next level."""


async def describe(written: str, find: str, budget: int, metadata: Metadata, *, detail: bool) -> dict[str, Any]:
    """The outline of an entity within a token budget, narrowed to what contains `find` if that is given.

    Raises InvalidArguments for an unknown entity; a part that the key may not read is named in `not_read`.
    """
    whole = await read(await resolve_entity(written, metadata), metadata, detail=detail)
    description = narrowed(whole, find) if find else whole
    outline = _Outline(description, find, detail=detail)
    first = _OF_DETAIL if detail else _OF_FIND if find else _USUAL
    for level in _LEVELS[first:]:
        answer = outline.at(level, description.listed)
        if _cost(answer) <= budget:
            return answer
    sizes = range(1, len(description.listed) + 1)
    least = _LEVELS[-1]
    fitting = bisect_left(sizes, True, key=lambda size: _cost(outline.at(least, description.listed[:size])) > budget)  # noqa: FBT003 - the value that is looked for
    return outline.at(least, description.listed[:fitting])


def _cost(answer: dict[str, Any]) -> int:
    return tokens(compact(answer))


@dataclass(slots=True)
class _Cuts:
    """Lists cut to so many values; `stated` says of each cut one how much of it is shown."""

    stated: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, name: str, shown: int, there: int) -> None:
        """Says how much of a list is shown, unless it is shown whole."""
        if shown < there:
            self.stated[name] = f"{shown} of {there}"

    def of(self, name: str, values: Names, most: int) -> dict[str, str]:
        """The first values of a list."""
        self.note(name, most, len(values))
        return dict(islice(values.items(), most))


@dataclass(frozen=True, slots=True)
class _Outline:
    """One description, rendered at any level."""

    description: Description
    find: str
    detail: bool = field(kw_only=True)

    def at(self, level: Level, shown: Sequence[FieldInfo]) -> dict[str, Any]:
        """The answer with these fields; parts without content are left out."""
        whole, fields = self.description, self.description.fields
        names = [info.name for info in shown]
        used = {fields.directory(name) for name in names if fields.kind(name) == "status"}
        cuts = _Cuts()
        cuts.note("fields", len(shown), len(whole.listed))
        parts: dict[str, Any] = {
            "can": {} if self.find else capabilities(fields),
            "money": {name: currency for name in names if (currency := fields.currency_of(name)) in fields},
            "values": _lists({name: whole.values[name] for name in names if name in whole.values}, level, cuts),
            "directories": _lists(
                {name: each for name, each in whole.directories.items() if name in used}, level, cuts
            ),
            **_stages(whole.ladders, level, cuts),
            "currencies": list(whole.currencies),
            "read_only": [info.name for info in shown if info.read_only] if self.detail else [],
            "user_fields": _user_fields(fields, shown) if self.detail else {},
            "cut": cuts.stated,
            "not_read": dict(whole.not_read),
            "note": self._note(cuts, level),
        }
        titled = {"title": plain(fields.entity.title, LONGEST)} if fields.entity.smart_process else {}
        return {
            "entity": fields.entity.name,
            **titled,
            "fields": _by_type(fields, shown),
            **{name: part for name, part in parts.items() if part},
        }

    def _note(self, cuts: _Cuts, level: Level) -> str:
        notes: list[str] = []
        if self.find and not (self.description.listed or self.description.ladders):
            unread = " What could not be read was not searched." if self.description.not_read else ""
            name = self.description.fields.entity.name
            notes.append(f"No field, label or value of {name} contains “{self.find[:60]}”.{unread}")
        if cuts.stated:
            longer = ", detail shows longer lists" if level == _LEVELS[_USUAL] else ""
            notes.append(f"cut names what is shown in part: find shows the fields and values with a text{longer}.")
        return " ".join(notes)


def _by_type(fields: Fields, shown: Sequence[FieldInfo]) -> dict[str, dict[str, str]]:
    """Labels by field name, by type; the label is empty where the portal gives none."""
    found: dict[str, dict[str, str]] = {}
    for info in shown:
        label = plain(info.title, LONGEST)
        found.setdefault(_type(info, fields), {})[info.name] = "" if label == info.name else label
    return found


def _user_fields(fields: Fields, shown: Sequence[FieldInfo]) -> dict[str, list[str]]:
    """The names of the fields that administrators added, by the portal's own word for their type (docs/userfields)."""
    found: dict[str, list[str]] = {}
    for info in shown:
        if fields.is_user_field(info.name):
            found.setdefault(plain(info.type, LONGEST) or fields.kind(info.name), []).append(info.name)
    return found


def _type(info: FieldInfo, fields: Fields) -> str:
    """The kind of value in a word or two, with the directory or entity that it points to."""
    kind, word = fields.kind(info.name), ""
    match kind:
        case "status" if directory := fields.directory(info.name):
            word = f"directory {directory}"
        case "link" if target := fields.entity.target(info.name):
            own = RESERVED.get(int(target)) if target.isdecimal() else None
            word = f"link to {own.name if own else target}"
        case "link" | "other":
            word = plain(info.type, LONGEST) or kind
        case _:
            word = kind
    return f"{word}, several" if info.multiple else word


def _lists(lists: dict[str, Names], level: Level, cuts: _Cuts) -> dict[str, dict[str, str]]:
    shown = {name: cuts.of(name, values, level.values) for name, values in lists.items()}
    return {name: values for name, values in shown.items() if values}


def _stages(ladders: Sequence[Ladder], level: Level, cuts: _Cuts) -> dict[str, Any]:
    """`funnels` with their stages, or the `stages` of an entity without funnels; by meaning, in order."""
    found = [(ladder.funnel, _by_meaning(ladder, level, cuts)) for ladder in ladders[: level.funnels]]
    cuts.note("funnels", len(found), len(ladders))
    alone: dict[str, dict[str, str]] = {}
    return {
        "funnels": [
            {"id": funnel.id, "name": plain(funnel.name, LONGEST), **({"stages": stages} if stages else {})}
            for funnel, stages in found
            if funnel
        ],
        "stages": next((stages for funnel, stages in found if funnel is None), alone),
    }


def _by_meaning(ladder: Ladder, level: Level, cuts: _Cuts) -> dict[str, dict[str, str]]:
    stages: dict[str, dict[str, str]] = {}
    for stage in ladder.stages:
        meaning = _MEANINGS.get(stage.semantics, "in progress")
        stages.setdefault(meaning, {})[stage.code] = plain(stage.name, LONGEST)
    shown = {meaning: dict(islice(named.items(), level.stages)) for meaning, named in stages.items()}
    which = f"stages of funnel {ladder.funnel.id}" if ladder.funnel else "stages"
    cuts.note(which, sum(map(len, shown.values())), len(ladder.stages))
    return {meaning: named for meaning, named in shown.items() if named}
