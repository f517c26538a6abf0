"""Has the tasks of `tasks.yaml` done, and holds the portal's database against what each wants.

    uv run python evals/act.py [--only ID] [--door gateway|rest|both]     the known-good way to each, by this server
    uv run python evals/act.py wait ID                                    any assistant, with any server

`wait` starts a demo portal, prints the task and the ways in, and judges the portal once the line that ends the task is
typed. Each task gets a portal of its own. The exit code is 1 when a task is not done rightly.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult

from bitrix24_mcp.demo import DemoPortal
from paths import put, read
from replay import DOORS, CallTool, structured
from states import verdict
from tasks import Step, Task, tasks


@dataclass(frozen=True, slots=True)
class Row:
    """One task done through one door: what is wrong with the portal afterwards, and what it took."""

    id: str
    door: str
    problem: str
    calls: int
    requests: int


async def done(task: Task, call_tool: CallTool) -> list[CallToolResult]:
    """The answers of the task's calls, in order; a preview is confirmed, and its confirmation stands in its place."""
    results: list[CallToolResult] = []
    for step in task.steps:
        result = await call_tool(step.tool, _filled(step, [structured(each) for each in results]))
        if code := structured(result).get("confirm"):
            result = await call_tool(step.tool, {"confirm": code})
        results.append(result)
    return results


def _filled(step: Step, earlier: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    arguments = dict(step.arguments)
    for place, path in step.use.items():
        arguments = put(arguments, place, read(path, earlier))
    if step.ids:
        arguments["items"] = [{"id": each, **step.set} for each in cast("list[Any]", read(step.ids, earlier))]
    return arguments


def judged(task: Task, results: Sequence[CallToolResult], untouched: Path, portal: DemoPortal) -> str:
    """What is wrong with the answers or the portal; empty when the task is done."""
    errors = [structured(each)["error"] for each in results if each.is_error]
    codes = [error["code"] for error in errors]
    if codes != ([task.error] if task.error else []):
        return f"answered {errors[0]['code']}: {errors[0]['message']}" if errors else f"no refusal with {task.error}"
    return verdict(task, untouched, portal.database)


async def _row(task: Task, door: str) -> Row:
    with DemoPortal.start(limits=False) as portal, tempfile.TemporaryDirectory() as folder:
        untouched = Path(folder) / "untouched.sqlite3"
        shutil.copyfile(portal.database, untouched)
        allowed = {"BITRIX24_MCP_ALLOW_WRITES": "true", "BITRIX24_MCP_ALLOW_DELETES": "true"}
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "bitrix24_mcp", "serve"],
            env={**DOORS[door](portal), **allowed, "BITRIX24_MCP_DATA_DIR": folder},
        )
        async with Client(server) as client:
            results = await done(task, client.call_tool)
        return Row(task.id, door, judged(task, results, untouched, portal), len(results), len(portal.requests))


def _wait(task: Task) -> int:
    with DemoPortal.start(limits=False) as portal, tempfile.TemporaryDirectory() as folder:
        untouched = Path(folder) / "untouched.sqlite3"
        shutil.copyfile(portal.database, untouched)
        sys.stdout.write(
            f"{task.ask}\n\nVIBECODE_BASE_URL={portal.url} VIBECODE_API_KEY=vibe_api_demo\n"
            f"BITRIX24_WEBHOOK_URL={portal.url}/rest/1/demo-admin/\n\nPress Enter when the assistant is done.\n"
        )
        sys.stdout.flush()
        sys.stdin.readline()
        problem = verdict(task, untouched, portal.database)
    sys.stdout.write(f"{problem or 'right'}\n")
    return int(bool(problem))


def main() -> int:
    """1 when a task is not done rightly, or there is none of that id."""
    parser = argparse.ArgumentParser(description="Have the tasks of evals/tasks.yaml done, and judge the portal.")
    parser.add_argument("--only", metavar="ID", help="only this task")
    parser.add_argument("--door", choices=[*DOORS, "both"], default="gateway", help="the way to the portal (gateway)")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("wait", help="let any assistant do one").add_argument("id", metavar="ID")
    options = parser.parse_args()
    wanted = options.id if options.command == "wait" else options.only
    chosen = [task for task in tasks() if wanted in {None, task.id}]
    if not chosen:
        sys.stderr.write(f"no task has the id {wanted}\n")
        return 1
    if options.command == "wait":
        return _wait(chosen[0])
    rows = [
        anyio.run(_row, task, door)
        for task in chosen
        for door in DOORS
        if options.door in {door, "both"} and door in task.doors
    ]
    lines = [
        f"| {row.id} | {row.door} | {row.calls} | {row.requests} | {f'WRONG: {row.problem}' if row.problem else 'ok'} |"
        for row in rows
    ]
    right = sum(not row.problem for row in rows)
    sys.stdout.write("\n".join(["| id | door | calls | requests | |", "|---|---|---|---|---|", *lines]))
    sys.stdout.write(f"\n{right} of {len(rows)} right\n")
    return int(right < len(rows))


if __name__ == "__main__":
    sys.exit(main())
