"""Over stdio, HTTP and SSE alike: one budget for all connections, calls that can be cancelled, a clean end."""

import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters
from starlette.applications import Starlette

from assistants import DEALS
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.web import WebServer
from installed import COMMAND, serving_http, settings_for

pytestmark = pytest.mark.anyio

Connect = Callable[[], AbstractAsyncContextManager[Client | ClientSession]]
TRANSPORTS = ["stdio", "http 2026", "http 2025", "sse"]


@pytest.fixture
def base(own_portal: DemoPortal) -> Generator[str]:
    with serving_http(own_portal) as address:
        yield address


@asynccontextmanager
async def over_sse(url: str) -> AsyncGenerator[ClientSession]:
    # Fifty connections at once on a busy machine: the default of five seconds is for one.
    async with sse_client(url, timeout=60) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        yield session


@pytest.fixture
def connect(transport: str, own_portal: DemoPortal, request: pytest.FixtureRequest) -> Connect:
    """Opens one more connection over the transport."""
    if transport == "stdio":
        server = StdioServerParameters(command=COMMAND, args=["serve"], env=settings_for(own_portal))
        return lambda: Client(server)
    base = request.getfixturevalue("base")
    if transport == "sse":
        return lambda: over_sse(f"{base}/sse")
    return lambda: Client(f"{base}/mcp", mode="auto" if transport == "http 2026" else "legacy")


def asked(portal: DemoPortal, path: str) -> int:
    return sum(request.path == path for request in portal.requests)


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not true():  # noqa: ASYNC110 - the portal is another thread, and has no event to wait for
            await anyio.sleep(0.01)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_cancelled_call_asks_the_portal_for_nothing_more(own_portal: DemoPortal, connect: Connect) -> None:
    """Three pages of workflows are to be read; the call is cancelled while the first is under way."""
    own_portal.inject(Fault(kind="slow", path="/v1/workflows", times=None, seconds=0.3))
    own_portal.inject(Fault(kind="slow", path="/v1/deals/aggregate", times=None, seconds=1))
    async with connect() as client:
        async with anyio.create_task_group() as calls:
            calls.start_soon(client.call_tool, "list_workflows", {"stuck": True})
            await until(lambda: asked(own_portal, "/v1/workflows") == 1)
            calls.cancel_scope.cancel()
        # A call that takes longer than the cancelled one would have needed for its next page.
        counted = await client.call_tool("aggregate", {"entity": "deals"})

    assert counted.structured_content == {"rows": [{"count": DEALS}], "total": DEALS, "complete": True}
    assert asked(own_portal, "/v1/workflows") == 1


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
async def test_a_client_that_is_gone_is_noticed(path: str, own_portal: DemoPortal, base: str) -> None:
    own_portal.inject(Fault(kind="slow", path="/v1/workflows", times=None, seconds=0.3))
    own_portal.inject(Fault(kind="slow", path="/v1/deals/aggregate", times=None, seconds=1))
    call = {"name": "list_workflows", "arguments": {"stuck": True}}
    async with anyio.create_task_group() as calls:
        if path == "/sse":
            calls.start_soon(lose_sse, f"{base}/sse", call)
        else:
            calls.start_soon(lose_http, f"{base}/mcp", call)
        await until(lambda: asked(own_portal, "/v1/workflows") == 1)
        calls.cancel_scope.cancel()
    async with Client(f"{base}/mcp") as client:
        await client.call_tool("aggregate", {"entity": "deals"})

    assert asked(own_portal, "/v1/workflows") == 1


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "lost", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def lose_http(url: str, call: dict[str, Any]) -> None:
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": call["name"],
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**call, "_meta": META}}
    async with httpx.AsyncClient(timeout=30) as http:
        await http.post(url, json=message, headers=headers)


async def lose_sse(url: str, call: dict[str, Any]) -> None:
    async with over_sse(url) as session:
        await session.call_tool(call["name"], call["arguments"])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_progress_of_a_long_call_arrives(connect: Connect) -> None:
    heard: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del message
        heard.append((progress, total))

    async with connect() as client:
        await client.call_tool("list_workflows", {"stuck": True}, progress_callback=hear)

    assert heard == [(50, 140), (100, 140), (140, 140)]


@pytest.fixture
def limited() -> Generator[DemoPortal]:
    """A portal that enforces its limits."""
    with DemoPortal.start(deals=60, limits=True) as portal:
        yield portal


