"""Whether a column of the demo portal holds a value that was sent: an opinion of its own, without the server's code."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NOTHING = (None, "", 0, "[]")


def holds(name: str, column: Any, sent: Any) -> bool:
    """Whether they mean the same, whatever types they come in."""
    if sent in (None, "", []):
        return column in _NOTHING
    if isinstance(sent, list):
        return _several(column) == sorted(map(_part, cast("list[Any]", sent)))
    if name == "entityType":
        return str(column).casefold() == str(sent).casefold()
    if isinstance(column, str) and _DAY.fullmatch(column):
        return column == str(sent)[:10]
    return _single(column) == _single(sent)


def alike(one: Any, other: Any) -> bool:
    """Whether two columns hold the same; the numbers of phones and addresses do not count, nor how a list is empty."""
    return one == other or (_is_list(one) and _is_list(other) and _several(one) == _several(other))


def _is_list(column: Any) -> bool:
    return column is None or (isinstance(column, str) and column.startswith("["))


def _several(column: Any) -> list[str]:
    return sorted(map(_part, json.loads(column or "[]")))


def _part(value: Any) -> str:
    """A phone by value and kind, anything else as text."""
    if isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        return f"{told['VALUE']} {told.get('VALUE_TYPE') or 'WORK'}"
    return str(value)


def _single(value: Any) -> Any:
    if isinstance(value, bool):
        return float(value)
    amount, bar, currency = str(value).partition("|")
    if bar and len(currency) == 3:
        return float(amount), currency
    with suppress(ValueError):
        return float(str(value))
    with suppress(ValueError):
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment
    return str(value)
