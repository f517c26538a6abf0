"""Phones, mail addresses and sites: several values in one field, each with a number and a kind of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.values import ValueRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Part:
    """One phone, say; an empty number means that it is new."""

    value: str
    kind: str = "WORK"
    number: str = ""


def kept(text: str | None) -> list[Part]:
    """The values of a column."""
    rows = cast("list[dict[str, str]]", json.loads(text or "[]"))
    return [Part(row["VALUE"], row["VALUE_TYPE"], row["ID"]) for row in rows]


def column(parts: Iterable[Part]) -> str:
    """The values as a column keeps them."""
    rows = [{"ID": part.number, "VALUE_TYPE": part.kind, "VALUE": part.value} for part in parts]
    return json.dumps(rows, ensure_ascii=False)


def sent(value: object, *, empty: bool = False) -> list[Part]:
    """The values of a request, as `{value, typeId}` or `{VALUE, VALUE_TYPE}` (docs/entities/contacts).

    Those that are empty count as not sent, unless `empty`.
    """
    if not isinstance(value, list):
        raise ValueRefused("an array of values is expected")
    return [part for part in map(_sent, cast("list[object]", value)) if empty or part.value]


def numbered(parts: Iterable[Part], before: list[Part], numbers: Iterator[int]) -> list[Part]:
    """The values with their numbers: those that were there before keep theirs, new ones get one nobody had."""
    left = list(before)
    found: list[Part] = []
    for part in parts:
        same = next((old for old in left if part.number == old.number or part.value == old.value), None)
        if same:
            left.remove(same)
        number = same.number if same else str(next(numbers))
        found.append(Part(part.value, part.kind, number))
    return found


def _sent(entry: object) -> Part:
    if not isinstance(entry, dict):
        raise ValueRefused("an array of {value, typeId} is expected")
    keys = {key.lower(): content for key, content in cast("dict[str, object]", entry).items()}
    if any(isinstance(content, (dict, list)) for content in keys.values()):
        raise ValueRefused("an array of {value, typeId} is expected")
    kind = keys.get("typeid") or keys.get("value_type") or "WORK"
    return Part(str(keys.get("value") or "").strip(), str(kind), str(keys.get("id") or ""))
