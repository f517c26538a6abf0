"""Questions in the gateway's one canonical form: filters in `$` form, sort as a string, always a limit.

`select` is an array in bodies and comma-joined in queries, where repeating it breaks silently (docs/entity-api).
"""

from collections.abc import Sequence
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.filters.conjunction import as_filter
from bitrix24_mcp.crm.portal_values import Condition, RecordQuery, Sort

AT_MOST = 5_000
"""Records that one list or search gives (docs/entity-api)."""
PAGE_BEHIND_AN_OFFSET = 500
"""Records to ask for at most behind an offset (docs/entity-api)."""


def path_of(entity: Entity) -> str:
    """The entity's route below `/v1/`."""
    return f"items/{entity.entity_type_id}" if entity.smart_process else entity.name


def body_of(query: RecordQuery) -> dict[str, Any]:
    """The body of a search. Windows are off: with them a failed one would only lower the count (docs/filtering)."""
    select = {"select": list(query.select)} if query.select else {}
    offset = {"offset": query.offset} if query.offset else {}
    return {**which(query.conditions, query.sort), **select, "limit": query.limit, **offset, "autoWindow": False}


def which(conditions: Sequence[Condition], sort: Sequence[Sort]) -> dict[str, Any]:
    """The part of a body that says which records, in which order."""
    narrowed = {"filter": as_filter(conditions)} if conditions else {}
    return {**narrowed, "sort": sort_of(sort)} if sort else narrowed


def query_of(query: RecordQuery) -> list[tuple[str, str]]:
    """The query string of a list, for entities whose required conditions are parameters of their own."""
    required = [each for each in query.conditions if each.field in query.entity.required and each.operator == "eq"]
    others = [each for each in query.conditions if each not in required]
    return [
        *((each.field, _text(each.value)) for each in required),
        *filter_query(others),
        *([("sort", sort_of(query.sort))] if query.sort else []),
        *([("select", ",".join(query.select))] if query.select else []),
        ("limit", str(query.limit)),
        *([("offset", str(query.offset))] if query.offset else []),
    ]


def filter_query(conditions: Sequence[Condition]) -> list[tuple[str, str]]:
    """A filter as query parameters: `filter[stageId]=NEW`, `filter[title][$contains]=x`."""
    pairs: list[tuple[str, str]] = []
    for field, held in as_filter(conditions).items():
        if not isinstance(held, dict):
            pairs.append((f"filter[{field}]", _text(held)))
            continue
        for operator, value in held.items():  # pyright: ignore[reportUnknownVariableType] - JSON
            name = f"filter[{field}][{operator}]"
            if isinstance(value, list):
                pairs.extend((f"{name}[]", _text(each)) for each in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
            else:
                pairs.append((name, _text(value)))
    return pairs


def sort_of(sort: Sequence[Sort]) -> str:
    """The order as the gateway's string: `-amount,id`."""
    return ",".join(f"-{step.field}" if step.descending else step.field for step in sort)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
