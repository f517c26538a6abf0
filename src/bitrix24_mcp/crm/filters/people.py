"""People by name: which user is meant where a filter holds a name instead of an id."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments, nearest
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.filters.syntax import Term
from bitrix24_mcp.crm.filters.values import scalar
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Person
from bitrix24_mcp.crm.text import plain

_ONESELF = frozenset({"me", "я"})
_NUMBERED = re.compile(r"user #(\d{1,18})(?: \(not visible\))?")
"""What answers call a user without a name."""
_SHOWN = 8


async def with_user_ids(term: Term, fields: Fields, metadata: Metadata) -> Term:
    """The condition with ids in place of people's names; conditions on other fields, or on an order, as they are."""
    if fields.kind(term.name) != "user" or term.operator not in {"eq", "ne", "in", "nin"}:
        return term
    found = [await user_id(written, term.name, metadata) for written in term.values]
    return replace(term, value=found if term.several else found[0])


async def user_id(written: Any, field: str, metadata: Metadata) -> int:
    """The id of the user who is meant by an id, a name, an e-mail address, or `me` for the key's own user.

    Raises InvalidArguments with the candidates when a name fits several or nobody, and PermissionRefused when the
    key may not read names.
    """
    text = _words(plain(written)) if isinstance(written, str) else ""
    if numbered := _NUMBERED.fullmatch(text):
        return int(numbered[1])
    if not any(map(str.isalpha, text)):
        return int(scalar(field, "user", written))
    if text in _ONESELF:
        return await _own_id(field, metadata)
    people = await metadata.people()
    found = _named(text, people)
    if len(found) == 1:
        return found[0].id
    raise _several(written, found) if found else _nobody(written, field, people)


def _named(text: str, people: Sequence[Person]) -> list[Person]:
    """Those with this full name or address, else with this first or last name, else with all of these words."""
    words = set(text.split())
    return (
        [
            each
            for each in people
            if text == fold(each.email) or (each.name and each.last_name and text in _full_names(each))
        ]
        or [each for each in people if text in {_words(each.name), _words(each.last_name)}]
        or [each for each in people if words <= set(_full_names(each)[0].split())]
    )


def _full_names(person: Person) -> tuple[str, str]:
    name, last_name = _words(person.name), _words(person.last_name)
    return f"{name} {last_name}".strip(), f"{last_name} {name}".strip()


def _words(text: str) -> str:
    return " ".join(fold(text).split())


async def _own_id(field: str, metadata: Metadata) -> int:
    own = (await metadata.identity()).user_id
    if own is None:
        raise InvalidArguments(
            "The portal does not say whose key this is.",
            advice=f"Give {field} a person's name or id instead of “me”.",
            code="UNKNOWN_VALUE",
        )
    return own


def _several(written: str, found: Sequence[Person]) -> InvalidArguments:
    shown = found[:_SHOWN]
    more = f" and {len(found) - len(shown)} more; write the full name" if len(found) > len(shown) else ""
    return InvalidArguments(
        f"“{written[:60]}” can be several people.",
        advice=f"Use the id: {', '.join(map(_described, shown))}{more}.",
        code="AMBIGUOUS_VALUE",
        candidates=[str(person.id) for person in shown],
    )


def _nobody(written: str, field: str, people: Sequence[Person]) -> InvalidArguments:
    near = _near(_words(written), people)
    advice = f"The nearest are {', '.join(map(_described, near))}." if near else "Look through the users."
    return InvalidArguments(
        f"{field}: this key sees nobody called “{written[:60]}”.",
        advice=advice,
        code="UNKNOWN_VALUE",
        candidates=[str(person.id) for person in near],
        next_call={"tool": "search_items", "arguments": {"entity": "users", "sort": "lastName"}},
    )


def _near(text: str, people: Sequence[Person]) -> list[Person]:
    called: dict[str, list[Person]] = {}
    for person in people:
        for name in {*_full_names(person), _words(person.name), _words(person.last_name)} - {""}:
            called.setdefault(name, []).append(person)
    return list(dict.fromkeys(person for name in nearest(text, list(called)) for person in called[name]))[:5]


def _described(person: Person) -> str:
    """The person for a person: `20 (Ирина Петрова, dismissed)`."""
    return f"{person.id} ({plain(person.called, 60)}{'' if person.active else ', dismissed'})"
