"""How kinds of records are asked for over REST: one `Dialect` for each list method, one `Column` for each field.

REST has several dialects: `crm.item.list` speaks camelCase and real numbers, the classic CRM methods UPPER_SNAKE and
texts, tasks are asked in the one and answered in the other (docs: api-reference). A dialect says what differs, the
rest of this package is the same for all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bitrix24_mcp.crm.portal_values import Operator
from bitrix24_mcp.rest.reading.values import Form

ROWS = 50
"""Rows of one answer, whatever is asked for (docs: api-reference, list methods)."""
ITEM_OPERATORS: Mapping[Operator, str] = MappingProxyType(
    {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "contains": "%", "in": "@", "nin": "!@"}
)
"""What stands before a field's name in a filter (crm.item.list)."""
Order = Sequence[tuple[str, bool]]
"""Steps of an order under REST's own names, each with whether it goes down."""


def as_map(order: Order) -> Mapping[str, Any]:
    """An order as nearly every list takes it: `{"order": {"id": "ASC"}}`."""
    return {"order": {name: "DESC" if descending else "ASC" for name, descending in order}}


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a kind of record.

    `name`: what tools call it; `asked`: what filter, order and select call it, empty where they do not know it;
    `read`: its key in a row; `form`: how its values are kept there; `multiple`: whether it holds several of them;
    `part`: of a field that REST keeps together with others, such as the phones in `fm`, the one that is meant.
    `numbered`: its values are numbers of a list, so that a condition with a word would find nothing.
    """

    name: str
    asked: str
    read: str
    form: Form = "plain"
    multiple: bool = False
    part: str = ""
    numbered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """How one record is read by its id: the method, the parameter with the id, and where the record stands."""

    method: str
    id: str = "id"
    fixed: Mapping[str, Any] = field(default_factory=_nothing)
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one kind of record is listed.

    `method` lists them, with the parameters `fixed` in every call; their rows stand at `path` under `result`.
    `filter` and `select` are the names of those parameters, empty where the method has none; `order` writes an order.
    `operators` are the prefixes of a filter's keys; an operator that is missing cannot be asked.
    `windows`: whether `start: -1` switches counting off and a bound on the id continues behind a row, so that long
    lists are read by ids; else by places, which the portal must count through.
    `all_columns` is what to select for every column, fields that cannot be named included; `whole_rows`: whether a
    row holds every column selected, null where it is empty, so that one that is not there cannot be read.
    `single`: how one record is read; None where only a list with its id gives it.
    """

    method: str
    path: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=_nothing)
    filter: str = "filter"
    select: str = "select"
    order: Callable[[Order], Mapping[str, Any]] = as_map
    operators: Mapping[Operator, str] = field(default_factory=lambda: ITEM_OPERATORS)
    windows: bool = True
    all_columns: tuple[str, ...] = ("*",)
    whole_rows: bool = False
    single: Single | None = None