@pytest.fixture
def limited_base(limited: DemoPortal) -> Generator[str]:
    with serving_http(limited) as address:
        yield address


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_fifty_connections_share_one_budget(transport: str, limited: DemoPortal, limited_base: str) -> None:
    """Never more than 10 requests in any second. Over stdio a process has one connection: fifty calls at once."""
    if transport == "stdio":
        server = StdioServerParameters(command=COMMAND, args=["serve"], env=settings_for(limited))
        async with Client(server) as client:
            answers = await ask_often([client] * 50)
    else:
        answers = await ask_connected(limited_base, transport)
    requests = list(limited.requests)

    times = [request.at for request in requests]
    busiest = max(sum(start <= at < start + 1 for at in times) for start in times)
    assert answers == [60] * 50
    assert Counter((request.path, request.status) for request in requests) == {
        ("/v1/deals/fields", 200): 1,
        ("/v1/deals/aggregate", 200): 50,
    }
    assert busiest <= 10


async def ask_connected(base: str, transport: str) -> list[int]:
    async def one(number: int) -> None:
        mode = "auto" if transport == "http 2026" else "legacy"
        connection = over_sse(f"{base}/sse") if transport == "sse" else Client(f"{base}/mcp", mode=mode)
        async with connection as client:
            [answers[number]] = await ask_often([client])

    answers = [0] * 50
    async with anyio.create_task_group() as connections:
        for number in range(50):
            connections.start_soon(one, number)
    return answers


async def ask_often(clients: list[Client] | list[Client | ClientSession]) -> list[int]:
    async def one(number: int) -> None:
        result = await clients[number].call_tool("aggregate", {"entity": "deals"})
        answers[number] = cast("dict[str, int]", result.structured_content)["total"]

    answers = [0] * len(clients)
    async with anyio.create_task_group() as calls:
        for number in range(len(clients)):
            calls.start_soon(one, number)
    return answers


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
@pytest.mark.parametrize(
    ("header", "status"), [({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)]
)
async def test_a_foreign_host_or_origin_is_refused(path: str, header: dict[str, str], status: int, base: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{base}{path}", headers={"Accept": "text/event-stream", **header})

    assert answer.status_code == status


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("transport", ["stdio", "http", "sse"])
def test_a_signal_ends_the_server_cleanly(number: signal.Signals, transport: str, tmp_path: Path) -> None:
    """Nothing is left behind, the demo portal's database included, and the exit code is 0."""
    arguments = [COMMAND, "serve", "--demo", "--transport", transport, "--port", "0"]
    at = {"TMPDIR": str(tmp_path), "HOME": str(Path.home())}
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, env=at, stdin=pipe, stdout=pipe, stderr=pipe) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        if transport == "stdio":
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
            line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
            server.stdin.write(f"{line}\n".encode())
            server.stdin.flush()
            server.stdout.readline()
        else:
            server.stderr.readline()
        left_before = list(tmp_path.iterdir())
        server.send_signal(number)
        code = server.wait(10)
        errors = server.stderr.read()

    assert len(left_before) == 1
    assert (code, errors, list(tmp_path.iterdir())) == (0, b"", [])


def test_answers_over_http_are_not_held_back_by_nagles_delay() -> None:
    """Only for sockets that name their protocol does asyncio switch it off."""
    server = WebServer(Starlette(), "127.0.0.1", 0, "ERROR")
    server.bind()
    [bound] = server._sockets  # pyright: ignore[reportPrivateUsage] - what asyncio is given

    with bound:
        assert bound.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_every_revision_with_a_handshake_is_served(revision: str, own_portal: DemoPortal) -> None:
    """The one without, 2026-07-28, is what the newest clients above speak."""
    hello = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    call = {"name": "aggregate", "arguments": {"entity": "deals"}}
    lines: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call},
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen([COMMAND], env=settings_for(own_portal), stdin=pipe, stdout=pipe, stderr=pipe) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())
        server.stdin.flush()
        answers = {
            answer["id"]: answer["result"] for answer in (json.loads(server.stdout.readline()) for _ in range(3))
        }
        server.stdin.close()

    assert answers[1]["protocolVersion"] == revision
    assert [tool["name"] for tool in answers[2]["tools"]] == [tool.name for tool in TOOLS]
    assert json.loads(answers[3]["content"][0]["text"]) == {
        "rows": [{"count": DEALS}],
        "total": DEALS,
        "complete": True,
    }
    assert server.returncode == 0
