"""The installed command as people and clients run it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from assistants import ROOT, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.tools import TOOLS
from installed import COMMAND, KEY, settings_for


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": str(Path(COMMAND).parent), "HOME": str(Path.home()), **environment}
    return subprocess.run(
        [COMMAND, *arguments], env=clean, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )


@pytest.mark.parametrize("arguments", [[], ["serve"], ["call", "aggregate", '{"entity": "deals"}'], ["doctor"]])
def test_without_a_key_the_command_says_what_to_set(arguments: list[str]) -> None:
    done = run(*arguments, VIBECODE_API_KEY="")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "VIBECODE_API_KEY" in done.stderr
    assert "--demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_call_prints_the_structured_answer(portal: DemoPortal, sql: Sql) -> None:
    done = run("call", "aggregate", '{"entity": "deals"}', **settings_for(portal))

    [(count,)] = sql("select count(*) from deals")
    assert json.loads(done.stdout) == {"rows": [{"count": count}], "total": count, "complete": True}
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_smart_processes", "{}"),
        ("get_status_items", '{"entity": "deals"}'),
        ("list_workflows", '{"limit": 3}'),
        ("search_items", '{"entity": "deals", "limit": 3}'),
        ("aggregate", '{"entity": "deals", "filter": {"categoryId": "Партнёры"}}'),
        ("describe_entity", '{"entity": "deals"}'),
        ("get_item", '{"entity": "deals", "id": 5, "include": "company"}'),
        ("funnel_report", '{"entity": "deals", "created": "last_month"}'),
        ("get_portal_info", "{}"),
    ],
)
def test_every_tool_answers_over_the_demo_portal(tool: str, arguments: str) -> None:
    done = run("call", tool, arguments, "--demo")

    assert done.returncode == 0, done.stderr
    assert {"items", "rows", "fields", "funnels", "portal"} & set(json.loads(done.stdout))


def test_a_failed_call_goes_to_stderr_and_ends_with_one(portal: DemoPortal) -> None:
    done = run("call", "search_items", '{"entity": "deals", "filter": {"amuont": 1}}', **settings_for(portal))

    assert (done.returncode, done.stdout) == (1, "")
    assert "amount" in done.stderr
    assert done.stderr.endswith("[UNKNOWN_FIELD]\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["call", "serch_items"], "Perhaps search_items?"),
        (["call", "search_items", "entity=deals"], "no JSON"),
        (["call", "search_items", "[1]"], "JSON object"),
        (["serve", "--tools", "aggregat"], "BITRIX24_MCP_TOOLS"),
        (["portal", "--deals", "0"], "--deals"),
        (["dance"], "invalid choice"),
    ],
)
def test_a_wrong_command_ends_with_two_and_says_why(arguments: list[str], said: str) -> None:
    done = run(*arguments, VIBECODE_API_KEY=KEY)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VIBECODE_BASE_URL", "http://portal.example"),
        ("VIBECODE_BASE_URL", "portal"),
        ("BITRIX24_MCP_TIME_ZONE", "Moscow"),
        ("BITRIX24_MCP_MAX_TOKENS", "many"),
        ("BITRIX24_MCP_LOG_LEVEL", "loud"),
        ("VIBECODE_API_KEY", "two words"),
    ],
)
def test_a_wrong_setting_names_its_variable(variable: str, value: str) -> None:
    done = run("tools", **{variable: value})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{variable}: ")


def test_tools_prints_the_entries_of_the_protocol() -> None:
    listed: list[dict[str, Any]] = json.loads(run("tools", "--json").stdout)

    assert listed == [
        json.loads((ROOT / "tool_specs" / f"{tool['name']}.json").read_text(encoding="utf-8"))["tool"]
        for tool in listed
    ]
    assert [tool["name"] for tool in listed] == [tool.name for tool in TOOLS]


def test_output_that_is_not_a_terminal_has_no_colour(portal: DemoPortal) -> None:
    assert "\033" not in run("tools").stdout + run("doctor", **settings_for(portal)).stdout


def test_help_and_version_come_without_a_key() -> None:
    assert "VIBECODE_API_KEY" in run("--help").stdout
    assert run("--version").stdout.startswith("bitrix24-mcp 0.")
    assert "--demo" in run("serve", "--help").stdout


def test_doctor_finds_nothing_wrong_with_a_good_key(portal: DemoPortal) -> None:
    done = run("doctor", **settings_for(portal))

    assert done.returncode == 0
    assert "All tools can answer." in done.stdout
    assert "time zone: Europe/Moscow" in done.stdout


def test_doctor_says_which_tools_a_key_cannot_serve(portal: DemoPortal) -> None:
    done = run("doctor", **settings_for(portal, "vibe_api_demo_user"))

    assert done.returncode == 0
    assert "Cannot answer: list_workflows." in done.stdout


@pytest.mark.parametrize(
    ("key", "code"), [("vibe_api_nobody", "INVALID_API_KEY"), ("vibe_api_demo_expired", "KEY_EXPIRED")]
)
def test_doctor_fails_for_a_key_that_opens_nothing(key: str, code: str, portal: DemoPortal) -> None:
    done = run("doctor", **settings_for(portal, key))

    assert done.returncode == 1
    assert code in done.stdout
    assert key not in done.stdout + done.stderr


def test_the_tour_answers_every_question() -> None:
    done = run("demo")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("requests to the portal") == 8
    assert "AMBIGUOUS_VALUE" in done.stdout


@pytest.mark.anyio
async def test_the_example_configuration_starts_a_server_that_answers() -> None:
    config = json.loads((ROOT / "claude_desktop_config.example.json").read_text(encoding="utf-8"))
    [server] = config["mcpServers"].values()
    path = {"PATH": str(Path(COMMAND).parent)}
    async with Client(StdioServerParameters(command=COMMAND, args=server["args"], env=path)) as client:
        result = await client.call_tool("aggregate", {"entity": "deals"})

    assert server["command"] == Path(COMMAND).name
    assert result.structured_content == {"rows": [{"count": 12_000}], "total": 12_000, "complete": True}


def test_nothing_but_the_protocol_reaches_stdout(own_portal: DemoPortal) -> None:
    environment = {**settings_for(own_portal), "BITRIX24_MCP_LOG_LEVEL": "DEBUG"}
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "aggregate", "arguments": {"entity": "deals", "filter": {"title": 5}}},
    }
    lines = [request, {"jsonrpc": "2.0", "method": "notifications/initialized"}, call]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    with subprocess.Popen(
        [COMMAND], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdin.write(text.encode())
        server.stdin.flush()
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        server.stdin.close()
        rest, errors = server.stdout.read(), server.stderr.read()

    assert [answer["id"] for answer in answers] == [1, 2]
    assert rest == b""
    assert KEY.encode() not in errors
    assert server.returncode == 0


def test_a_server_that_only_reads_loads_nothing_that_keeps_or_shares() -> None:
    """Clients start it and wait; and a user without a home is only in the way of those who keep something."""
    program = (
        "import sys, anyio\n"
        "from bitrix24_mcp.commands import connection, serve\n"
        "from bitrix24_mcp.commands.backing import backed\n"
        "from bitrix24_mcp.settings import Settings\n"
        "async def start():\n"
        "    async with backed(Settings.of({})): pass\n"
        "anyio.run(start)\n"
        "print([name for name in ('httpx', 'jwt', 'psycopg', 'redis', 'sqlite3') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"BITRIX24_MCP_DATABASE": "postgresql://[::bad/x"}, "must be the address of a PostgreSQL database"),
        (
            {
                "BITRIX24_PORTAL": "other.example",
                "BITRIX24_CLIENT_ID": "local.1",
                "BITRIX24_CLIENT_SECRET": "x",
                "VIBECODE_API_KEY": "",
            },
            "bitrix24-mcp connect other.example",
        ),
    ],
    ids=["database", "account"],
)
def test_a_wrong_setting_that_shows_only_at_the_start_is_said_and_ends_the_server(
    env: dict[str, str], said: str, portal: DemoPortal, tmp_path: Path
) -> None:
    """While the client, which waits for the server, keeps its end of stdin open."""
    every = {**settings_for(portal), "BITRIX24_MCP_DATA_DIR": str(tmp_path), **env}
    with subprocess.Popen([COMMAND], env=every, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            assert server.wait(30) == 2
        finally:
            server.kill()
        errors = server.stderr.read()

    assert said in errors
    assert "Traceback" not in errors


@pytest.mark.anyio
async def test_answers_over_stdio_and_in_memory_are_the_same(portal: DemoPortal) -> None:
    question: dict[str, Any] = {"entity": "deals", "filter": {"stageId": "WON"}, "sort": "-amount", "limit": 5}
    async with Client(StdioServerParameters(command=COMMAND, args=["serve"], env=settings_for(portal))) as client:
        over_stdio = await client.call_tool("search_items", question)
    async with assistant_for(portal.url) as assistant:
        in_memory = await assistant.ask("search_items", **question)

    assert over_stdio.structured_content == in_memory


@pytest.mark.parametrize(
    ("plan", "per_second"), [({}, 2), ({"BITRIX24_PLAN": "enterprise"}, 5)], ids=["any", "enterprise"]
)
def test_the_plan_sets_the_pace_at_which_a_portal_is_asked_directly(
    plan: dict[str, str], per_second: int, portal: DemoPortal
) -> None:
    done = run("call", "get_portal_info", BITRIX24_WEBHOOK_URL=f"{portal.url}/rest/1/demo-admin/", **plan)

    assert json.loads(done.stdout)["requests"] == {"per_second": per_second}
