"""Unless the operator allows writing, and key, portal and journal let it, nothing in the server can write."""

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError

from assistants import DOORS
from bad_input import BAD_CALLS
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.writing import WRITING_TOOLS
from installed import COMMAND, settings_for, writing_settings_for
from seen_writes import writes
from test_secrets import GOOD_CALLS
from writing_assistants import Door, writing_assistant_for

pytestmark = pytest.mark.anyio

READING = [tool.name for tool in TOOLS]
WRITING = [tool.name for tool in WRITING_TOOLS]
INCLUDE = ["company", "contact", "lead", "deal", "products", "comments", "activities", "history"]


@pytest.mark.parametrize("door", DOORS)
async def test_no_call_of_a_server_that_only_reads_writes(door: str, own_portal: DemoPortal) -> None:
    """Every tool, good calls and wrong ones, in front of a portal that notes each request."""
    async with DOORS[door](own_portal.url) as assistant:
        for tool, arguments in GOOD_CALLS.items():
            await assistant.ask(tool, **arguments)
        for entity in ("deals", "leads", "contacts", "companies", "quotes", "invoices", "tasks", "products", "174"):
            await assistant.raw("get_item", entity=entity, ids=[1, 2], include=INCLUDE)
            await assistant.raw("funnel_report", entity=entity, history=True)
        for call in BAD_CALLS:
            await assistant.raw(call.tool, **call.arguments)

    assert len(own_portal.requests) > 50
    assert writes(own_portal) == []


@pytest.mark.parametrize("door", DOORS)
async def test_the_tools_that_write_are_neither_listed_nor_known(door: str, own_portal: DemoPortal) -> None:
    async with DOORS[door](own_portal.url) as assistant:
        listed = [tool.name for tool in (await assistant.client.list_tools()).tools]
        for name in [*WRITING, "no_such_tool"]:
            with pytest.raises(MCPError) as refused:
                await assistant.client.call_tool(name, {"entity": "deals", "action": "delete", "ids": [1]})
            error = refused.value.error
            assert (error.code, error.message, error.data) == (-32602, f"Unknown tool: {name}", None)

    assert listed == READING
    assert list(own_portal.requests) == []


@pytest.mark.parametrize("allowed", ["false", "0", "no", "off"])
async def test_a_flag_that_says_no_allows_nothing(allowed: str, own_portal: DemoPortal, tmp_path: Path) -> None:
    async with writing_assistant_for(
        "gateway", own_portal.url, tmp_path, BITRIX24_MCP_ALLOW_WRITES=allowed
    ) as assistant:
        assert [tool.name for tool in (await assistant.client.list_tools()).tools] == READING


WRITERS = (
    "bitrix24_mcp.writing",
    "bitrix24_mcp.journal",
    "bitrix24_mcp.intake",
    "bitrix24_mcp.crm.writing",
    "bitrix24_mcp.crm.intake",
    "bitrix24_mcp.sending.changes",
    "bitrix24_mcp.vibecode.writing",
    "bitrix24_mcp.vibecode.changed",
    "bitrix24_mcp.vibecode.requested_changes",
    "bitrix24_mcp.rest.writing",
    *(f"bitrix24_mcp.tools.{name}" for name in WRITING),
)
"""What writes, and what only that needs."""


