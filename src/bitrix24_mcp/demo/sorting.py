"""Sorting: strings, objects and lists of docs/filtering as an ORDER BY that always ends in the id."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.database import quote
from bitrix24_mcp.demo.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.schema import Entity

_DIRECTIONS = {"asc": "ASC", "desc": "DESC", "1": "ASC", "-1": "DESC"}


def order_by(entity: Entity, raw: object) -> str:
    """The order of a request; without one, by the key of the route: the id, of smart-process types entityTypeId."""
    terms = list(_terms(raw))
    known: list[str] = []
    for name, direction in terms:
        field = entity.find(name)
        if field is None:
            raise GatewayError("UNKNOWN_SORT_FIELD", f"Unknown sort field: {name}")
        known.append(f"{quote(field.name)} {direction}")
    return ", ".join([*known, f"{quote(entity.key)} ASC"])


def _terms(raw: object) -> Iterator[tuple[str, str]]:
    if raw is None or raw == "":
        return
    if isinstance(raw, str):
        yield from map(_signed, raw.split(","))
    elif isinstance(raw, dict):
        for name, direction in cast("dict[str, object]", raw).items():
            yield name, _direction(direction)
    elif isinstance(raw, list):
        for entry in cast("list[object]", raw):
            if not isinstance(entry, str):
                raise _wrong_type()
            yield _signed(entry)
    else:
        raise _wrong_type()


def _signed(term: str) -> tuple[str, str]:
    name = term.strip()
    return (name[1:], "DESC") if name.startswith("-") else (name, "ASC")


def _direction(raw: object) -> str:
    try:
        return _DIRECTIONS[str(raw).lower()]
    except KeyError:
        message = f"Invalid sort direction: {raw}. Use asc or desc"
        raise GatewayError("INVALID_SORT_DIRECTION", message) from None


def _wrong_type() -> GatewayError:
    return GatewayError("INVALID_SORT_TYPE", "sort must be a string, an object or an array of strings")
