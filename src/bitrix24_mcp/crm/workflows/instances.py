"""Running workflow instances as a list that moves while it is read, and a walk through it that misses none."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.cursors import Cursor, invalid_cursor
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.matching import order_key
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Record, Sort, WorkflowQuery
from bitrix24_mcp.crm.reading.progress import Report

INSTANCES = Entity(
    name="workflows",
    label="Workflow instances",
    singular="workflow instance",
    scope="bizproc",
    has_field_list=False,
    user_fields=("startedBy",),
    known_fields={
        "id": "string",
        "templateId": "integer",
        "startedBy": "user",
        "started": "datetime",
        "modified": "datetime",
        "lockedUntil": "datetime",
        "moduleId": "string",
        "entity": "string",
        "documentId": "string",
    },
)
FIELDS = Fields(INSTANCES, ())
ATTEMPTS = 3
MARK = 6
"""Characters of a mark where the rest of the list is not known: one of 2^36."""
_WIDTHS = (2, 3, 4, MARK)
_CHANGING = frozenset({"modified", "lockedUntil"})


@dataclass(frozen=True, slots=True)
class Instances:
    """Rows, each instance once, in the order asked for.

    `total` is what the portal counted; `whole`: there are no others; `steady`: nothing moved while they were read.
    """

    rows: tuple[Record, ...]
    total: int | None
    whole: bool
    steady: bool


async def read_instances(
    portal: Portal, query: WorkflowQuery, enough: Callable[[Sequence[Record]], bool], report: Report
) -> Instances:
    """Every instance, or the first ones until there are `enough`; read again when the list moved under the pages."""
    read = await _pass(portal, query, enough, report)
    for _ in range(ATTEMPTS - 1):
        if read.steady:
            break
        read = await _pass(portal, query, enough, report)
    return read


async def _pass(
    portal: Portal, query: WorkflowQuery, enough: Callable[[Sequence[Record]], bool], report: Report
) -> Instances:
    rows: dict[str, Record] = {}
    totals: set[int | None] = set()
    offset, repeated = 0, False
    while True:
        page = await portal.workflows(replace(query, offset=offset))
        totals.add(page.total)
        known = len(rows)
        rows.update({str(row["id"]): row for row in page.rows if str(row["id"]) not in rows})
        repeated = repeated or len(rows) < known + len(page.rows)
        offset += len(page.rows)
        await report(offset, page.total, "workflow instances read")
        ended = len(rows) == known or (page.total is not None and offset >= page.total)
        if ended or enough(list(rows.values())):
            break
    total = totals.pop() if len(totals) == 1 else None
    counted = not ended or total is None or len(rows) == total
    return Instances(tuple(rows.values()), total, ended, steady=not repeated and not totals and counted)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk through the instances has got to.

    By a field that never changes: behind the last one shown. By one that changes while instances run: behind all
    that were shown, each remembered by a mark of `width` characters, because an instance that is touched moves past
    the others. Marks are just long enough to tell the shown from the others.
    """

    sort: tuple[Sort, ...]
    since: str = ""
    shown: frozenset[str] = frozenset()
    width: int = MARK
    last: tuple[Any, ...] | None = None

    @classmethod
    def of(cls, cursor: Cursor | None, sort: tuple[Sort, ...]) -> Self:
        """The place a cursor names, or the start; raises InvalidArguments for a damaged cursor."""
        match cursor:
            case None:
                return cls(sort)
            case Cursor("marks", (str() as since, int() as width), marks) if _changes(sort) and width in _WIDTHS:
                known = frozenset(marks[at : at + width] for at in range(0, len(marks), width))
                return cls(sort, since, known, width)
            case Cursor("behind", (str() as since, *last)) if not _changes(sort) and _fits(last, sort):
                return cls(sort, since, last=tuple(last))
            case _:
                raise invalid_cursor("is damaged")

    def ahead(self, row: Record) -> bool:
        """Whether the row is still to be shown; one that was started after the walk is not part of it."""
        if not self.since:
            return True
        if order_key(row.get("started"), "datetime") > order_key(self.since, "datetime"):
            return False
        if self.last is None:
            return _mark(row, self.width) not in self.shown
        for step, value in zip(self.sort, self.last, strict=True):
            kind = FIELDS.kind(step.field)
            here, there = order_key(row.get(step.field), kind), order_key(value, kind)
            if here != there:
                return (here > there) is not step.descending
        return False

    def behind(self, rows: Sequence[Record], read: Instances, now: datetime) -> Cursor:
        """The cursor behind the last of these rows, the ones just shown of those read."""
        since = self.since or now.astimezone(UTC).isoformat(timespec="seconds")
        if not _changes(self.sort):
            return Cursor("behind", (since, *(rows[-1].get(step.field) for step in self.sort)))
        if not read.whole:
            marks = self.shown | {_mark(row, MARK) for row in rows}
            return Cursor("marks", (since, MARK), "".join(sorted(marks)))
        just = {row["id"] for row in rows}
        shown = [row for row in read.rows if row["id"] in just or (self.since and not self.ahead(row))]
        left = [row for row in read.rows if row not in shown]
        width = next(width for width in _WIDTHS if width == MARK or not _marks(shown, width) & _marks(left, width))
        return Cursor("marks", (since, width), "".join(sorted(_marks(shown, width))))

    @property
    def needs_all(self) -> bool:
        """Whether the marks hold only against the whole list."""
        return self.width < MARK


def _changes(sort: Sequence[Sort]) -> bool:
    return any(step.field in _CHANGING for step in sort)


def _fits(last: Sequence[Any], sort: Sequence[Sort]) -> bool:
    """Whether the cursor's values can stand where the sort's fields are compared."""
    try:
        return len(last) == len(sort) and all(
            order_key(value, FIELDS.kind(step.field)) for step, value in zip(sort, last, strict=True)
        )
    except (TypeError, ValueError):
        return False


def _marks(rows: Sequence[Record], width: int) -> set[str]:
    return {_mark(row, width) for row in rows}


def _mark(row: Record, width: int) -> str:
    digest = hashlib.sha256(str(row["id"]).encode()).digest()
    return base64.urlsafe_b64encode(digest[:6]).decode()[:width]
