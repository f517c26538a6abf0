"""Records of any entity by conditions: what `search_items` answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bitrix24_mcp.crm import cursors
from bitrix24_mcp.crm.cursors import Cursor
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.conditions import resolve_filter, translated
from bitrix24_mcp.crm.filters.conjunction import as_filter
from bitrix24_mcp.crm.filters.date_conditions import counted_from
from bitrix24_mcp.crm.filters.outcomes import of_one_funnel
from bitrix24_mcp.crm.labels import names_used, with_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Record, RecordPage, RecordQuery
from bitrix24_mcp.crm.records.emptiness import why_empty
from bitrix24_mcp.crm.records.paging import Walk, end_unreachable
from bitrix24_mcp.crm.records.sorting import resolve_sort, stable
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.shape import compact, fitting, fitting_in_columns, shape, tokens


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as the caller wrote it; `limit` counts records, `budget` tokens of the whole answer.

    `columnar`: the answer names its columns once, which leaves room for more records.
    """

    entity: str
    filter: Mapping[str, Any] | None
    select: Sequence[str]
    sort: Any
    limit: int
    cursor: str
    budget: int
    columnar: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Shaped records. `total` counts all matching ones, None where the portal did not count them for this page.

    `filter_used` are those conditions that mean something else than their words, such as bounds for “last month”;
    `names_used` what their codes and ids are called.
    """

    items: list[dict[str, Any]]
    total: int | None
    filter_used: dict[str, Any] | None
    names_used: dict[str, Any] | None
    next_cursor: str | None
    note: str | None


async def search(question: Question, portal: Portal, metadata: Metadata) -> Found:
    """One page of the records that match, as much of it as the token budget holds.

    Raises InvalidArguments before any record is read when the question is wrong.
    """
    query, fields, columns, since = await _resolve(question, metadata)
    walk, binding = Walk(query, fields.kind(query.sort[0].field)), _binding(query, metadata.whose)
    cursor = cursors.decode(question.cursor, binding) if question.cursor else None
    page = await walk.read(portal, cursor)
    items = await _shaped(page, fields, columns, metadata)
    used = translated(question.filter, query.conditions)
    names = await names_used(used, fields, metadata)
    budget = question.budget - (tokens(compact([used, names])) if used else 0)
    count = fitting_in_columns(items, budget) if question.columnar else fitting(items, budget)
    following = walk.next(page, count, cursor)
    empty = not items and cursor is None
    reason = await why_empty(query.conditions, fields, portal, metadata) if empty else ""
    return Found(
        items[:count],
        page.total,
        used,
        names,
        cursors.encode(following, binding, since) if following else None,
        _note(page, count, walk, cursor, [reason, await of_one_funnel(query.conditions, used, fields, metadata)]),
    )


async def explain(question: Question, metadata: Metadata) -> dict[str, Any]:
    """What would be asked, fully resolved; no record is read."""
    query, _, columns, _ = await _resolve(question, metadata)
    return {
        "entity": query.entity.name,
        "filter": as_filter(query.conditions),
        "sort": _written_sort(query),
        "select": list(columns),
        "limit": query.limit,
        "time_zone": str(await metadata.zone()),
    }


async def _resolve(
    question: Question, metadata: Metadata
) -> tuple[RecordQuery, Fields, tuple[str, ...], datetime | None]:
    """The query, the entity's fields, the columns to show, and the moment that its relative dates count from.

    The first field of the order is read along with the columns, money with its currency.
    """
    entity = await resolve_entity(question.entity, metadata)
    fields = await metadata.fields(entity)
    columns, sort = _columns(question.select, fields), stable(resolve_sort(question.sort, fields))
    since = await counted_from(question.filter, fields, question.cursor, metadata)
    query = RecordQuery(
        entity=entity,
        conditions=await resolve_filter(question.filter, fields, metadata, since),
        sort=sort,
        select=tuple(dict.fromkeys(filter(None, (*columns, sort[0].field, fields.currency_of(sort[0].field))))),
        limit=question.limit,
    )
    return query, fields, columns, since


def _columns(written: Sequence[str], fields: Fields) -> tuple[str, ...]:
    """The columns to read: those asked for or the entity's useful few, money never without its currency."""
    wanted = [fields.resolve(name) for name in written] or [name for name in fields.entity.select if name in fields]
    with_currency = [column for name in wanted for column in (name, fields.currency_of(name)) if column in fields]
    return tuple(dict.fromkeys(("id", *with_currency)))


async def _shaped(page: RecordPage, fields: Fields, columns: Sequence[str], metadata: Metadata) -> list[dict[str, Any]]:
    zone = await metadata.zone()
    rows = [shape(row, fields, columns, zone) for row in page.rows]
    return await with_names(rows, fields, columns, metadata)


def _binding(query: RecordQuery, whose: str) -> list[Any]:
    return [query.entity.name, as_filter(query.conditions), _written_sort(query), *([whose] if whose else [])]


def _written_sort(query: RecordQuery) -> str:
    return ",".join(f"-{step.field}" if step.descending else step.field for step in query.sort)


def _note(page: RecordPage, count: int, walk: Walk, cursor: Cursor | None, notes: list[str]) -> str | None:
    if _mixes_currencies(walk.query, page.rows):
        notes.append(
            "Amounts of different currencies are ordered by their number alone; filter by the currency to compare."
        )
    if count < len(page.rows):
        notes.append(
            f"Ended after {count} of {len(page.rows)} records to keep within the token budget; next_cursor continues "
            "right after the last one. Fewer columns in select make room for more records."
        )
    if end_unreachable(page, count, walk, cursor):
        notes.append(
            "More records match, but in this order the portal gives only the first 2,500. Sort by id to reach all, "
            "or narrow the filter."
        )
    return " ".join(filter(None, notes)) or None


def _mixes_currencies(query: RecordQuery, rows: Sequence[Record]) -> bool:
    """Whether records are ordered by money and those of this page are in several currencies."""
    currency = query.entity.money.get(query.sort[0].field)
    return currency is not None and len({row.get(currency) for row in rows}) > 1
