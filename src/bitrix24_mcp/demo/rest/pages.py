"""Fifty rows of a table from `start` on (docs: settings/performance/huge-data)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice
from bitrix24_mcp.demo.rest.calls import Result
from bitrix24_mcp.demo.rest.parameters import whole

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.database import Where
    from bitrix24_mcp.demo.rest.calls import Call
    from bitrix24_mcp.demo.schema import Entity

PAGE = 50


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one answer with what stands beside them."""

    rows: list[Row]
    total: int
    next: int | None

    def result(self, shown: object) -> Result:
        """The answer once the rows are printed."""
        return Result(shown, self.total, self.next)


def page(call: Call, entity: Entity, clause: Where, order: str) -> Page:
    """The page that `start` asks for; -1 counts nothing, so that total is 0 and no next page is named."""
    start = whole(call.params.get("start"))
    database = call.portal.database
    rows = database.rows(entity.table, tuple(entity.by_name), clause, Slice(order, PAGE, max(start, 0)))
    if start < 0:
        return Page(rows, 0, None)
    total = database.count(entity.table, clause)
    return Page(rows, total, start + PAGE if start + PAGE < total else None)
