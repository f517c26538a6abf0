"""Clients and suites that nobody here wrote: the Inspector, the conformance suite, the TypeScript and Python SDKs."""

import json
import os
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters

from assistants import DEALS, sql_over
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.tools import TOOLS
from installed import COMMAND, serving_http, settings_for, writing_settings_for
from previewing import DECLINED, done, previewed

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"
CALLS: Mapping[str, Mapping[str, Any]] = {
    "list_smart_processes": {},
    "get_status_items": {"entity": "deals"},
    "list_workflows": {"limit": 2},
    "search_items": {"entity": "deals", "limit": 2},
    "aggregate": {"entity": "deals"},
    "describe_entity": {"entity": "deals"},
    "get_item": {"entity": "deals", "id": 5},
    "funnel_report": {"entity": "deals"},
    "get_portal_info": {},
}
QUIET = ["--format", "json", "-q"]
COUNTED = {"rows": [{"count": DEALS}], "total": DEALS, "complete": True}


@pytest.fixture(scope="session")
def node() -> dict[str, str]:
    """The environment of the npm programs."""
    if not (BIN / "mcp-inspector").exists():
        reason = "the npm clients are not installed; `npm ci --prefix tests/clients` installs them"
        # On CI they must run, elsewhere npm may be missing.
        if os.environ.get("CI"):  # noqa: TID251 - a test asks where it runs
            pytest.fail(reason)
        pytest.skip(reason)
    return {"PATH": f"{BIN}{os.pathsep}{Path(COMMAND).parent}{os.pathsep}{os.defpath}", "HOME": str(Path.home())}


@pytest.fixture(scope="session")
def environment(portal: DemoPortal) -> dict[str, str]:
    return settings_for(portal)


@pytest.fixture(scope="session")
def base(portal: DemoPortal) -> Generator[str]:
    with serving_http(portal) as address:
        yield address


def run(arguments: list[str], environment: Mapping[str, str], folder: Path = HERE) -> str:
    done = subprocess.run(
        arguments, env=dict(environment), cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout


@pytest.fixture(params=["stdio", "http"])
def inspected(
    request: pytest.FixtureRequest, node: dict[str, str], environment: dict[str, str], base: str
) -> tuple[list[str], dict[str, str]]:
    """The Inspector's command line and environment for each transport."""
    if request.param == "stdio":
        given = [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]
        return ["mcp-inspector", "--cli", *given, COMMAND, "serve"], node
    return ["mcp-inspector", "--cli", f"{base}/mcp", "--transport", "http"], node


def test_the_inspector_lists_the_tools_and_finds_their_schemas_portable(
    inspected: tuple[list[str], dict[str, str]],
) -> None:
    command, environment = inspected
    answer = json.loads(run([*command, "--method", "tools/list", "--strict", *QUIET], environment))

    assert [tool["name"] for tool in answer["result"]["tools"]] == [tool.name for tool in TOOLS]


@pytest.mark.parametrize("tool", [tool.name for tool in TOOLS])
def test_the_inspector_calls_every_tool(tool: str, inspected: tuple[list[str], dict[str, str]]) -> None:
    command, environment = inspected
    call = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(CALLS[tool]), *QUIET]
    result = json.loads(run([*command, *call], environment))["result"]

    assert result["isError"] is False
    assert result["structuredContent"] == json.loads(result["content"][0]["text"])


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_the_conformance_suite_finds_nothing_but_its_own_fixtures_missing(
    revision: str, node: dict[str, str], base: str, tmp_path: Path
) -> None:
    expected = str(HERE / f"conformance-{revision}.yml")
    said = run(
        ["conformance", "server", "--url", f"{base}/mcp", "--requirements", revision, "--expected-failures", expected],
        node,
        tmp_path,
    )

    assert "Baseline check passed" in said


CONVERSATION = {
    "title": "Bitrix24",
    "tools": [tool.name for tool in TOOLS],
    "deals": COUNTED,
    "wrong": [True, "UNKNOWN_ENTITY"],
    "resources": [],
    "prompts": [],
}


@pytest.mark.parametrize("transport", ["stdio", "http", "sse"])
def test_the_typescript_client_holds_a_conversation(
    transport: str, node: dict[str, str], environment: dict[str, str], base: str
) -> None:
    target = {"stdio": [COMMAND, "serve"], "http": [f"{base}/mcp"], "sse": [f"{base}/sse"]}[transport]
    said = run(["node", str(HERE / "conversation.mjs"), transport, *target], {**node, **environment})

    assert json.loads(said) == CONVERSATION


@pytest.mark.parametrize(
    ("transport", "answer"),
    [("stdio", "accept"), ("stdio", "decline"), ("stdio", "none"), ("http", "accept"), ("sse", "accept")],
)
def test_the_typescript_client_asks_its_user_before_anything_is_written(
    transport: str, answer: str, node: dict[str, str], own_portal: DemoPortal, tmp_path: Path
) -> None:
    allowed = writing_settings_for(own_portal, tmp_path)
    with serving_http(own_portal, allowed) as base:
        target = {"stdio": [COMMAND, "serve"], "http": [f"{base}/mcp"], "sse": [f"{base}/sse"]}[transport]
        said = json.loads(run(["node", str(HERE / "asked.mjs"), answer, transport, *target], {**node, **allowed}))

    amount = sql_over(own_portal.database)("select amount from deals where id = 5")
    question = (
        "Change 1 deal on demo.bitrix24.ru as “Алексей Северов”:\n"
        "• deal 5 “Поставка: фасадная сетка — Nordic Construction Ltd”: amount: 2242916.03 → 3"
    )
    assert said["questions"] == ([] if answer == "none" else [question])
    assert amount == [(3.0 if answer == "accept" else 2242916.03,)]
    match answer:
        case "accept":
            assert said["written"] == done(1, 5)
        case "decline":
            assert said["written"] == {"done": 0, "note": DECLINED}
        case _:
            assert previewed(said["written"])["records"] == 1


async def conversation(client: Client | ClientSession) -> dict[str, Any]:
    deals = await client.call_tool("aggregate", {"entity": "deals"})
    wrong = await client.call_tool("aggregate", {"entity": "dealz"})
    error: dict[str, Any] = wrong.structured_content or {}
    return {
        "tools": [tool.name for tool in (await client.list_tools()).tools],
        "deals": deals.structured_content,
        "wrong": [wrong.is_error, error["error"]["code"]],
        "resources": (await client.list_resources()).resources,
        "prompts": (await client.list_prompts()).prompts,
    }


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_the_python_client_holds_a_conversation(
    transport: str, mode: str, environment: dict[str, str], base: str
) -> None:
    stdio = StdioServerParameters(command=COMMAND, args=["serve"], env=environment)
    async with Client(stdio if transport == "stdio" else f"{base}/mcp", mode=mode) as client:
        said = await conversation(client)
        info = client.server_info

    assert {"title": info.title if info else None, **said} == CONVERSATION


@pytest.mark.anyio
async def test_the_python_client_holds_a_conversation_over_the_legacy_transport(base: str) -> None:
    async with sse_client(f"{base}/sse") as (reading, writing), ClientSession(reading, writing) as session:
        opened = await session.initialize()
        said = await conversation(session)

    assert {"title": opened.server_info.title, **said} == CONVERSATION
