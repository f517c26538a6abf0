"""What a list or search request asks for: filter, order, page, columns, relations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import filters, sorting
from bitrix24_mcp.demo.errors import GatewayError, bad_params

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_mcp.demo.calls import Json
    from bitrix24_mcp.demo.filters import Condition
    from bitrix24_mcp.demo.schema import Entity

MOST_ROWS = 5_000
LAST_OFFSET = 2_500
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Listing:
    """A checked request for records."""

    conditions: tuple[Condition, ...]
    order: str
    limit: int
    offset: int
    select: tuple[str, ...]
    include: tuple[str, ...]
    with_total: bool
    auto_window: bool


def listing(entity: Entity, params: Json) -> Listing:
    """The request that query or body parameters stand for."""
    ordered = params.get("sort")
    return Listing(
        conditions=filters.parse(entity, _filter(entity, params)),
        order=sorting.order_by(entity, None if entity.required_filter else ordered or params.get("order")),
        limit=whole(params, "limit", 50, least=1, most=MOST_ROWS),
        offset=whole(params, "offset", 0),
        select=_select(entity, params.get("select")),
        include=includes(entity, params.get("include")),
        with_total=str(params.get("withTotal", True)).lower() != "false",
        auto_window=params.get("autoWindow", entity.auto_window) is True,
    )


def whole(params: Mapping[str, object], name: str, default: int, *, least: int = 0, most: int = _MOST) -> int:
    """A whole-number parameter."""
    raw = params.get(name, default)
    text = str(raw)
    if isinstance(raw, bool) or not text.isdecimal() or not least <= int(text) <= most:
        raise bad_params(f"Parameter '{name}' must be an integer between {least} and {most}")
    return int(text)


def words(raw: object) -> list[str]:
    """A comma-separated string or an array of strings."""
    if raw is None or raw == "":
        return []
    parts = cast("list[object]", raw) if isinstance(raw, list) else str(raw).split(",")
    return [str(part).strip() for part in parts]


def includes(entity: Entity, raw: object) -> tuple[str, ...]:
    """The relations asked for (docs/includes)."""
    names = tuple(words(raw))
    known = [include.name for include in entity.includes]
    for name in names:
        if name not in known:
            available = ", ".join(known)
            raise GatewayError("INVALID_INCLUDE", f"Unknown include '{name}'. Available: {available}")
    if len(names) > 3:
        raise GatewayError("INCLUDE_LIMIT_EXCEEDED", "At most 3 relations can be included")
    return names


def _select(entity: Entity, raw: object) -> tuple[str, ...]:
    asked = words(raw)
    if not asked or "*" in asked:
        return tuple(entity.by_name)
    wanted = {field.name for field in map(entity.find, asked) if field} | {"id", entity.key}
    return tuple(name for name in entity.by_name if name in wanted)


def _filter(entity: Entity, params: Json) -> object:
    raw = params.get("filter")
    if entity.required_filter:
        return _only_required(entity, raw)
    if not entity.required_params:
        return raw
    given = cast("Json", raw) if isinstance(raw, dict) else {}
    owner = {name: params.get(name, given.get(name)) for name in entity.required_params}
    missing = [name for name, value in owner.items() if value in (None, "")]
    if missing:
        raise GatewayError("MISSING_PARAMS", f"/v1/{entity.path} requires parameters: {', '.join(missing)}")
    return {**given, **owner}


def _only_required(entity: Entity, raw: object) -> Json:
    """Timeline comments need their record, and every other condition is ignored (docs/entities/timelines)."""
    given = cast("Json", raw) if isinstance(raw, dict) else {}
    names = entity.required_filter
    if any(given.get(name) in (None, "") for name in names):
        listed = ", ".join(names)
        raise GatewayError(
            "MISSING_REQUIRED_FILTER",
            f"GET /v1/{entity.path} requires filter fields: {listed}. "
            f"Example: ?filter[{names[0]}]=deal&filter[{names[1]}]=1",
        )
    kind = str(given[names[0]])
    if kind.isdecimal():
        raise GatewayError("BITRIX_ERROR", "Access denied.")
    return {names[0]: kind.lower(), names[1]: given[names[1]]}
