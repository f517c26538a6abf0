"""`demo`: a short tour. A real client asks the real server, over stdio, about the demo portal."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent

from bitrix24_mcp.commands.connection import DEMO_KEY
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.settings import Settings

_SHOWN = 5
"""Rows of an answer that the tour prints."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks, and the call an assistant makes of it."""

    ask: str
    tool: str
    arguments: Mapping[str, Any]


TOUR: Sequence[Question] = (
    Question("What is known about deals?", "describe_entity", {"entity": "deals", "find": "сумма"}),
    Question("Which workflows are stuck?", "list_workflows", {"stuck": True, "sort": "started", "limit": 3}),
    Question(
        "Which are the largest partner deals that Tatiana Kozlova won this year?",
        "search_items",
        {
            "entity": "deals",
            "filter": {
                "Воронка": "Партнёры",
                "stageId": "Сделка успешна",
                "assignedById": "Татьяна Козлова",
                "createdAt": "this_year",
            },
            "select": ["title", "amount", "createdAt"],
            "sort": "-amount",
            "limit": 3,
        },
    ),
    Question(
        "Of the deals of the second quarter, how much did we win, by funnel? And of those of the first?",
        "aggregate",
        {
            "entity": "deals",
            "measures": [{"function": "sum", "field": "amount"}],
            "group_by": ["categoryId"],
            "filter": {"stageSemanticId": "won", "createdAt": "2026-Q2"},
            "compare": "previous",
        },
    ),
    Question(
        "How many deals came in each month of this year?",
        "aggregate",
        {
            "entity": "deals",
            "group_by": ["createdAt:month"],
            "filter": {"createdAt": "this_year"},
            "sort": "createdAt_month",
            "format": "columns",
        },
    ),
    Question(
        "How good is our conversion, and what has been lying for a month?", "funnel_report", {"created": "last_quarter"}
    ),
    Question(
        "What do we know about deal 5141?",
        "get_item",
        {"entity": "deals", "id": 5141, "include": ["company", "history"], "select": ["title", "amount", "stageId"]},
    ),
    Question(
        "What does Ivanova have in work? (there are two)",
        "search_items",
        {
            "entity": "deals",
            "filter": {"assignedById": "Иванова", "closed": False},
        },
    ),
)


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints each question, the call, the answer and what it cost."""
    del options, settings  # the tour is the same for everyone
    terminal.say(terminal.styled("bitrix24-mcp: a tour of the demo portal", "bold"))
    terminal.say(terminal.styled("(the first start builds its data, which takes a few seconds)", "dim"))
    with DemoPortal.start() as portal:
        anyio.run(_tour, portal, terminal)
    terminal.say()
    terminal.say("Connect your assistant: see README.md, “Connect your assistant”. Ask for yourself:")
    terminal.say("""  bitrix24-mcp call search_items '{"entity": "deals", "limit": 3}' --demo""")
    return 0


async def _tour(portal: DemoPortal, terminal: Terminal) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "bitrix24_mcp", "serve"],
        env={"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": DEMO_KEY},
    )
    async with Client(server) as client:
        for question in TOUR:
            await _ask(question, client, portal, terminal)


async def _ask(question: Question, client: Client, portal: DemoPortal, terminal: Terminal) -> None:
    terminal.say()
    terminal.say(terminal.styled(question.ask, "bold", "cyan"))
    terminal.say(terminal.styled(f"→ {question.tool} {compact(question.arguments)}", "dim"))
    before = len(portal.requests)
    result = await client.call_tool(question.tool, dict(question.arguments))
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    for line in [text] if result.is_error else _lines(cast("dict[str, Any]", result.structured_content)):
        terminal.say(terminal.styled(line, "yellow") if result.is_error else line)
    cost = f"{len(portal.requests) - before} requests to the portal, about {tokens(text)} tokens for the model"
    terminal.say(terminal.styled(cost, "dim"))


def _lines(answer: Mapping[str, Any]) -> list[str]:
    """The first rows of an answer, a line each, and everything else in a last line."""
    name = next((key for key in ("items", "rows", "funnels") if isinstance(answer.get(key), list)), "")
    rows = cast("list[Any]", answer.get(name, []))
    more = [f"  … and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    rest = {key: value for key, value in answer.items() if key not in {name, "next_cursor"}}
    return [*(f"  {compact(row)}" for row in rows[:_SHOWN]), *more, f"  {compact(rest)}"]