def conversation(env: Mapping[str, str], errors: Path, *flags: str) -> list[dict[str, Any]]:
    """What the command answers to a client that calls every reading tool; what it says on stderr goes to a file."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    calls = [{"name": tool, "arguments": arguments} for tool, arguments in GOOD_CALLS.items()]
    lines: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        *({"jsonrpc": "2.0", "id": 2 + n, "method": "tools/call", "params": call} for n, call in enumerate(calls)),
    ]
    pipe = subprocess.PIPE
    command = [sys.executable, *flags, COMMAND, "serve"]
    with (
        errors.open("w") as told,
        subprocess.Popen(command, env=dict(env), stdin=pipe, stdout=pipe, stderr=told, text=True) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines))
        server.stdin.flush()
        said = [json.loads(server.stdout.readline()) for _ in range(len(lines) - 1)]
        server.stdin.close()
    assert server.returncode == 0
    return sorted(said, key=lambda each: each["id"])


def loaded(errors: Path) -> set[str]:
    """The modules that Python told it had loaded."""
    lines = errors.read_text().splitlines()
    return {line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:")}


@pytest.mark.parametrize("door", ["gateway", "webhook"])
def test_the_process_of_a_server_that_only_reads_never_loads_what_writes(
    door: str, own_portal: DemoPortal, tmp_path: Path
) -> None:
    """It answers every tool, and Python tells each module that it loads."""
    webhook = {"BITRIX24_WEBHOOK_URL": f"{own_portal.url}/rest/1/demo-admin/"}
    env = settings_for(own_portal) if door == "gateway" else webhook
    said = conversation(env, tmp_path / "errors", "-X", "importtime")

    names = loaded(tmp_path / "errors")
    assert {"bitrix24_mcp.server", "bitrix24_mcp.tools.search_items", "bitrix24_mcp.crm.metadata"} <= names
    assert sorted(name for name in names if name.startswith(WRITERS)) == []
    assert [tool["name"] for tool in said[1]["result"]["tools"]] == READING
    assert [answer["result"].get("isError", False) for answer in said[2:]] == [False] * len(GOOD_CALLS)
    assert writes(own_portal) == []


def test_the_process_of_a_server_that_may_write_does(own_portal: DemoPortal, tmp_path: Path) -> None:
    """So that the names above are those of today."""
    conversation(writing_settings_for(own_portal, tmp_path), tmp_path / "errors", "-X", "importtime")

    needed = {"bitrix24_mcp.writing", "bitrix24_mcp.journal.store", "bitrix24_mcp.vibecode.writing"}
    assert needed <= loaded(tmp_path / "errors")


READ_ONLY = "Nothing can be written: the key only reads, or lacks the scope crm."
KEYS: list[tuple[Door, str, str]] = [
    ("gateway", "vibe_api_demo_readonly", READ_ONLY),
    ("gateway", "vibe_api_demo_noscope", READ_ONLY),
]


@pytest.mark.parametrize(("door", "key", "warning"), KEYS, ids=[each[1] for each in KEYS])
async def test_a_key_that_cannot_write_is_offered_nothing_and_that_is_said_once(
    door: Door, key: str, warning: str, own_portal: DemoPortal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing_assistant_for(door, own_portal.url, tmp_path, key=key) as assistant:
        listed = [tool.name for tool in (await assistant.client.list_tools()).tools]
        with pytest.raises(MCPError, match=r"^Unknown tool: write_items$"):
            await assistant.client.call_tool("write_items", {})

    assert listed == READING
    assert warnings(caplog) == [warning]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_warning_is_one_line_on_stderr(own_portal: DemoPortal, tmp_path: Path) -> None:
    env = {**writing_settings_for(own_portal, tmp_path), "VIBECODE_API_KEY": "vibe_api_demo_readonly"}
    said = conversation(env, tmp_path / "errors")

    assert [tool["name"] for tool in said[1]["result"]["tools"]] == READING
    assert (tmp_path / "errors").read_text() == f"WARNING bitrix24_mcp.writing: {READ_ONLY}\n"


async def test_a_portal_that_does_not_answer_at_the_start_is_only_read(
    own_portal: DemoPortal, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitrix24_mcp.writing._PATIENCE", 0.2)
    own_portal.inject(Fault("slow", "/v1/me", seconds=5))
    async with writing_assistant_for("gateway", own_portal.url, tmp_path) as assistant:
        listed = [tool.name for tool in (await assistant.client.list_tools()).tools]
        own_portal.clear_faults()
        assert (await assistant.ask("aggregate", entity="deals"))["complete"] is True

    assert listed == READING
    assert warnings(caplog) == ["Nothing can be written: the portal did not say in time what the key may do."]


@pytest.mark.parametrize("door", ["gateway", "rest"])
async def test_a_portal_that_is_away_at_the_start_is_only_read(
    door: Door, own_portal: DemoPortal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_portal.inject(Fault("drop", times=None))
    async with writing_assistant_for(door, own_portal.url, tmp_path, patience=0.1) as assistant:
        assert [tool.name for tool in (await assistant.client.list_tools()).tools] == READING

    [warning] = warnings(caplog)
    assert warning.startswith("Nothing can be written: ")
    assert "http" not in warning


def test_without_a_journal_nothing_is_written(own_portal: DemoPortal, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "journal.sqlite3").write_bytes(b"no database, and long enough to be looked at as one" * 100)
    said = conversation(writing_settings_for(own_portal, folder), tmp_path / "errors")

    assert [tool["name"] for tool in said[1]["result"]["tools"]] == READING
    [warning] = (tmp_path / "errors").read_text().splitlines()
    assert warning.startswith("WARNING bitrix24_mcp.writing: Nothing can be written: ")


@pytest.mark.parametrize(
    ("tools", "listed"),
    [
        ("search_items,write_items", ["search_items", "write_items"]),
        ("undo", ["undo"]),
        ("aggregate", ["aggregate"]),
        ("complete_workflow_task,get_portal_info", ["get_portal_info"]),
    ],
)
async def test_the_list_of_tools_limits_those_that_write_too(
    tools: str, listed: list[str], own_portal: DemoPortal, tmp_path: Path
) -> None:
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, BITRIX24_MCP_TOOLS=tools) as assistant:
        assert [tool.name for tool in (await assistant.client.list_tools()).tools] == listed
        with pytest.raises(MCPError, match=r"^Unknown tool: add_comment$"):
            await assistant.client.call_tool("add_comment", {})


@pytest.mark.parametrize("door", ["gateway", "rest"])
async def test_workflow_tasks_are_offered_where_the_door_has_them(
    door: Door, own_portal: DemoPortal, tmp_path: Path
) -> None:
    async with writing_assistant_for(door, own_portal.url, tmp_path) as assistant:
        listed = [tool.name for tool in (await assistant.client.list_tools()).tools]

    absent = {"complete_workflow_task"} if door == "gateway" else set[str]()
    assert listed == [*READING, *(name for name in WRITING if name not in absent)]
