"""Lists and searches: rows, their total, paging and windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import filters, windows
from bitrix24_mcp.demo.calls import Reply
from bitrix24_mcp.demo.database import Slice, Where, quote
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.includes import add_includes
from bitrix24_mcp.demo.listing import LAST_OFFSET, MOST_ROWS
from bitrix24_mcp.demo.values import record

if TYPE_CHECKING:
    from bitrix24_mcp.demo.calls import Call, Json
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.listing import Listing
    from bitrix24_mcp.demo.schema import Entity

DURATION_MS = 12  # a made-up constant keeps answers equal from run to run


def find(gateway: Gateway, call: Call, entity: Entity, asked: Listing, *, windowed: bool = False) -> Reply:
    """The answer to a list, or to a search when windows are possible."""
    where = filters.where(asked.conditions)
    weeks = windows.split(asked.conditions) if windowed and asked.auto_window else None
    _check_offset(asked, windowed=weeks is not None)
    meta: Json = {}
    if weeks is not None:
        where = _apply_windows(gateway, call, entity, where, weeks, meta)
    total = gateway.database.count(entity.table, where)
    if weeks is not None and total > MOST_ROWS:
        # Windows are fetched in order until the ceiling: what follows is neither returned nor sorted in.
        where = gateway.database.first(entity, where, f"{quote(weeks.field.name)}, {quote(entity.key)}", MOST_ROWS)
        meta["truncated"] = True
    return _answer(gateway, call, entity, asked, where, total, meta)


def _check_offset(asked: Listing, *, windowed: bool) -> None:
    if windowed and asked.offset > 0:
        raise GatewayError(
            "UNSTABLE_OFFSET_PAGINATION",
            "offset > 0 is unstable on a windowed search. Use autoWindow: false with a stable sort",
        )
    if asked.offset >= LAST_OFFSET:
        raise GatewayError("INTERNAL_ERROR", "Internal server error")


def _apply_windows(
    gateway: Gateway, call: Call, entity: Entity, where: Where, weeks: windows.Windows, meta: Json
) -> Where:
    if call.fault("all_windows"):
        raise GatewayError("WINDOWED_SEARCH_FAILED", "All windows of the search failed")
    meta |= {"autoWindowed": True, "windowCount": weeks.count, "batchWaves": -(-weeks.count // 50)}
    if call.fault("failed_window"):
        meta["windowErrors"] = 1
        return where & weeks.missing(gateway.database, entity, where)
    return where


def _answer(
    gateway: Gateway, call: Call, entity: Entity, asked: Listing, where: Where, total: int, meta: Json
) -> Reply:
    rows = gateway.database.rows(entity.table, asked.select, where, Slice(asked.order, asked.limit, asked.offset))
    records = [record(entity, row, asked.select) for row in rows]
    more = asked.offset + len(records) < total
    if call.fault("truncated"):
        records = records[: len(records) // 2]
        meta["truncated"] = True
    if asked.include and not add_includes(gateway, entity, records, asked.include):
        meta["includeSkipped"] = True
    counted = {"total": total} if asked.with_total else {}
    return Reply(
        {
            "success": True,
            "data": records,
            **counted,
            "meta": {**counted, "hasMore": more, "durationMs": DURATION_MS, **meta},
        }
    )
