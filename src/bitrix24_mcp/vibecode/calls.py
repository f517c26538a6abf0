"""One read in both of its forms: a request of its own, and an entry of a batch (docs/batch)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.filters.conjunction import as_filter
from bitrix24_mcp.crm.portal_values import RecordId, RecordQuery
from bitrix24_mcp.vibecode.requests import body_of, path_of, query_of, sort_of

LISTED_BY_PARAMETERS = frozenset({"calendar-events", "files"})
"""Entities whose required conditions are query parameters of the list route (docs/entity-api, special entities)."""


@dataclass(frozen=True, slots=True)
class Call:
    """A read: `entry` without its id for a batch, or alone a GET of `path` with `query`, a POST where it has a body."""

    entry: Mapping[str, Any]
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """Equal for reads that ask the same."""
        return json.dumps(self.entry, sort_keys=True)

    @property
    def of_one_record(self) -> bool:
        """Whether one record is asked for, not a list."""
        return self.entry["action"] == "get"


def record_call(entity: Entity, record_id: RecordId) -> Call:
    """One record by its id, with all fields."""
    entry = {**_entry(entity, "get", {}), "entityId": record_id}
    return Call(entry, f"{path_of(entity)}/{record_id}")


def search_call(query: RecordQuery) -> Call:
    """One page of records.

    In a batch it is a `list`: up to fifty records a list, all of them share one call of the portal, whereas a
    `search` there runs by itself (docs/batch).
    """
    path, by_parameters = path_of(query.entity), query.entity.name in LISTED_BY_PARAMETERS
    entry = _entry(query.entity, "list", _list_parameters(query, by_parameters=by_parameters))
    if by_parameters:
        return Call(entry, path, query=query_of(query))
    return Call(entry, f"{path}/search", body=body_of(query))


def _entry(entity: Entity, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    own = {"entityTypeId": entity.entity_type_id} if entity.smart_process else {}
    params = {**own, **parameters}
    return {
        "entity": "items" if entity.smart_process else entity.name,
        "action": action,
        **({"params": params} if params else {}),
    }


def _list_parameters(query: RecordQuery, *, by_parameters: bool) -> dict[str, Any]:
    apart = [each for each in query.conditions if by_parameters and each.field in query.entity.required]
    others = [each for each in query.conditions if each not in apart]
    return {
        **{each.field: each.value for each in apart},
        **({"filter": as_filter(others)} if others else {}),
        **({"sort": sort_of(query.sort)} if query.sort else {}),
        **({"select": ",".join(query.select)} if query.select else {}),
        "limit": query.limit,
        **({"offset": query.offset} if query.offset else {}),
    }
