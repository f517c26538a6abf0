"""Running workflow instances as a list that moves while it is read, and a walk through it that misses none."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from bitrix24_mcp.crm.cursors import Cursor, invalid_cursor
from bitrix24_mcp.crm.entity import Entity
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.matching import order_key
from bitrix24_mcp.crm.portal import Portal, Record, Sort

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
_CHANGING = frozenset({"modified", "lockedUntil"})


@dataclass(frozen=True, slots=True)
class Instances:
    """Rows, each instance once, newest change first.

    `total` is what the portal counted; `whole`: there are no others; `steady`: nothing moved while they were read.
    """

    rows: tuple[Record, ...]
    total: int | None
    whole: bool
    steady: bool


async def read_instances(
    portal: Portal,
    template_id: int | None,
    started_by: int | None,
    enough: Callable[[Sequence[Record]], bool] | None,
) -> Instances:
    """Every instance, or the newest ones until there are `enough`; read again when the list moved under the pages."""
    read = await _pass(portal, template_id, started_by, enough)
    for _ in range(ATTEMPTS - 1):
        if read.steady:
            break
        read = await _pass(portal, template_id, started_by, enough)
    return read


async def _pass(
    portal: Portal,
    template_id: int | None,
    started_by: int | None,
    enough: Callable[[Sequence[Record]], bool] | None,
) -> Instances:
    rows: dict[str, Record] = {}
    totals: set[int | None] = set()
    offset, repeated = 0, False
    while True:
        page = await portal.workflows(template_id, started_by, offset)
        totals.add(page.total)
        known = len(rows)
        rows.update({str(row["id"]): row for row in page.rows if str(row["id"]) not in rows})
        repeated = repeated or len(rows) < known + len(page.rows)
        offset += len(page.rows)
        ended = len(rows) == known or (page.total is not None and offset >= page.total)
        if ended or (enough is not None and enough(list(rows.values()))):
            break
    total = totals.pop() if len(totals) == 1 else None
    counted = not ended or total is None or len(rows) == total
    return Instances(tuple(rows.values()), total, ended, steady=not repeated and not totals and counted)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk through the instances has got to.

    By a field that never changes: behind the last one shown. By one that changes while instances run: behind all
    that were shown, each remembered by a short mark, because an instance that is touched moves past the others.
    """

    sort: tuple[Sort, ...]
    since: str = ""
    shown: frozenset[str] = frozenset()
    last: tuple[Any, ...] | None = None

    @classmethod
    def of(cls, cursor: Cursor | None, sort: tuple[Sort, ...]) -> Self:
        """The place a cursor names, or the start; raises InvalidArguments for a damaged cursor."""
        match cursor:
            case None:
                return cls(sort)
            case Cursor("marks", (str() as since, str() as marks)) if _changes(sort):
                known = frozenset(marks[at : at + 5] for at in range(0, len(marks), 5))
                return cls(sort, since, shown=known)
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
            return _mark(row) not in self.shown
        for step, value in zip(self.sort, self.last, strict=True):
            kind = FIELDS.kind(step.field)
            here, there = order_key(row.get(step.field), kind), order_key(value, kind)
            if here != there:
                return (here > there) is not step.descending
        return False

    def behind(self, rows: Sequence[Record], now: datetime) -> Cursor:
        """The cursor behind the last of these rows, the ones just shown."""
        since = self.since or now.astimezone(UTC).isoformat(timespec="seconds")
        if _changes(self.sort):
            return Cursor("marks", (since, "".join(sorted(self.shown | set(map(_mark, rows))))))
        return Cursor("behind", (since, *(rows[-1].get(step.field) for step in self.sort)))


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


def _mark(row: Record) -> str:
    digest = hashlib.sha256(str(row["id"]).encode()).digest()
    return base64.urlsafe_b64encode(digest[:4]).decode()[:5]
