"""Whether an answer is right: equal to plain Python over the same rows, or honest about not being so."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from mcp import Client

from assistants import Assistant, TestTime
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.vibecode.client import GatewayClient
from figuring.changes import WatchedPortal, Writer
from figuring.question import Question
from figuring.reference import Expected, Row
from oracle import MOST_TOKENS

Verdict = Literal["equal", "incomplete", "wrong"]


def verdict(question: Question, answer: dict[str, Any], moments: Sequence[Expected]) -> Verdict:
    """`moments`: what was right at each moment between the question and its answer."""
    if any(_equal(question, answer, expected) for expected in moments):
        return "equal"
    return "incomplete" if not answer["complete"] and "INCOMPLETE" in answer.get("note", "") else "wrong"


def unnamed(rows: Sequence[Row], question: Question) -> list[Row]:
    """The rows without the names beside codes."""
    names = {f"{name}_name" for name, _ in question.groups}
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def _equal(question: Question, answer: dict[str, Any], expected: Expected) -> bool:
    """All rows that were asked for are there, unless the note says how many of them are shown."""
    rows = unnamed(answer["rows"], question)
    all_shown = len(rows) == len(expected.rows) or f"Shown are the {len(rows)} of {len(expected.rows)}" in answer.get(
        "note", ""
    )
    return (
        all_shown
        and rows == expected.rows[: len(rows)]
        and len(rows) <= question.limit
        and (answer["total"], answer.get("total_previous")) == (expected.total, expected.total_previous)
    )


@asynccontextmanager
async def small_pages(url: str, page: int, writer: Writer, **settings: str) -> AsyncGenerator[Assistant]:
    """An assistant for a gateway that gives so few records in one answer; a writer is at work before each request."""
    chosen = Settings.of(
        {
            "VIBECODE_BASE_URL": url,
            "VIBECODE_API_KEY": "vibe_api_demo",
            "BITRIX24_MCP_MAX_TOKENS": str(MOST_TOKENS),
            "BITRIX24_MCP_MAX_CALLS": "1000",
            **settings,
        }
    )
    async with (
        GatewayClient(chosen.credentials(), budget=Budget(clock=TestTime().clock)) as gateway,
        Client(build_server(chosen, WatchedPortal(gateway, writer, page))) as client,
    ):
        yield Assistant(client)
