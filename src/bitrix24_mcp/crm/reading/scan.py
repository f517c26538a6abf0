"""Reading every record that matches, by keyset: no ceiling, no record twice, none missed.

A page continues behind the last id read, so that records which come or go move no other page. A large scan is read
from both ends at once, because the portal works on two requests at a time (docs/optimization); it is done when the
two readers meet.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import anyio

from bitrix24_mcp.crm.errors import PortalError, UnexpectedAnswer
from bitrix24_mcp.crm.filters.conjunction import conjoin
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordPage, RecordQuery, Sort
from bitrix24_mcp.crm.reading.progress import Report, silent

Consume = Callable[[Sequence[Record]], None]
_ONE_READER = 2
"""Pages that one reader reads alone; a second one would only ask for the same."""


def pages(total: int, portal: Portal) -> int:
    """The most requests that a scan of so many records takes: two readers may ask for the last page both."""
    full = max(1, -(-total // portal.page_at_most))
    return full + (full > _ONE_READER)


async def scan(
    query: RecordQuery, total: int, portal: Portal, consume: Consume, report: Report = silent
) -> tuple[int, int]:
    """Hands all matching records to `consume`, in no particular order; gives their number and that of the readings.

    Of the query the entity, the conditions and the columns count; `total` is how many records are expected.
    """
    whole = replace(query, limit=portal.page_at_most, offset=0, counted=False)
    reading = _Reading(whole, total, portal, consume, report)
    failures: list[PortalError] = []

    async def read(*, upwards: bool) -> None:
        try:
            while not reading.other_brings_all(upwards=upwards):
                if not await reading.goes_on(upwards=upwards):
                    readers.cancel_scope.cancel()
                    return
        except PortalError as error:
            failures.append(error)
            readers.cancel_scope.cancel()

    if await reading.goes_on(upwards=True):
        async with anyio.create_task_group() as readers:
            readers.start_soon(lambda: read(upwards=True))
            if reading.apart:
                readers.start_soon(lambda: read(upwards=False))
    if failures:
        raise failures[0]
    return reading.count, reading.answers


class _Reading:
    """What is left to read: the ids between `low` and `high`, which move towards each other."""

    def __init__(self, query: RecordQuery, total: int, portal: Portal, consume: Consume, report: Report) -> None:
        self._query = query
        self._total = total
        self._portal = portal
        self._consume = consume
        self._report = report
        self.apart = total > _ONE_READER * portal.page_at_most
        self._low = 0
        self._high: int | None = None
        self._under_way = {True: 0, False: 0}
        self.count = 0
        self.answers = 0

    def other_brings_all(self, *, upwards: bool) -> bool:
        """Whether all that is left is asked for from the other end; should more come, the other reader goes on."""
        return self._under_way[not upwards] > 0 and self._left(upwards=upwards) <= 0

    async def goes_on(self, *, upwards: bool) -> bool:
        """Reads a page from one end; whether something is left between it and the other end then."""
        low, high = self._low, self._high
        expected = self._expected(upwards=upwards)
        self._under_way[upwards] = min(expected or self._query.limit, self._query.limit)
        page = await self._page(expected, upwards=upwards)
        self._under_way[upwards] = 0
        ids = _checked(page, low, high, upwards=upwards)
        fresh = [row for row, number in zip(page.rows, ids, strict=True) if self._between(number)]
        if upwards and ids:
            self._low = ids[-1]
        elif ids:
            self._high = ids[-1]
        self._consume(fresh)
        self.count += len(fresh)
        self.answers += page.pieces
        await self._report(self.count, max(self._total, self.count), "records read")
        return page.has_more and (self._high is None or self._low < self._high - 1)

    def _left(self, *, upwards: bool) -> int:
        """Records that are neither read nor asked for from the other end."""
        return self._total - self.count - self._under_way[not upwards]

    def _expected(self, *, upwards: bool) -> int | None:
        """Records to ask for: half of the last two pages, so that both readers end together; None = nobody knows."""
        left = self._left(upwards=upwards)
        if left <= 0:
            return None
        page = self._query.limit
        apart = self.apart and not self._under_way[not upwards] and page < left <= 2 * page
        return -(-left // 2) if apart else left

    async def _page(self, expected: int | None, *, upwards: bool) -> RecordPage:
        bounds = [Condition("id", "gt", self._low)] if self._low else []
        bounds += [] if self._high is None else [Condition("id", "lt", self._high)]
        conditions = conjoin((*self._query.conditions, *bounds))
        sort = (Sort("id", descending=not upwards),)
        return await self._portal.search(replace(self._query, conditions=conditions, sort=sort, expected=expected))

    def _between(self, number: int) -> bool:
        return self._low < number and (self._high is None or number < self._high)


def _checked(page: RecordPage, low: int, high: int | None, *, upwards: bool) -> list[int]:
    """The page's ids; they must lie between the bounds and go on in one direction, or reading would never end."""
    ids = [int(str(row.get("id"))) if str(row.get("id")).isdecimal() else 0 for row in page.rows]
    outside = min(ids, default=low + 1) <= low or (high is not None and max(ids, default=low) >= high)
    if outside or any(first >= second if upwards else first <= second for first, second in pairwise(ids)):
        raise UnexpectedAnswer(
            "The portal sent records in another order than asked for.",
            advice="Try again; a narrower filter needs fewer records.",
            code="UNEXPECTED_ANSWER",
        )
    return ids
