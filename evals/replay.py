"""Replays every question's tool calls against the real server over stdio and holds the answers against SQL.

    uv run python evals/replay.py [--only ID] [--door gateway|rest|both]

Prints a row per question and the totals; the exit code is 1 when an answer is wrong. The doors are the ways to the same
portal: through the gateway, and by a webhook through Bitrix24's own REST.
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

DOORS: Mapping[str, Callable[[DemoPortal], dict[str, str]]] = {
    "gateway": lambda portal: {"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": DEMO_KEY},
    "rest": lambda portal: {"BITRIX24_WEBHOOK_URL": f"{portal.url}/rest/1/demo-admin/"},
}
"""The settings that open each door to a demo portal."""
CallTool = Callable[[str, dict[str, Any]], Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True)
class Row:
    """One question replayed through one door: what is wrong with its answer, and what it cost."""

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


async def _rows(asked: Sequence[Question], portal: DemoPortal, door: str) -> list[Row]:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "bitrix24_mcp", "serve"], env=DOORS[door](portal)
    )
    async with Client(server) as client:
        return [await _row(question, client, portal) for question in asked]


def _shown(found: Mapping[str, Sequence[Row]]) -> str:
    """A line per question; with several doors, the requests through each, and the tokens through the first."""
    first, *_ = found.values()
    counts, how = token_counts([text for row in first for text in row.texts])
    doors = " | ".join(f"requests ({door})" if len(found) > 1 else "requests" for door in found)
    lines = [f"| id | | calls | {doors} | {how} |", "|---" * (4 + len(found)) + "|"]
    start = 0
    for place, row in enumerate(first):
        end = start + len(row.texts)
        problems = {door: rows[place].problem for door, rows in found.items() if rows[place].problem}
        said = [f"{door}: {problem}" if len(found) > 1 else problem for door, problem in problems.items()]
        verdict = f"WRONG: {'; '.join(said)}" if said else "ok"
        requests = " | ".join(str(rows[place].requests) for rows in found.values())
        lines.append(f"| {row.id} | {verdict} | {len(row.texts)} | {requests} | {sum(counts[start:end])} |")
        start = end
    correct = sum(not any(row.problem for row in rows) for rows in zip(*found.values(), strict=True))
    requests = " | ".join(str(sum(row.requests for row in rows)) for rows in found.values())
    lines.append(f"| total | {correct} of {len(first)} right | {len(counts)} | {requests} | {sum(counts)} |")
    return "\n".join(lines)


def main() -> int:
    """1 when an answer is wrong or no question has the id."""
    parser = argparse.ArgumentParser(description="Replay the questions of evals/questions.yaml against SQL.")
    parser.add_argument("--only", metavar="ID", help="only this question")
    parser.add_argument("--door", choices=[*DOORS, "both"], default="gateway", help="the way to the portal (gateway)")
    options = parser.parse_args()
    asked = [question for question in questions() if options.only in {None, question.id}]
    if not asked:
        sys.stderr.write(f"no question has the id {options.only}\n")
        return 1
    with DemoPortal.start(limits=False) as portal:
        found = {door: anyio.run(_rows, asked, portal, door) for door in DOORS if options.door in {door, "both"}}
    sys.stdout.write(f"{_shown(found)}\n")
    return int(any(row.problem for rows in found.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
