"""Long records in a token budget: what does not fit is cut from the end, and the reader is told what."""

from collections.abc import Sequence
from typing import Any, cast

from bitrix24_mcp.crm.shape import compact, fitting, tokens

_ROOM_AROUND = 200
"""Tokens kept for what surrounds the records: lists of ids and the note."""
_LONGEST_LIST = 150
"""Tokens of a list in the note; a longer one is told by its length and where it begins."""


def fit(items: Sequence[dict[str, Any]], budget: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The first records that fit into a token budget, one at least, and sentences on what was left out.

    Of a first record that is too long by itself, related lists lose their last rows, then linked records and then
    fields are left out from the end.
    """
    if not items:
        return [], []
    kept = [*items[: fitting(items, budget)]]
    notes: list[str] = []
    if left := [str(item["id"]) for item in items[len(kept) :]]:
        named = _listed(left, f"the {len(left)} records from {left[0]} on")
        notes.append(f"Not shown to keep within the token budget: {named}; ask for these ids again.")
    excess = tokens(compact(kept[0])) - (budget - _ROOM_AROUND - sum(map(tokens, notes)))
    if len(kept) == 1 and excess > 0:
        kept[0], cut = _shortened(kept[0], excess)
        notes.insert(0, f"Record {kept[0]['id']} is cut to keep within the token budget; left out: {cut}.")
    if notes:
        notes.append("Fewer columns in select, or a smaller include, make room.")
    return kept, notes


def _listed(names: Sequence[str], in_short: str) -> str:
    """The names, or how many there are where they would cost too much."""
    named = ", ".join(names)
    return named if tokens(named) <= _LONGEST_LIST else in_short


def _shortened(item: dict[str, Any], excess: int) -> tuple[dict[str, Any], str]:
    """The record without what is too much, and the names of that."""
    related = dict(cast("dict[str, Any]", item.get("related", {})))
    cut: list[str] = []
    for name in reversed([name for name, value in related.items() if isinstance(value, list)]):
        rows = cast("list[Any]", related[name])
        kept = len(rows)
        while kept and excess > 0:
            kept -= 1
            excess -= tokens(compact(rows[kept])) + 1
        if kept < len(rows):
            related = {**related, name: rows[:kept], f"{name}_total": related.get(f"{name}_total", len(rows))}
            cut.append(f"{len(rows) - kept} of the {name} shown otherwise")
    linked, excess = _dropped(related, [name for name, value in related.items() if isinstance(value, dict)], excess)
    own = {name: value for name, value in item.items() if name != "related"}
    gone, _ = _dropped(own, [name for name in own if name != "id"], excess)
    fields = [_listed(gone, f"the {len(gone)} fields behind {[*own][-1]}")] if gone else []
    return {**own, **({"related": related} if related else {})}, ", ".join([*cut, *linked, *fields])


def _dropped(held: dict[str, Any], names: Sequence[str], excess: int) -> tuple[list[str], int]:
    """Takes the named parts out, the last first, until nothing is too much: which those were, and what still is."""
    gone: list[str] = []
    for name in reversed(names):
        if excess <= 0:
            break
        excess -= tokens(compact({name: held.pop(name)}))
        gone.append(name)
    return gone, excess
