"""Long records in a token budget: what does not fit is cut from the end, and the reader is told what."""

from collections.abc import Sequence
from typing import Any, cast

from bitrix24_mcp.crm.shape import compact, fitting, tokens

_ROOM_AROUND = 200
"""Tokens kept for what surrounds the records: lists of ids and the note."""


def fit(items: Sequence[dict[str, Any]], budget: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The first records that fit into a token budget, one at least, and sentences on what was left out.

    Of a first record that is too long by itself, related lists lose their last rows, then fields are left out from
    the end.
    """
    if not items:
        return [], []
    kept = [*items[: fitting(items, budget)]]
    notes: list[str] = []
    excess = tokens(compact(kept[0])) - (budget - _ROOM_AROUND)
    if len(kept) == 1 and excess > 0:
        kept[0], cut = _shortened(kept[0], excess)
        notes.append(f"Record {kept[0]['id']} is cut to keep within the token budget; left out: {', '.join(cut)}.")
    left = [str(item["id"]) for item in items[len(kept) :]]
    if left:
        notes.append(f"Not shown to keep within the token budget: {', '.join(left)}; ask for these ids again.")
    if notes:
        notes.append("Fewer columns in select, or a smaller include, make room.")
    return kept, notes


def _shortened(item: dict[str, Any], excess: int) -> tuple[dict[str, Any], list[str]]:
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
    own = {name: value for name, value in item.items() if name != "related"}
    for name in reversed([name for name in own if name != "id"]):
        if excess <= 0:
            break
        excess -= tokens(compact({name: own.pop(name)}))
        cut.append(name)
    return {**own, **({"related": related} if related else {})}, cut
