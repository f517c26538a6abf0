"""A server that is told to end while it writes finishes and notes the part under way, sends no more, and ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from assistants import Sql, sql_over
from bitrix24_mcp.demo import DemoPortal, Fault
from installed import COMMAND, serving_http, writing_settings_for
from previewing import done
from seen_writes import writes

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals"),
]


def close(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.close()


SLOW = 1.0
"""Seconds that the portal takes for what is under way."""
ENDINGS: dict[str, Callable[[subprocess.Popen[str]], None]] = {
    "SIGTERM": lambda server: server.send_signal(signal.SIGTERM),
    "SIGINT": lambda server: server.send_signal(signal.SIGINT),
    "the client is gone": close,
}


def journal(folder: Path) -> dict[str, int]:
    """How many entries the journal has in each state."""
    return dict(sql_over(folder / "journal.sqlite3")("select state, count(*) from entries group by state"))


@contextmanager
def writing_server(portal: DemoPortal, folder: Path) -> Generator[subprocess.Popen[str]]:
    """The command over stdio, which writes without asking; its first answer has been read."""
    env = writing_settings_for(portal, folder, BITRIX24_MCP_CONFIRM="deletes")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    pipe = subprocess.PIPE
    with subprocess.Popen([COMMAND], env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as server:
        say(server, id=1, method="initialize", params=hello)
        assert server.stdout is not None
        server.stdout.readline()
        say(server, method="notifications/initialized")
        yield server


@contextmanager
def calling(portal: DemoPortal, folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """The command that changes a deal and has been agreed to beforehand."""
    command = [COMMAND, "call", "write_items", json.dumps(change([5])["arguments"]), "--yes"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=writing_settings_for(portal, folder), stdout=pipe, stderr=pipe) as running:
        yield running


def say(server: subprocess.Popen[str], **message: Any) -> None:
    assert server.stdin is not None
    server.stdin.write(f"{json.dumps({'jsonrpc': '2.0', **message})}\n")
    server.stdin.flush()


def change(ids: Sequence[int]) -> dict[str, Any]:
    arguments = {"entity": "deals", "action": "update", "items": [{"id": number, "amount": 3} for number in ids]}
    return {"name": "write_items", "arguments": arguments}


def write(server: subprocess.Popen[str], ids: Sequence[int]) -> None:
    say(server, id=2, method="tools/call", params=change(ids))


def many(sql: Sql) -> list[int]:
    return [number for (number,) in sql("select id from deals where amount <> 3 order by id limit 120")]


async def under_way(portal: DemoPortal) -> None:
    with anyio.fail_after(20):
        while not writes(portal):  # noqa: ASYNC110 - the portal is another thread, and has no event to wait for
            await anyio.sleep(0.01)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_change_under_way_is_finished_and_noted(
    ending: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    own_portal.inject(Fault("slow", "/v1/deals/5", "PATCH", seconds=SLOW))
    with writing_server(own_portal, tmp_path) as server:
        write(server, [5])
        await under_way(own_portal)
        assert own_sql("select amount from deals where id = 5") == [(2242916.03,)]
        ENDINGS[ending](server)
        code = server.wait(10)
        assert server.stderr is not None
        errors = server.stderr.read()

    assert (code, errors) == (0, "")
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]
    assert journal(tmp_path) == {"done": 1}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_of_many_changes_the_part_under_way_is_finished_and_no_more_is_sent(
    ending: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    """120 changes are read in three requests and written in three; the server is ended within the first of these."""
    own_portal.inject(Fault("slow", "/v1/batch", after=3, seconds=SLOW))
    with writing_server(own_portal, tmp_path) as server:
        write(server, many(own_sql))
        await under_way(own_portal)
        ENDINGS[ending](server)
        code = server.wait(10)

    assert code == 0
    assert own_sql("select count(*) from deals where amount = 3") == [(50,)]
    assert journal(tmp_path) == {"done": 50, "planned": 70}


async def test_a_command_that_is_interrupted_finishes_what_it_writes(
    own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    own_portal.inject(Fault("slow", "/v1/deals/5", "PATCH", seconds=SLOW))
    with calling(own_portal, tmp_path) as call:
        await under_way(own_portal)
        call.send_signal(signal.SIGINT)
        code = call.wait(10)

    assert code == 130
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]
    assert journal(tmp_path) == {"done": 1}


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "lost", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "write_items",
}


@pytest.mark.parametrize("seconds", [0.5, 3.5], ids=["within the grace", "longer than open calls are waited for"])
async def test_over_http_too(seconds: float, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path) -> None:
    own_portal.inject(Fault("slow", "/v1/deals/5", "PATCH", seconds=seconds))
    answers: list[httpx.Response] = []
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**change([5]), "_meta": META}}
    env = writing_settings_for(own_portal, tmp_path, BITRIX24_MCP_CONFIRM="deletes")

    async def call(base: str) -> None:
        async with httpx.AsyncClient(timeout=30) as http:
            with suppress(httpx.HTTPError):
                answers.append(await http.post(f"{base}/mcp", json=message, headers=HEADERS))

    async with anyio.create_task_group() as calls:
        with serving_http(own_portal, env) as base:
            calls.start_soon(call, base)
            await under_way(own_portal)
        # here the server was told to end, and has ended

    if seconds < 2:
        assert [answer.json()["result"]["structuredContent"] for answer in answers] == [done(1, 5)]
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]
    assert journal(tmp_path) == {"done": 1}


async def test_a_call_that_its_client_cancels_is_finished_and_noted(
    own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    own_portal.inject(Fault("slow", "/v1/batch", after=3, seconds=SLOW))
    with writing_server(own_portal, tmp_path) as server:
        write(server, many(own_sql))
        await under_way(own_portal)
        say(server, method="notifications/cancelled", params={"requestId": 2, "reason": "enough"})
        say(server, id=3, method="tools/call", params={"name": "undo", "arguments": {}})
        assert server.stdout is not None
        answer = json.loads(await anyio.to_thread.run_sync(server.stdout.readline))
        close(server)

    assert answer["id"] == 3  # the cancelled one is not answered
    assert own_sql("select count(*) from deals where amount = 3") == [(50,)]
    assert journal(tmp_path) == {"done": 50, "planned": 70}
