"""Reading a list page by page so that no record is missed or shown twice.

Sorted by `id`, or by one field that is never empty, paging continues after the last record shown (a keyset): it
reaches the end and does not mind records that come or go. Any other order uses offsets, which the gateway serves
up to 2,500 (docs/entity-api).
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from bitrix24_mcp.crm.cursors import Cursor, invalid_cursor
from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.fields import Kind
from bitrix24_mcp.crm.filters.conjunction import conjoin
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, Operator, Record, RecordPage, RecordQuery, Scalar, Sort

OFFSET_END = 2_500


@dataclass(frozen=True, slots=True)
class Walk:
    """One question read in its order; `read` gives a page, `after` the cursor behind a row of that page."""

    query: RecordQuery
    kind: Kind
    """Of the field that the order starts with."""

    @property
    def keyset(self) -> bool:
        """Whether the order allows to continue after a value."""
        steps, entity = self.query.sort, self.query.entity
        by_one_field = len(steps) == 1 or (len(steps) == 2 and steps[1].field == "id")
        return entity.keyset and by_one_field and steps[0].field in entity.never_empty

    async def read(self, portal: Portal, cursor: Cursor | None) -> RecordPage:
        """The page at a cursor, or the first one. The total is stated only where the portal counted everything."""
        match cursor:
            case None:
                return await portal.search(self.query)
            case Cursor("offset", (int() as offset,)) if _is_offset(offset) and not self.keyset:
                return await portal.search(replace(self.query, offset=offset))
            case Cursor("after", (value, int() as last_id)) if self.keyset and _may_stand(value, last_id, self.kind):
                return await self._after(portal, value, last_id)
            case _:
                raise invalid_cursor("is damaged")

    def next(self, page: RecordPage, shown: int, cursor: Cursor | None) -> Cursor | None:
        """The cursor behind the first `shown` rows of a page; None when they are the last or cannot be passed."""
        if not page.rows or (shown == len(page.rows) and not page.has_more):
            return None
        if self.keyset:
            return Cursor("after", self._behind(page.rows[shown - 1]))
        offset = shown + (int(cursor.place[0]) if cursor else 0)
        return Cursor("offset", (offset,)) if offset < OFFSET_END else None

    def _behind(self, last: Record) -> tuple[Scalar, int]:
        """The value and the id behind which to continue; numbers may have come as texts (docs/entity-api)."""
        value, last_id = last.get(self.query.sort[0].field), str(last.get("id"))
        if self.kind != "datetime" and isinstance(value, str):
            with suppress(ValueError):
                value = int(value) if value.lstrip("-").isdecimal() else float(value)
        number = int(last_id) if last_id.isdecimal() else 0
        if value is None or not _may_stand(value, number, self.kind):
            raise UnexpectedAnswer(
                f"The portal sent a record without {self.query.sort[0].field}, by which the list is ordered.",
                advice="Sort by id.",
                code="UNEXPECTED_ANSWER",
            )
        return value, number

    async def _after(self, portal: Portal, value: Scalar, last_id: int) -> RecordPage:
        first = self.query.sort[0]
        if first.field == "id":
            return await self._search(portal, [_beyond(first, last_id)], self.query.limit)
        same = [Condition(first.field, "eq", value), _beyond(self.query.sort[1], last_id)]
        ties = await self._search(portal, same, self.query.limit)
        room = self.query.limit - len(ties.rows)
        if ties.has_more or room <= 0:
            return replace(ties, has_more=True)
        rest = await self._search(portal, [_beyond(first, value)], room)
        return RecordPage((*ties.rows, *rest.rows), None, rest.has_more)

    async def _search(self, portal: Portal, further: Sequence[Condition], limit: int) -> RecordPage:
        conditions = conjoin((*self.query.conditions, *further))
        page = await portal.search(replace(self.query, conditions=conditions, limit=limit, counted=False))
        return replace(page, total=None)


def _is_offset(place: int) -> bool:
    return type(place) is int and 0 < place < OFFSET_END


def _may_stand(value: Any, last_id: int, kind: Kind) -> bool:
    """Whether a cursor's value can be one of the field's, and its id a record's."""
    if type(last_id) is not int or not 0 < last_id < 2**63:
        return False
    if kind == "datetime":
        return isinstance(value, str) and parse_moment(value, UTC) is not None
    return type(value) in {int, float} and math.isfinite(value)


def _beyond(step: Sort, value: Scalar) -> Condition:
    operator: Operator = "lt" if step.descending else "gt"
    return Condition(step.field, operator, value)


def end_unreachable(page: RecordPage, shown: int, walk: Walk, cursor: Cursor | None) -> bool:
    """Whether more records exist that this order cannot reach."""
    more: Sequence[Record] = page.rows[shown:]
    return (page.has_more or bool(more)) and walk.next(page, shown, cursor) is None
