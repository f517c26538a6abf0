"""From what a linked record is called to its id, for conditions such as `{"companyId": "Ромашка"}`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.filters import values
from bitrix24_mcp.crm.filters.syntax import MAX_TEXT, Term
from bitrix24_mcp.crm.links import LONGEST_NAME, TYPED, called
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, RecordQuery, Scalar, Sort
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.text import beginning, cut

MOST_NAMES = 20
"""Names in one condition, each of which is a search or two."""
_MOST_FOUND = 500
_SHOWN = 8
_LEAST_PART = 3
_DOUBTFUL = re.compile(r"[её\s]", re.IGNORECASE)
"""What a portal may keep in another way than it is written: е for ё, and spaces that do not break or stand twice."""
_NAMED = {"eq", "ne", "in", "nin"}


async def with_ids(term: Term, fields: Fields, metadata: Metadata) -> Term:
    """The condition with an id in place of what a linked record is called; conditions on other fields as they are.

    Raises InvalidArguments when no record is called so, or several are, and for what can be no record's id.
    """
    if fields.kind(term.name) != "link":
        return term
    named = sum(_is_name(written) for written in term.values)
    if named > MOST_NAMES:
        raise InvalidArguments(
            f"{term.name} lists {named} names to look up; {MOST_NAMES} at most.",
            advice="Give ids, or ask in several calls.",
            code="FILTER_TOO_LARGE",
        )
    found = [await _id(term, written, fields.entity, metadata) for written in term.values]
    return replace(term, value=found if term.several else found[0])


def _is_name(written: Any) -> bool:
    return isinstance(written, str) and not written.strip().lstrip("+-").isdecimal() and bool(written.strip())


async def _id(term: Term, written: Any, entity: Entity, metadata: Metadata) -> Scalar:
    if not _is_name(written) or term.operator not in _NAMED:
        return values.scalar(term.name, "integer", written)
    if target := entity.target(term.name):
        return await _looked_up(
            " ".join(beginning(written).split()), term.name, await resolve_entity(target, metadata), metadata
        )
    if TYPED.fullmatch(written):
        return str(written)
    raise InvalidArguments(
        f"{term.name} takes the id of a record, not “{written[:40]}”.",
        advice="Where it links to records of several kinds, the kind stands before the id: L_, D_, C_ or CO_ for "
        "leads, deals, contacts and companies, such as CO_25.",
        code="INVALID_VALUE",
    )


async def _looked_up(text: str, field: str, entity: Entity, metadata: Metadata) -> int:
    found, part = await _called_like(text, entity, metadata.portal)
    if part:
        raise InvalidArguments(
            f"More than {_MOST_FOUND} {entity.plural} have “{part[:60]}” in their name.",
            advice=f"Write more of the name, or give the id as {field}.",
            code="AMBIGUOUS_VALUE",
            candidates=[str(each) for each in list(found)[:_SHOWN]],
        )
    if not found:
        raise _unknown(text, field, entity)
    meant = _nearest(text, found, entity)
    if len(meant) > 1:
        shown = [f"{each} ({cut(found[each], LONGEST_NAME)})" for each in meant[:_SHOWN]]
        rest = f" and {len(meant) - _SHOWN} more" if len(meant) > _SHOWN else ""
        raise InvalidArguments(
            f"“{text[:60]}” can be several {entity.plural}.",
            advice=f"Use the id: {', '.join(shown)}{rest}.",
            code="AMBIGUOUS_VALUE",
            candidates=[str(each) for each in meant[:_SHOWN]],
        )
    return meant[0]


async def _called_like(text: str, entity: Entity, portal: Portal) -> tuple[dict[int, str], str]:
    """The records with the text in their name, and the part of it that more have than were read, empty if none.

    A person's name stands in two fields: the longest word is looked for in both, the other words here. The portal
    may tell е from ё and one kind of space from another: a name that is not found is looked for by its longest part
    without them.
    """
    person = len(entity.name_fields) > 1
    words = text.split() if person else [text]
    part = max(words, key=len)
    found, more = await _containing(part, entity, portal)
    sure = max(_DOUBTFUL.split(part), key=len)
    if not found and len(part) > len(sure) >= _LEAST_PART:
        part = sure
        found, more = await _containing(part, entity, portal)
    if part != text:
        found = {each: name for each, name in found.items() if all(_said(word) in _said(name) for word in words)}
    return dict(sorted(found.items())), part if more else ""


def _said(name: str) -> str:
    """The name as people compare it, whatever its spaces are."""
    return " ".join(fold(name).split())


async def _containing(part: str, entity: Entity, portal: Portal) -> tuple[dict[int, str], bool]:
    found: dict[int, str] = {}
    more = False
    for name in entity.name_fields:
        look, columns = (Condition(name, "contains", part),), ("id", *entity.name_fields)
        page = await portal.search(RecordQuery(entity, look, (Sort("id"),), columns, _MOST_FOUND))
        found.update((int(row["id"]), called(row, entity, MAX_TEXT)) for row in page.rows)
        more = more or page.has_more
    return found, more


def _nearest(text: str, found: dict[int, str], entity: Entity) -> Sequence[int]:
    """Those called exactly so; of people, else those of whose names each word is one; else all."""
    words = fold(text).split()
    parts = {each: fold(name).split() for each, name in found.items()}
    if len(entity.name_fields) == 1:
        return [each for each, name in parts.items() if name == words] or list(found)
    exact = [each for each, name in parts.items() if sorted(name) == sorted(words)]
    return exact or [each for each, name in parts.items() if set(words) <= set(name)] or list(found)


def _unknown(text: str, field: str, entity: Entity) -> InvalidArguments:
    stem = max(text.split(), key=len)
    stem = stem[: max(3, len(stem) * 2 // 3)]
    return InvalidArguments(
        f"No {entity.singular} that this key can see is called “{text[:60]}”.",
        advice=f"Look for it by a part of the name with search_items, then give its id as {field}.",
        code="UNKNOWN_VALUE",
        next_call={
            "tool": "search_items",
            "arguments": {"entity": entity.name, "filter": {entity.name_fields[-1]: {"$contains": stem}}},
        },
    )
