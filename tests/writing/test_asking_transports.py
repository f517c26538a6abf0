"""The person is asked over every transport, in both forms of the protocol, by the installed command."""

import json
import subprocess
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, ElicitResult, Implementation

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from installed import COMMAND, serving_http, writing_settings_for
from previewing import DECLINED, done, previewed
from writing_assistants import Asked

pytestmark = pytest.mark.anyio

Connect = Callable[[Asked | None], AbstractAsyncContextManager[Client | ClientSession]]
TRANSPORTS = ["stdio", "stdio 2026", "http", "http 2026", "sse"]
CHANGE: dict[str, Any] = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]}
QUESTION = (
    "Change 1 deal on demo.bitrix24.ru as “Алексей Северов”:\n"
    "• deal 5 “Поставка: фасадная сетка — Nordic Construction Ltd”: amount: 2242916.03 → 3"
)


@pytest.fixture
def base(own_portal: DemoPortal, tmp_path: Path) -> Generator[str]:
    with serving_http(own_portal, writing_settings_for(own_portal, tmp_path)) as address:
        yield address


@asynccontextmanager
async def over_sse(url: str, person: Asked | None) -> AsyncGenerator[ClientSession]:
    async with (
        sse_client(url) as (reading, writing),
        ClientSession(reading, writing, elicitation_callback=person) as session,
    ):
        await session.initialize()
        yield session


@pytest.fixture(params=TRANSPORTS)
def connect(own_portal: DemoPortal, tmp_path: Path, request: pytest.FixtureRequest) -> Connect:
    """Opens one more connection over the transport."""
    transport, _, year = str(request.param).partition(" ")
    mode = "2026-07-28" if year else "legacy"
    if transport == "stdio":
        env = writing_settings_for(own_portal, tmp_path)
        server = StdioServerParameters(command=COMMAND, args=["serve"], env=env)
        return lambda person: Client(server, elicitation_callback=person, mode=mode)
    base = request.getfixturevalue("base")
    if transport == "sse":
        return lambda person: over_sse(f"{base}/sse", person)
    return lambda person: Client(f"{base}/mcp", elicitation_callback=person, mode=mode)


async def write(client: Client | ClientSession, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("write_items", arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.structured_content
    return result.structured_content or {}


async def test_a_yes_writes_and_a_no_does_not(connect: Connect, own_sql: Sql) -> None:
    person = Asked(ElicitResult(action="decline"))
    async with connect(person) as client:
        assert await write(client, **CHANGE) == {"done": 0, "note": DECLINED}
        assert own_sql("select amount from deals where id = 5") == [(2242916.03,)]

        person.answer = ElicitResult(action="accept", content={"confirm": True})
        assert await write(client, **CHANGE) == done(1, 5)

    assert person.questions == [QUESTION, QUESTION]
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


async def test_a_client_without_elicitation_gets_a_code(connect: Connect, own_sql: Sql) -> None:
    async with connect(None) as client:
        answer = await write(client, **CHANGE)
        assert previewed(answer)["records"] == 1
        assert await write(client, confirm=answer["confirm"]) == done(1, 5)

    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


async def test_a_code_may_be_confirmed_over_another_connection_of_the_same_server(base: str, own_sql: Sql) -> None:
    """Streamable HTTP without sessions: each call may come alone."""
    async with Client(f"{base}/mcp", mode="2026-07-28") as client:
        answer = await write(client, **CHANGE)
    async with Client(f"{base}/mcp", mode="legacy", client_info=Implementation(name="other", version="1")) as client:
        assert await write(client, confirm=answer["confirm"]) == done(1, 5)

    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


def by_hand(
    portal: DemoPortal, folder: Path, revision: str, elicitation: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """What the command sends to a client of that revision that calls once, and answers what it is asked with yes."""
    capabilities = {} if elicitation is None else {"elicitation": elicitation}
    hello = {"protocolVersion": revision, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}}
    yes = {"action": "accept", "content": {"confirm": True}}
    pipe = subprocess.PIPE
    env = writing_settings_for(portal, folder)
    with subprocess.Popen([COMMAND], env=env, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def say(**message: Any) -> None:
            assert server.stdin is not None
            server.stdin.write(f"{json.dumps({'jsonrpc': '2.0', **message})}\n")
            server.stdin.flush()

        say(id=1, method="initialize", params=hello)
        said = [json.loads(server.stdout.readline())]
        say(method="notifications/initialized")
        say(id=2, method="tools/call", params={"name": "write_items", "arguments": CHANGE})
        said.append(json.loads(server.stdout.readline()))
        if said[-1].get("method"):
            say(id=said[-1]["id"], result=yes)
            said.append(json.loads(server.stdout.readline()))
        server.stdin.close()
    return said


@pytest.mark.parametrize(("revision", "form"), [("2025-06-18", {}), ("2025-11-25", {}), ("2025-11-25", {"form": {}})])
def test_revisions_with_elicitation_are_asked(
    revision: str, form: dict[str, Any], own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    hello, question, answer = by_hand(own_portal, tmp_path, revision, form)

    assert hello["result"]["protocolVersion"] == revision
    assert question["method"] == "elicitation/create"
    assert question["params"]["message"] == QUESTION
    assert question["params"]["requestedSchema"]["required"] == ["confirm"]
    assert json.loads(answer["result"]["content"][0]["text"]) == done(1, 5)
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


@pytest.mark.parametrize(
    ("revision", "form"),
    [("2024-11-05", None), ("2025-03-26", None), ("2025-06-18", None), ("2025-11-25", {"url": {}})],
)
def test_clients_that_show_no_forms_get_a_code(
    revision: str, form: dict[str, Any] | None, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    hello, answer = by_hand(own_portal, tmp_path, revision, form)

    assert hello["result"]["protocolVersion"] == revision
    assert previewed(json.loads(answer["result"]["content"][0]["text"]))["records"] == 1
    assert own_sql("select amount from deals where id = 5") == [(2242916.03,)]
