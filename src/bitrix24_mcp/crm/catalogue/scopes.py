"""Which scope opens what, and what a key's scopes leave closed (docs/scopes)."""

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix24_mcp.crm.catalogue.entities import CATALOGUE

_ALSO_OPENED_BY = {"tasks": ("task",), "user": ("user_basic", "user_brief")}
"""Scopes that open the same records, if with fewer fields."""
_DIRECTLY = {"tasks": "task", "documentgenerator": "crm"}
"""What Bitrix24's own REST asks for the same: `tasks` is a scope of REST 3.0, and documents belong to the CRM there."""
_SMART_PROCESSES = ("smart processes", "crm")


def closed(held: Sequence[str], tools: Mapping[str, str], *, directly: bool = False) -> list[dict[str, Any]]:
    """What a key with these scopes cannot serve: `{missing_scope, tools?, entities?}` for each scope it lacks.

    `tools` gives each tool's scope; empty where that depends on the entity asked for, or none is needed. `directly`:
    the scopes are those of a webhook or an application, not of a gateway key.
    """
    in_words_of = _DIRECTLY if directly else {}
    listed = [*((entity.name, entity.scope) for entity in CATALOGUE), _SMART_PROCESSES]
    entities = [(name, in_words_of.get(scope, scope)) for name, scope in listed]
    needed = dict.fromkeys([*tools.values(), *(scope for _, scope in entities)])
    return [
        {
            "missing_scope": scope,
            **_named("tools", [name for name, needs in tools.items() if needs == scope]),
            **_named("entities", [name for name, needs in entities if needs == scope]),
        }
        for scope in needed
        if scope and not _opens(scope, held)
    ]


def _opens(scope: str, held: Sequence[str]) -> bool:
    return not {scope, *_ALSO_OPENED_BY.get(scope, ())}.isdisjoint(held)


def _named(what: str, names: list[str]) -> dict[str, list[str]]:
    return {what: names} if names else {}
