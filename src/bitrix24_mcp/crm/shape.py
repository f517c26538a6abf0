"""What the model gets to see of a record: the columns asked for, without the empty, the technical and the invisible."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, cast

from bitrix24_mcp.crm.dates import shown
from bitrix24_mcp.crm.fields import Fields, Kind
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.text import plain

_LINK_NAME = re.compile(r"url|download", re.IGNORECASE)
_COST = tuple(
    0.3 if chr(code) == " " else 0.31 if chr(code).islower() else 1.05 if chr(code).isupper() else 0.54
    for code in range(128)
)
"""Tokens per ASCII character, from above, measured with the o200k vocabulary on answers and on random cursors."""
_ROOM_AROUND = 120
"""Tokens kept for what surrounds the rows: counters, cursor, note."""


def shape_value(value: Any, name: str, fields: Fields, zone: tzinfo) -> Any:
    """One value as in a shaped record; None when it is empty."""
    shaped = _value(value, fields.kind(name), zone)
    return None if _empty(shaped) else shaped


def shape(row: Record, fields: Fields, columns: Sequence[str], zone: tzinfo) -> dict[str, Any]:
    """The row's columns in the order asked for, `id` first.

    Moments are in the zone, to the second; money of user fields is a number with `<field>_currency` beside it;
    empty values are left out.
    """
    shaped: dict[str, Any] = {}
    for name in dict.fromkeys(("id", *columns)):
        kind = fields.kind(name) if name in fields else "other"
        value = _value(row.get(name), kind, zone)
        if kind == "money" and isinstance(value, str) and "|" in value:
            amount, _, currency = value.partition("|")
            value = _number(amount)
            if currency:
                shaped[name], shaped[f"{name}_currency"] = value, currency
                continue
        if not _empty(value):
            shaped[name] = value
    return shaped


def compact(answer: Any) -> str:
    """The answer as JSON without a spare character."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def tokens(text: str) -> int:
    """How many tokens a text costs a model, estimated from above; holds for JSON, figures and Cyrillic."""
    plain_cost = sum(map(_COST.__getitem__, text.encode("ascii", "ignore")))
    return math.ceil(plain_cost + sum(_other_cost(character) for character in text if character > "\x7f"))


def columnar(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """The rows as the names of their columns, each once, and a list of values for each row, None where it has none.

    A column that is empty in every row is left out.
    """
    filled = {name for row in rows for name, value in row.items() if value is not None}
    columns: list[str] = []
    for row in rows:
        at = len(columns)
        for name in reversed([name for name in row if name in filled]):
            if name in columns:
                at = columns.index(name)
            else:
                columns.insert(at, name)
    return columns, [[row.get(name) for name in columns] for row in rows]


def fitting(rows: Iterable[Any], budget: int, beside: int = 0) -> int:
    """How many of the first rows fit into a token budget; one at least, so that paging always gets on.

    `beside` are the tokens that each row costs elsewhere in the answer.
    """
    room = budget - _ROOM_AROUND
    count = 0
    for row in rows:
        room -= tokens(compact(row)) + 1 + beside
        if room < 0 and count:
            break
        count += 1
    return count


def fitting_in_columns(rows: Sequence[Mapping[str, Any]], budget: int) -> int:
    """How many of the first rows fit into a token budget when their columns are named once."""
    columns, values = columnar(rows)
    return fitting(values, budget - tokens(compact(columns)))


def _other_cost(character: str) -> float:
    """Cyrillic words cost a token for two letters, capitals and other scripts one each, emoji three at most."""
    if character.islower():
        return 0.56
    return 1.0 if character < "\U00010000" else 3.0


def _value(value: Any, kind: Kind, zone: tzinfo) -> Any:
    match value:
        case str():
            return _text(value, kind, zone)
        case list():
            return _several(cast("list[Any]", value), kind, zone)
        case dict():
            return _nested(cast("dict[str, Any]", value), zone)
        case _:
            return value


def _text(value: str, kind: Kind, zone: tzinfo) -> Any:
    match kind:
        case "datetime":
            return shown(value, zone)
        case "date":
            return value[:10]
        case "integer" | "number" | "user" | "funnel" | "link":
            return _number(value)
        case _:
            return plain(value)


def _several(values: list[Any], kind: Kind, zone: tzinfo) -> list[Any]:
    """Multi-fields such as phones come as `[{"VALUE": …}]`; only the values matter (docs/entities/contacts)."""
    flat = (cast("dict[str, Any]", each).get("VALUE", each) if isinstance(each, dict) else each for each in values)
    return [shaped for shaped in (_value(each, kind, zone) for each in flat) if not _empty(shaped)]


def _nested(value: dict[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Files come with download links that carry access tokens: a link of any kind is left out."""
    kept = {name: _value(each, "other", zone) for name, each in value.items() if not _LINK_NAME.search(name)}
    return {name: each for name, each in kept.items() if not _empty(each) and "://" not in compact(each)}


def _number(value: str) -> int | float | str:
    try:
        number = float(value)
    except ValueError:
        return plain(value)
    if not math.isfinite(number):
        return plain(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
