"""Whether a field already holds a value, however the portal happens to write it."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.fields import Fields, Kind

_UNSET: tuple[Any, ...] = (None, "", [], {})
_NUMBERS: frozenset[Kind] = frozenset({"integer", "number", "user", "funnel", "link", "list"})
_ZERO_IS_NONE: frozenset[Kind] = frozenset({"link", "user"})


def same(name: str, held: Any, wanted: Any, fields: Fields) -> bool:
    """Whether a field holds what it should. Of phones and addresses the value and what it is for count, not the id."""
    if fields.has_parts(name):
        return _parts(held) == _parts(wanted)
    kind = fields.kind(name)
    if fields[name].multiple:
        return sorted(map(str, _each(held, kind))) == sorted(map(str, _each(wanted, kind)))
    return _plain(held, kind) == _plain(wanted, kind)


def _each(value: Any, kind: Kind) -> list[Any]:
    if value in _UNSET:
        return []
    several = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else [value]
    return [_plain(each, kind) for each in several]


def _parts(value: Any) -> list[str]:
    rows = cast("list[Any]", value) if isinstance(value, list) else []
    known = [cast("dict[str, Any]", each) for each in rows if isinstance(each, dict)]
    return sorted(f"{each.get('VALUE')} {each.get('VALUE_TYPE')}" for each in known)


def _plain(value: Any, kind: Kind) -> Any:
    """One value in a form that compares; None where there is none."""
    if value in _UNSET or (kind in _ZERO_IS_NONE and str(value) == "0"):
        return None
    match kind:
        case "boolean":
            return {"Y": True, "1": True, "TRUE": True, "N": False, "0": False, "FALSE": False}.get(str(value).upper())
        case "date":
            return str(value)[:10]
        case "datetime":
            return parse_moment(str(value), UTC) or str(value)
        case "owner type":
            return str(value).casefold()
        case "money":
            amount, _, currency = str(value).partition("|")
            return _number(amount), currency
        case _ if kind in _NUMBERS or (isinstance(value, int | float) and not isinstance(value, bool)):
            return _number(value)
        case _:
            return str(value)


def _number(value: Any) -> Any:
    with suppress(InvalidOperation):
        return Decimal(str(value)).normalize()
    return str(value)
