"""Replays every question's tool calls against the real server over stdio and holds the answers against SQL.

    uv run python evals/replay.py [--only ID]

Prints a row per question and the totals; the exit code is 1 when an answer is wrong.
"""

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, TextContent

from bitrix24_mcp.commands.connection import DEMO_KEY
from bitrix24_mcp.demo import DemoPortal
from cases import Call, Question, expected, questions
from costs import token_counts
from paths import put, read
from verdicts import replayed

CallTool = Callable[[str, dict[str, Any]], Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True)
class Row:
    """One replayed question: what is wrong with its answer, and what it cost."""

    id: str
    problem: str
    requests: int
    texts: Sequence[str]


async def answers_of(question: Question, call_tool: CallTool) -> list[CallToolResult]:
    """The answers of the question's calls, in order."""
    results: list[CallToolResult] = []
    for call in question.calls:
        results.append(await call_tool(call.tool, _filled(call, [structured(result) for result in results])))
    return results


def structured(result: CallToolResult) -> Mapping[str, Any]:
    """What paths look into."""
    return cast("Mapping[str, Any]", result.structured_content or {})


def _filled(call: Call, earlier: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    arguments = dict(call.arguments)
    for place, path in call.use.items():
        arguments = put(arguments, place, read(path, earlier))
    return arguments


async def _row(question: Question, client: Client, portal: DemoPortal) -> Row:
    before = len(portal.requests)
    try:
        results = await answers_of(question, client.call_tool)
    except MCPError as error:  # such as a tool that this server does not have
        return Row(question.id, str(error), len(portal.requests) - before, [])
    problem = replayed(question, [structured(result) for result in results], expected(question, portal))
    return Row(question.id, problem, len(portal.requests) - before, [_text(result) for result in results])


def _text(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


async def _rows(asked: Sequence[Question], portal: DemoPortal) -> list[Row]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "bitrix24_mcp", "serve"],
        env={"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": DEMO_KEY},
    )
    async with Client(server) as client:
        return [await _row(question, client, portal) for question in asked]


def _shown(rows: Sequence[Row]) -> str:
    counts, how = token_counts([text for row in rows for text in row.texts])
    lines = [f"| id | | calls | requests | {how} |", "|---|---|---|---|---|"]
    start = 0
    for row in rows:
        end = start + len(row.texts)
        verdict = f"WRONG: {row.problem}" if row.problem else "ok"
        lines.append(f"| {row.id} | {verdict} | {len(row.texts)} | {row.requests} | {sum(counts[start:end])} |")
        start = end
    correct = sum(not row.problem for row in rows)
    requests = sum(row.requests for row in rows)
    lines.append(f"| total | {correct} of {len(rows)} right | {len(counts)} | {requests} | {sum(counts)} |")
    return "\n".join(lines)


def main() -> int:
    """1 when an answer is wrong or no question has the id."""
    parser = argparse.ArgumentParser(description="Replay the questions of evals/questions.yaml against SQL.")
    parser.add_argument("--only", metavar="ID", help="only this question")
    only = parser.parse_args().only
    asked = [question for question in questions() if only in {None, question.id}]
    if not asked:
        sys.stderr.write(f"no question has the id {only}\n")
        return 1
    with DemoPortal.start(limits=False) as portal:
        rows = anyio.run(_rows, asked, portal)
    sys.stdout.write(f"{_shown(rows)}\n")
    return int(any(row.problem for row in rows))


if __name__ == "__main__":
    sys.exit(main())
