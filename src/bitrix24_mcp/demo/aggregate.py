"""Counts, sums and groups with the gateway's own limits: at most the first 5,000 records are read (docs/entity-api)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import filters
from bitrix24_mcp.demo.calls import success
from bitrix24_mcp.demo.database import Slice, Where, quote
from bitrix24_mcp.demo.errors import GatewayError, bad_params
from bitrix24_mcp.demo.listing import MOST_ROWS, listing
from bitrix24_mcp.demo.values import to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.calls import Call, Json, Reply
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity, Field

_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values) if values else 0,
    "min": lambda values: min(values, default=0),
    "max": lambda values: max(values, default=0),
}
_NUMERIC_CUSTOM = ("integer", "double", "money")
_Records = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure asked for."""

    function: str
    field: Field


def aggregate(gateway: Gateway, call: Call, entity: Entity) -> Reply:
    """The answer to `POST /v1/{entity}/aggregate`."""
    body = call.payload
    measures = _measures(entity, body)
    groups = _groups(entity, body.get("groupBy"))
    where = filters.where(listing(entity, {**body, "limit": 50, "select": None}).conditions)
    total = gateway.database.count(entity.table, where)
    records = _read(gateway, entity, measures, groups, where) if measures or groups else []
    data: Json = {"count": total, "aggregates": _figures(measures, records)}
    meta: Json = {
        "totalRecords": total,
        "recordsProcessed": len(records),
        "truncated": bool(measures or groups) and total > MOST_ROWS,
    }
    if groups:
        rows = _grouped(measures, groups, records)
        data["groups"] = rows
        meta |= {"groupTotal": len(rows), "groupsTruncated": False}
    return success({**data, "meta": meta})


def _measures(entity: Entity, body: Json) -> tuple[Measure, ...]:
    raw = body.get("aggregate", [])
    if "op" in body:
        raw = [{"function": body["op"], "field": body.get("field", "*")}]
        if body["op"] not in ("count", *_FUNCTIONS):
            raise GatewayError("INVALID_AGGREGATION_OP", f"Unknown aggregation op: {body['op']}")
    if not isinstance(raw, list):
        raise bad_params("aggregate must be an array of {field, function}")
    found = (_measure(entity, entry) for entry in cast("list[object]", raw))
    return tuple(measure for measure in found if measure)


def _measure(entity: Entity, raw: object) -> Measure | None:
    entry = cast("Json", raw) if isinstance(raw, dict) else {}
    function, name = entry.get("function"), str(entry.get("field"))
    if function != "count" and function not in _FUNCTIONS:
        raise bad_params(f"Unknown aggregate function: {function}. Available: count, sum, avg, min, max")
    if name == "*":
        if function != "count":
            raise bad_params(f"Function '{function}' needs a field")
        return None
    return Measure(str(function), _aggregatable(entity, name, str(function)))


def _aggregatable(entity: Entity, name: str, function: str) -> Field:
    field = entity.by_name.get(name)
    available = ", ".join(entity.groupable)
    if field is None or not (field.custom or name in entity.groupable):
        custom = ", ".join(known.name for known in entity.fields if known.custom)
        listed = f"{available}, {custom}" if custom else available
        raise bad_params(f"Field '{name}' not found. Available numeric fields: {listed}")
    if function == "count":
        return field
    if field.custom and (field.type not in _NUMERIC_CUSTOM or field.multiple):
        raise bad_params(f"Field '{name}' has type '{field.type}'. Only integer, double, money can be aggregated")
    if not field.custom and field.kind not in ("integer", "real"):
        raise bad_params(f"Field '{name}' is not numeric")
    return field


def _groups(entity: Entity, raw: object) -> tuple[Field, ...]:
    names = [] if raw is None else [raw] if isinstance(raw, str) else raw
    if not isinstance(names, list):
        raise bad_params("groupBy must be a string or an array of strings")
    if len(cast("list[object]", names)) > 5:
        raise bad_params("groupBy takes at most 5 fields")
    return tuple(_group(entity, str(name)) for name in cast("list[object]", names))


def _group(entity: Entity, name: str) -> Field:
    field = entity.by_name.get(name)
    if field is None or not (field.custom or name in entity.groupable):
        available = ", ".join(entity.groupable)
        raise bad_params(f"groupBy field '{name}' is not aggregatable on this entity. Available: {available}.")
    return field


def _read(
    gateway: Gateway, entity: Entity, measures: tuple[Measure, ...], groups: tuple[Field, ...], where: Where
) -> _Records:
    fields = {field.name: field for field in (*groups, *(measure.field for measure in measures))}
    names = (entity.key, *(name for name in fields if name != entity.key))
    rows = gateway.database.rows(entity.table, names, where, Slice(quote(entity.key), MOST_ROWS))
    return [{name: to_json(entity, field, row[name]) for name, field in fields.items()} for row in rows]


def _figures(measures: tuple[Measure, ...], records: _Records) -> dict[str, Json]:
    figures: dict[str, Json] = {}
    for measure in measures:
        present = [entry[measure.field.name] for entry in records if not _empty(entry[measure.field.name])]
        value: object = len(present)
        if measure.function != "count":
            value = _rounded(_FUNCTIONS[measure.function]([_number(entry) for entry in present]))
        figures.setdefault(measure.field.name, {})[measure.function] = value
    return figures


def _grouped(measures: tuple[Measure, ...], groups: tuple[Field, ...], records: _Records) -> list[Json]:
    gathered: dict[str, tuple[Json, _Records]] = {}
    for entry in records:
        key: Json = {field.name: None if _empty(entry[field.name]) else entry[field.name] for field in groups}
        gathered.setdefault(repr(list(key.values())), (key, []))[1].append(entry)
    ordered = sorted(gathered.items(), key=lambda group: (-len(group[1][1]), group[0]))
    return [{**key, "count": len(members), "aggregates": _figures(measures, members)} for _, (key, members) in ordered]


def _empty(value: object) -> bool:
    return value is None or value in ("", [])


def _number(value: object) -> float:
    """A number; of user-field money, what stands before the bar."""
    return float(str(value).partition("|")[0] or 0)


def _rounded(value: float) -> float:
    rounded = round(value, 2)
    return int(rounded) if float(rounded).is_integer() else rounded
