"""Whether the records stayed as they were while they were read.

Figures that took several requests are those of one moment only if nothing came, went or changed in between. One
count proves it, that of the matching records whose last change is older than the reading: if it equals the number
counted at first, they are the same records with the same values. Where the portal keeps no moment of the last change,
their number and the last id must do.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.conjunction import conjoin
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, RecordQuery, Sort
from bitrix24_mcp.crm.reading.scan import pages
from bitrix24_mcp.crm.reading.spending import Purse

T = TypeVar("T")

_BETWEEN_CLOCKS = timedelta(seconds=2)
"""How far the clock that stamps records may be behind the one that stamps answers; both count whole seconds."""
_WORTH_REPEATING = 3
"""Pages up to which a reading that was disturbed is simply made again."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A first look: which records, when, how many. `last_id` is told apart where no field tells of changes."""

    fields: Fields
    conditions: tuple[Condition, ...]
    since: datetime
    total: int
    last_id: int | None = None

    async def disturbance(self, read: int, portal: Portal) -> str:
        """What has changed since, in words, when `read` records were read; empty when nothing has."""
        if read != self.total:
            return f"{self.total:,} records were counted and {read:,} read"
        if not self.fields.changed_field:
            return await self._other_records(portal)
        older = Condition(self.fields.changed_field, "lt", (self.since - _BETWEEN_CLOCKS).isoformat())
        try:
            unchanged = await portal.count(self.fields.entity, conjoin((*self.conditions, older)))
        except InvalidArguments:  # all of them were asked for because they have changed just now
            unchanged = 0
        if unchanged > self.total:
            return f"{unchanged:,} records matched at the end and {self.total:,} at first"
        gone = self.total - unchanged
        return f"{gone:,} of the records changed or went while they were read" if gone else ""

    async def _other_records(self, portal: Portal) -> str:
        total = await portal.count(self.fields.entity, self.conditions)
        if total != self.total:
            return f"the number of records went from {self.total:,} to {total:,} while they were read"
        same = self.last_id is None or await _last_id(self, portal) == self.last_id
        return "" if same else "records went and others came while they were read"


async def watch(fields: Fields, conditions: Sequence[Condition], portal: Portal) -> Watch:
    """The first look: how many records there are from now on."""
    since = portal.now()
    return Watch(fields, tuple(conditions), since, await portal.count(fields.entity, conditions))


async def for_later(first: Watch, portal: Portal) -> Watch:
    """The first look with what a second one is compared with where records keep no moment of their last change."""
    if first.fields.changed_field:
        return first
    return replace(first, last_id=await _last_id(first, portal))


def incomplete(doubt: str) -> str:
    """The sentence for a reader of figures in doubt."""
    return f"INCOMPLETE: {doubt}, so these figures may mix two moments; ask again, or narrow the filter."


@dataclass(frozen=True, slots=True)
class Steady(Generic[T]):
    """What was read of `total` records. `doubt` says why it may not be of one moment.

    `seen` is from when to when it was read, where that took more than one reading.
    """

    value: T
    total: int
    doubt: str = ""
    seen: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was made of the records as they were read: their number, and how many readings they came in."""

    value: T
    records: int
    readings: int


def proof_calls(fields: Fields) -> int:
    """The most requests that it takes to prove that nothing changed."""
    return 1 if fields.changed_field else 3


def calls(fields: Fields, total: int, portal: Portal, *, beside: int = 0) -> int:
    """The most requests that reading so many records takes, `beside` others; what one reading gives needs no proof."""
    full = pages(total, portal)
    return full if total <= portal.piece_at_most and not beside else full + beside + proof_calls(fields)


async def read_steadily(
    first: Watch, read: Callable[[int], Awaitable[Reading[T]]], portal: Portal, purse: Purse, *, beside: int = 0
) -> Steady[T]:
    """What `read` makes of all records, proven; a short reading that was disturbed is made once more.

    `read` gets the number of records that are expected.
    """
    found = await _once(first, read, portal, beside)
    again = 1 + calls(first.fields, first.total, portal, beside=beside)
    if found.doubt and pages(first.total, portal) <= _WORTH_REPEATING and not beside and purse.affords(again):
        purse.take(again, first.total)
        found = await _once(await watch(first.fields, first.conditions, portal), read, portal, beside)
    return found


async def _once(first: Watch, read: Callable[[int], Awaitable[Reading[T]]], portal: Portal, beside: int) -> Steady[T]:
    if first.total > portal.piece_at_most or beside:
        first = await for_later(first, portal)
    found = await read(first.total)
    if found.readings == 1 and found.records == first.total and not beside:
        return Steady(found.value, found.records)
    doubt = await first.disturbance(found.records, portal)
    return Steady(found.value, first.total, doubt, (first.since, portal.now()))


async def _last_id(first: Watch, portal: Portal) -> int:
    query = RecordQuery(
        first.fields.entity, first.conditions, (Sort("id", descending=True),), ("id",), limit=1, counted=False
    )
    rows = (await portal.search(query)).rows
    return int(str(rows[0]["id"])) if rows else 0
