"""Records that belong to a record: those that its fields name, and lists of others that name it.

Of a list the latest `LATEST` are shown, newest first, with `<name>_total` beside them when there are more.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.labels import with_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordId, RecordPage, RecordQuery, Sort
from bitrix24_mcp.crm.records.paging import OFFSET_END
from bitrix24_mcp.crm.shape import shape

LATEST = 10
_UPWARDS = 50
"""Rows to ask for of a list that comes oldest first: most lists end there."""

_LINK = re.compile(r"\w+Id\d*")

Rows = Mapping[RecordId, Record]
Values = dict[RecordId, dict[str, Any]]
"""By the id of a record, what stands under the relation's names."""


@dataclass(frozen=True, slots=True)
class Linked:
    """The record that a field names, or the records where it names several. One that cannot be seen is left out."""

    name: str
    field: str
    target: Entity
    per_record: bool = False

    def ids(self, row: Record) -> list[int]:
        """The ids that a record names; 0 is how the portal writes none."""
        value: Any = row.get(self.field)
        several = cast("list[Any]", value) if isinstance(value, list) else [value]
        return [int(text) for text in map(str, several) if text.isdecimal() and int(text)]

    def unseen(self, rows: Rows, values: Values) -> list[int]:
        """The ids that the records name and that were not found."""
        shown = [held[self.name] for held in values.values()]
        found = {
            each["id"] for held in shown for each in (cast("list[Any]", held) if isinstance(held, list) else [held])
        }
        return sorted({each for row in rows.values() for each in self.ids(row)} - found)

    async def queries(self, rows: Rows, metadata: Metadata) -> list[RecordQuery]:
        """One search for all records that are named."""
        wanted = tuple(sorted({each for row in rows.values() for each in self.ids(row)}))
        if not wanted:
            return []
        columns = _columns(await metadata.fields(self.target))
        return [RecordQuery(self.target, (Condition("id", "in", wanted),), (Sort("id"),), columns, len(wanted))]

    async def values(self, rows: Rows, pages: Sequence[RecordPage], metadata: Metadata) -> Values:
        """The named records with their usual columns."""
        fields = await metadata.fields(self.target)
        shown = await shown_rows([row for page in pages for row in page.rows], fields, _columns(fields), metadata)
        known = {int(record["id"]): record for record in shown}
        held = {record_id: [known[each] for each in self.ids(row) if each in known] for record_id, row in rows.items()}
        return {
            record_id: {self.name: found if isinstance(rows[record_id].get(self.field), list) else found[0]}
            for record_id, found in held.items()
            if found
        }


@dataclass(frozen=True, slots=True)
class Listed:
    """The latest records of another kind that belong to a record: those with its id in `field`."""

    name: str
    target: Entity
    field: str
    fixed: tuple[Condition, ...] = ()
    per_record: bool = True

    async def queries(self, rows: Rows, metadata: Metadata) -> list[RecordQuery]:
        """A page for each record."""
        upwards = self.target.sortable is not None  # comments come oldest first, whatever is asked
        limit = _UPWARDS if upwards else LATEST
        sort, columns = (Sort("id", descending=not upwards),), await self._columns(metadata)
        return [
            RecordQuery(self.target, (*self.fixed, Condition(self.field, "eq", int(each))), sort, columns, limit)
            for each in rows
        ]

    async def values(self, rows: Rows, pages: Sequence[RecordPage], metadata: Metadata, notes: list[str]) -> Values:
        """The latest of each record's list. Of a long one that comes oldest first, the end is read as well.

        `notes` gets a sentence for each list whose end lies further behind than the portal reads.
        """
        queries = await self.queries(rows, metadata)
        latest = [await _latest(query, page, metadata) for query, page in zip(queries, pages, strict=True)]
        fields = await metadata.fields(self.target)
        flat = [row for each in latest for row in each.rows]
        shown = iter(await shown_rows(flat, fields, await self._columns(metadata), metadata))
        notes += [_out_of_reach(self.name, owner, each) for owner, each in zip(rows, latest, strict=True) if each.cut]
        return {
            record_id: shown_list(self.name, [next(shown) for _ in each.rows], each.total or 0)
            for record_id, each in zip(rows, latest, strict=True)
        }

    async def _columns(self, metadata: Metadata) -> tuple[str, ...]:
        same = {self.field, *(condition.field for condition in self.fixed)}
        return tuple(name for name in _columns(await metadata.fields(self.target)) if name not in same)


