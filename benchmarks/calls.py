"""What a call costs beside the gateway's own time, and how many calls a second one process answers over HTTP."""

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import anyio
import httpx

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.service import context_for
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools.declare import run
from bitrix24_mcp.tools.get_item import TOOL as GET_ITEM
from bitrix24_mcp.tools.search_items import TOOL
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from measuring import COMMAND, HERE, UNPACED, Figure, milliseconds, show

QUESTION: dict[str, Any] = {"entity": "deals", "filter": {"stageId": "NEW"}, "limit": 20}
SELECT = ["id", "title", "stageId", "categoryId", "amount", "currency", "assignedById", "createdAt"]
BODY = {"filter": {"stageId": "NEW"}, "sort": "id", "select": SELECT, "limit": 20, "autoWindow": False}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def latency(portal: DemoPortal) -> Figure:
    """The same search asked of the gateway directly and through the tool, in turns."""
    settings = Settings.of({"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"})
    headers = {"X-Api-Key": "vibe_api_demo"}
    async with (
        GatewayClient(settings.credentials(), budget=Budget(UNPACED)) as client,
        httpx.AsyncClient(base_url=portal.url, headers=headers) as http,
    ):
        context = context_for(settings, GatewayPortal(client))

        async def through_the_tool() -> object:
            return await run(TOOL, QUESTION, context)

        async def directly() -> object:
            return (await http.post("/v1/deals/search", json=BODY)).json()

        for _ in range(50):
            await through_the_tool()
            await directly()
        added = [await seconds(through_the_tool) - await seconds(directly) for _ in range(1_000)]
    p50, p99 = statistics.median(added), statistics.quantiles(added, n=100)[98]
    return Figure(
        "added to the gateway's time, 20 deals",
        f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}",
        "the same request sent directly",
        "p50 <= 3 ms, p99 <= 10 ms",
        p50 <= 0.003 and p99 <= 0.010,
    )


async def seconds(ask: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await ask()
    return time.perf_counter() - started


async def single_records(portal: DemoPortal) -> Figure:
    """Fifty single records at once, paced as always, when what the portal says of itself is known already."""
    settings = Settings.of({"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"})
    async with GatewayClient(settings.credentials()) as client:
        context = context_for(settings, GatewayPortal(client))
        deals = [deal for (deal,) in rows(portal, "select id from deals order by id limit 50")]
        await run(GET_ITEM, {"entity": "deals", "ids": deals}, context)
        before, started = len(portal.requests), time.perf_counter()
        async with anyio.create_task_group() as group:
            for deal in deals:
                group.start_soon(run, GET_ITEM, {"entity": "deals", "id": deal}, context)
        took, requests = time.perf_counter() - started, len(portal.requests) - before
    return Figure(
        "50 concurrent get_item",
        f"{requests} request{'s' if requests > 1 else ''}, {milliseconds(took)}",
        "one by one: 50 requests, 5 s by the portal's limits",
        "<= 2 requests",
        requests <= 2,
    )


def rows(portal: DemoPortal, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(portal.database)) as connection:
        return connection.execute(query).fetchall()


async def calls_per_second(url: str, clients: int, calls: int) -> float:
    """Calls of the cheapest tool of each server: it answers from what it knows."""

    async def one(http: httpx.AsyncClient, share: int) -> None:
        for _ in range(share):
            answer = await http.post(url, content=message, headers=headers)
            answer.raise_for_status()

    name = "get_status_items" if "8725" in url else "tool_1"
    arguments = {"directory": "SOURCE"} if name == "get_status_items" else {}
    params = {"name": name, "arguments": arguments, "_meta": META}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": name,
    }
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=64)) as http:
        await one(http, 5)
        started = time.perf_counter()
        async with anyio.create_task_group() as group:
            for _ in range(clients):
                group.start_soon(one, http, calls // clients)
    return calls / (time.perf_counter() - started)


async def throughput(portal: DemoPortal) -> list[Figure]:
    environment = {"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"}
    ours = subprocess.Popen(
        [COMMAND, "serve", "--transport", "http", "--port", "8725"], env=environment, stderr=subprocess.PIPE
    )
    bare = subprocess.Popen([sys.executable, str(HERE / "bare_server.py"), "8726"])
    figures: list[Figure] = []
    try:
        assert ours.stderr is not None
        ours.stderr.readline()
        await anyio.sleep(2)
        for clients in (1, 8, 64):
            rates = [
                (
                    await calls_per_second("http://127.0.0.1:8725/mcp", clients, 640),
                    await calls_per_second("http://127.0.0.1:8726/mcp", clients, 640),
                )
                for _ in range(3)
            ]
            mine, theirs = (statistics.median(side) for side in zip(*rates, strict=True))
            beside = f"bare SDK server {theirs:.0f}/s ({mine / theirs:.2f} x)"
            figures.append(Figure(f"calls over HTTP, {clients} clients", f"{mine:.0f}/s", beside))
    finally:
        ours.terminate()
        bare.terminate()
        ours.wait()
        bare.wait()
    return figures


def measure() -> list[Figure]:
    with DemoPortal.start(limits=False) as portal:
        return [anyio.run(latency, portal), anyio.run(single_records, portal), *anyio.run(throughput, portal)]


if __name__ == "__main__":
    show(measure())
