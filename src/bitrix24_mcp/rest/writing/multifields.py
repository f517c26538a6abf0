"""Phones, e-mail addresses and sites, which items keep together in `fm` (crm.item.add, crm.item.update).

It is a list where a record is made. Where one is changed it is a map by the ids that the values have: an empty value
takes one away, an unknown key adds one, and what is not named stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.portal_values import Record

Stored = Mapping[str, Any]
"""One value as records show it: `{"ID", "VALUE_TYPE", "VALUE"}`, without an id where it is new."""
_USUAL = "WORK"


def added(wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The values of a new record, by their fields."""
    return [_written(part, each, _type(each) or _USUAL) for part, values in wanted.items() for each in _several(values)]


def changed(wanted: Mapping[str, Any], before: Record) -> dict[str, Any]:
    """What makes the values of a record into the wanted ones."""
    told: dict[str, Any] = {}
    new: list[dict[str, Any]] = []
    for part, values in wanted.items():
        left = list(_several(before.get(part)))
        unmatched = _unmatched(list(_several(values)), left)
        for each in unmatched:
            if (same := _of_value(each, left)) is not None:
                left.remove(same)
                told[str(same.get("ID"))] = _written(part, each, _type(each))
            else:
                new.append(_written(part, each, _type(each) or _USUAL))
        told |= {str(gone.get("ID")): {"typeId": part.upper(), "value": ""} for gone in left}
    return {**told, **{f"n{place}": each for place, each in enumerate(new)}}


def _unmatched(wanted: Iterable[Stored], left: list[Stored]) -> list[Stored]:
    """Those of the wanted values that are not there as they are; those that are there are taken from `left`."""
    unmatched: list[Stored] = []
    for each in wanted:
        same = next((held for held in left if held.get("VALUE") == each.get("VALUE") and _fits(held, each)), None)
        if same is None:
            unmatched.append(each)
        else:
            left.remove(same)
    return unmatched


def _of_value(wanted: Stored, left: Sequence[Stored]) -> Stored | None:
    return next((held for held in left if held.get("VALUE") == wanted.get("VALUE")), None)


def _fits(held: Stored, wanted: Stored) -> bool:
    return _type(wanted) in {"", _type(held)}


def _type(stored: Stored) -> str:
    return str(stored.get("VALUE_TYPE") or "")


def _written(part: str, stored: Stored, value_type: str) -> dict[str, Any]:
    return {"typeId": part.upper(), "valueType": value_type, "value": stored.get("VALUE")}


def _several(values: Any) -> Sequence[Stored]:
    held = cast("Sequence[Any]", values) if isinstance(values, list | tuple) else ()
    return [cast("Stored", each) for each in held if isinstance(each, dict)]