def _columns(fields: Fields) -> tuple[str, ...]:
    """The usual columns of an entity, its id first."""
    return ("id", *(name for name in fields.entity.select if name in fields))


def shown_list(name: str, shown: list[dict[str, Any]], total: int) -> dict[str, Any]:
    """A list under its name, with its whole length beside it where it is longer than what is shown."""
    return {name: shown, **({f"{name}_total": total} if total > len(shown) else {})}


async def shown_rows(
    stored: Sequence[Record], fields: Fields, columns: Sequence[str], metadata: Metadata
) -> list[dict[str, Any]]:
    """Rows as search_items shows them, without unset links; links that are set stay ids."""
    zone = await metadata.zone()
    rows = [shape(row, fields, [name for name in columns if not unset(row, name, fields)], zone) for row in stored]
    return await named_rows(rows, fields, [name for name in columns if name in fields], metadata)


async def named_rows(
    rows: Sequence[Mapping[str, Any]], fields: Fields, columns: Sequence[str], metadata: Metadata
) -> list[dict[str, Any]]:
    """Shaped rows with names beside codes and people, all people asked for at once. Links stay ids."""
    people = [name for name in columns if fields.kind(name) == "user"]
    held = [row[name] for row in rows for name in people if name in row]
    flat = [each for value in held for each in (cast("list[Any]", value) if isinstance(value, list) else [value])]
    await metadata.users([int(text) for text in map(str, flat) if text.isdecimal() and int(text)])
    return await with_names(rows, fields, [name for name in columns if fields.kind(name) != "link"], metadata)


def unset(row: Record, name: str, fields: Fields) -> bool:
    """Whether it is a link to nothing, which the portal writes as 0; the funnel 0 is one."""
    return bool(_LINK.fullmatch(name)) and str(row.get(name)) == "0" and fields.kind(name) != "funnel"


@dataclass(frozen=True, slots=True)
class _Latest:
    """The newest rows of a list, newest first, and how many rows it has.

    `cut`: the portal gives only so many from its beginning, and the newest are behind them; 0 where they are not.
    """

    rows: Sequence[Record]
    total: int | None
    cut: int = 0


async def _latest(query: RecordQuery, page: RecordPage, metadata: Metadata) -> _Latest:
    if query.sort[0].descending:
        if page.total is None and page.has_more:
            return _Latest(page.rows, await metadata.portal.count(query.entity, query.conditions))
        return _Latest(page.rows, page.total or len(page.rows))
    offset, end, rows = 0, len(page.rows), list(page.rows)
    while page.has_more and page.rows and offset < OFFSET_END - 1:
        offset = min(max(end, (page.total or 0) - LATEST), OFFSET_END - 1)
        page = await metadata.portal.search(replace(query, offset=offset))
        rows = [*rows, *page.rows[max(0, end - offset) :]][-_UPWARDS:]
        end = offset + len(page.rows)
    newest = rows[: -LATEST - 1 : -1]
    return _Latest(newest, page.total, end) if page.has_more else _Latest(newest, end)


def _out_of_reach(name: str, owner: RecordId, latest: _Latest) -> str:
    of_all = f" of {latest.total}" if latest.total is not None else ", and there are more"
    return (
        f"INCOMPLETE: the portal gives the first {latest.cut} {name}{of_all} of record {owner}, oldest first; "
        "the latest cannot be reached, and those shown are older."
    )
