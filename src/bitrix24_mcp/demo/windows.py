"""Date windows: a search over more than 14 days is split into weeks (docs/filtering, docs/optimization)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Slice, Where, quote

if TYPE_CHECKING:
    from datetime import datetime

    from bitrix24_mcp.demo.database import Database
    from bitrix24_mcp.demo.filters import Condition
    from bitrix24_mcp.demo.schema import Entity, Field

_THRESHOLD = timedelta(days=14)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Windows:
    """The weeks a search is split into; the last one also takes what lies beyond its end."""

    field: Field
    start: datetime
    count: int

    def missing(self, database: Database, entity: Entity, where: Where) -> Where:
        """The condition that loses the first week that has rows, as if its request had failed."""
        first = database.rows(entity.table, (self.field.name,), where, Slice(quote(self.field.name), 1))
        number = 0
        if first:
            moment = times.parse_moment(str(first[0][0]))
            number = min(self.count - 1, max(0, (moment - self.start) // _WEEK))
        begin, end = (self._bound(number), self._bound(number + 1))
        column = quote(self.field.name)
        return Where((f"NOT ({column} >= ? AND {column} < ?)",), (begin, end))

    def _bound(self, number: int) -> str:
        moment = self.start + number * _WEEK
        if self.field.kind == "date":
            return moment.astimezone(times.PORTAL_ZONE).date().isoformat()
        return times.stored(moment)


def split(conditions: tuple[Condition, ...]) -> Windows | None:
    """The windows of a search, or nothing when no date field is bounded over more than 14 days."""
    fields = {condition.field.name: condition.field for condition in conditions}
    for field in fields.values():
        if field.kind not in ("datetime", "date"):
            continue
        lower = _bounds(conditions, field, ("gt", "gte"))
        upper = _bounds(conditions, field, ("lt", "lte"))
        # With a lower bound alone the windows run up to now.
        end = min(upper) if upper else times.NOW
        if lower and end - max(lower) > _THRESHOLD:
            return Windows(field, max(lower), math.ceil((end - max(lower)) / _WEEK))
    return None


def _bounds(conditions: tuple[Condition, ...], field: Field, operators: tuple[str, ...]) -> list[datetime]:
    return [
        times.parse_moment(str(condition.value))
        for condition in conditions
        if condition.field.name == field.name and condition.operator in operators
    ]
