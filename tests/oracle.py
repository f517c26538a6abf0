"""What right answers look like: stored values as the tools show them, and lists read to their end."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from assistants import Assistant

MOSCOW = timezone(timedelta(hours=3))
"""The demo portal's zone; it has had no daylight saving time since 2014."""
MOST_TOKENS = 50_000
"""A budget that no page of a test reaches."""


def moment(stored: str) -> str:
    """A stored UTC moment with the portal's offset."""
    return datetime.fromisoformat(stored).astimezone(MOSCOW).isoformat(timespec="seconds")


def stored(shown: datetime) -> str:
    """A moment as the demo portal's database keeps it."""
    return shown.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FUNCTIONS = ("sum", "avg", "min", "max")


def figures(field: str, values: Iterable[float | None], decimals: int = 2) -> dict[str, float | None]:
    """The four functions over what is filled, in exact decimals: `{"sum_amount": …, "avg_amount": …, …}`."""
    filled = [Decimal(str(value)) for value in values if value is not None]
    results = (
        (sum(filled, Decimal(0)), sum(filled, Decimal(0)) / len(filled), min(filled), max(filled))
        if filled
        else (Decimal(0), None, None, None)
    )
    unit = Decimal(1).scaleb(-decimals)
    return {
        f"{function}_{field}": None if result is None else float(result.quantize(unit, ROUND_HALF_UP))
        for function, result in zip(FUNCTIONS, results, strict=True)
    }


def change(database: Path, statement: str, *values: Any) -> None:
    """Changes a demo portal's records behind its back, as other people do while a list is read."""
    connection = sqlite3.connect(database)
    try:
        with connection:
            connection.execute(statement, values)
    finally:
        connection.close()


async def pages(assistant: Assistant, tool: str, **arguments: Any) -> list[dict[str, Any]]:
    """Every answer from the first page to the one without a cursor."""
    answers = [await assistant.ask(tool, **arguments)]
    while cursor := answers[-1].get("next_cursor"):
        answers.append(await assistant.ask(tool, **{**arguments, "cursor": cursor}))
    return answers


async def every_item(assistant: Assistant, tool: str, **arguments: Any) -> list[dict[str, Any]]:
    """The items of all pages, each page's count checked."""
    answers = await pages(assistant, tool, **arguments)
    assert [answer["returned"] for answer in answers] == [len(answer["items"]) for answer in answers]
    return [item for answer in answers for item in answer["items"]]


async def found_ids(assistant: Assistant, **arguments: Any) -> list[Any]:
    """The ids of all records that search_items finds; the total of its first page counts them."""
    answers = await pages(
        assistant, "search_items", **{"limit": 500, "select": ["id"], "max_tokens": MOST_TOKENS, **arguments}
    )
    ids = [item["id"] for answer in answers for item in answer["items"]]
    assert answers[0]["total"] == len(ids)
    return ids
