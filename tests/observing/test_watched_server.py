"""What an administrator sees of the installed command: health, figures of calls and a log that is JSON."""

import json
import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bitrix24_mcp.demo import DemoPortal
from callers.shared_server import as_holder, as_key, calling, token_for
from installed import COMMAND

pytestmark = pytest.mark.anyio

WATCHED = {"BITRIX24_MCP_TELEMETRY": "prometheus", "BITRIX24_MCP_LOG_FORMAT": "json", "BITRIX24_MCP_LOG_LEVEL": "INFO"}


@dataclass
class Watched:
    """A running command; `log` once it has ended."""

    url: str
    log: str = ""

    @property
    def base(self) -> str:
        return self.url.removesuffix("/mcp")


@contextmanager
def running(portal: DemoPortal, **env: str) -> Generator[Watched]:
    arguments = [COMMAND, "serve", "--transport", "http", "--port", "0"]
    env = {"VIBECODE_BASE_URL": portal.url, **env}
    with subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        watched = Watched(server.stderr.readline().split()[3])
        try:
            yield watched
        finally:
            server.terminate()
            watched.log = server.stderr.read()


def figures(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    lines = [line for line in text.splitlines() if re.match(rf"{name}(\{{|\s)", line)]
    having = [line for line in lines if all(f'{label}="{value}"' in line for label, value in labels.items())]
    return sum(float(line.rsplit(" ", 1)[1]) for line in having)


async def test_calls_errors_requests_and_lookups_are_counted_by_tool_and_caller(own_portal: DemoPortal) -> None:
    with running(own_portal, BITRIX24_MCP_AUTH="key", **WATCHED) as watched:
        async with calling(watched.url, as_key("vibe_api_demo")) as admin:
            for _ in range(2):
                await admin.ask("aggregate", entity="deals", group_by=["stageId"])
            assert await admin.fail("aggregate", entity="dels") == "UNKNOWN_ENTITY"
        async with calling(watched.url, as_key("vibe_api_demo_expired")) as stranger:
            await stranger.fail("aggregate", entity="deals")
        async with httpx.AsyncClient() as http:
            shown = (await http.get(f"{watched.base}/metrics")).text

    count = "mcp_server_operation_duration_seconds_count"
    assert figures(shown, count, gen_ai_tool_name="aggregate", mcp_method_name="tools/call") == 4
    assert figures(shown, count, error_type="UNKNOWN_ENTITY") == 1
    assert figures(shown, count, error_type="KEY_EXPIRED", bitrix24_tenant="") == 1
    tenants = set(re.findall(r'bitrix24_tenant="(\w+)"', shown))
    assert len(tenants) == 1
    [tenant] = tenants
    assert re.fullmatch("[0-9a-f]{12}", tenant)
    asked = [request for request in own_portal.requests if request.key == "vibe_api_demo"]
    assert figures(shown, "bitrix24_portal_requests_total", bitrix24_tenant=tenant) == len(asked)
    assert figures(shown, "bitrix24_metadata_lookups_total", bitrix24_kept="true") > 0
    assert figures(shown, "bitrix24_answer_tokens_total", gen_ai_tool_name="aggregate") > 20
    assert "vibe_api" not in shown


async def test_each_line_of_the_log_is_an_object_with_the_id_of_its_request(
    own_portal: DemoPortal, tmp_path: Path
) -> None:
    token = token_for("anna", tmp_path / "tokens")
    env = {"BITRIX24_MCP_AUTH": "token", "BITRIX24_MCP_TOKENS": str(tmp_path / "tokens")}
    with running(own_portal, VIBECODE_API_KEY="vibe_api_demo", **env, **WATCHED) as watched:
        async with calling(watched.url, {**as_holder(token), "X-Request-Id": "from-the-proxy"}) as anna:
            await anna.ask("search_items", entity="deals", filter={"title": "a secret question"})
        async with httpx.AsyncClient() as http:
            told = [
                (await http.get(f"{watched.base}/healthz", headers={"X-Request-Id": given})).headers["X-Request-Id"]
                for given in ("kept-as.it_is", "not kept", "x" * 65)
            ]

    lines: list[dict[str, Any]] = [json.loads(line) for line in watched.log.splitlines()]
    [call] = [line for line in lines if line.get("tool")]
    assert call["request_id"] == "from-the-proxy"
    assert re.fullmatch(r"search_items was answered in \d+\.\d{3} s", call["message"])
    assert (call["level"], call["requests"] > 0, call["read"] > 0) == ("INFO", True, True)
    assert "secret question" not in watched.log
    assert token not in watched.log
    assert told[0] == "kept-as.it_is"
    assert all(re.fullmatch("[0-9a-f]{32}", word) for word in told[1:])


async def test_health_is_told_without_asking_the_portal(own_portal: DemoPortal, tmp_path: Path) -> None:
    token_for("anna", tmp_path / "tokens")
    env = {
        "BITRIX24_MCP_AUTH": "token",
        "BITRIX24_MCP_TOKENS": str(tmp_path / "tokens"),
        "BITRIX24_MCP_ALLOW_WRITES": "true",
        "BITRIX24_MCP_DATA_DIR": str(tmp_path / "data"),
    }
    with running(own_portal, VIBECODE_API_KEY="vibe_api_demo", **env) as watched:
        async with httpx.AsyncClient(base_url=watched.base) as http:
            well = [(await http.get(path)).text for path in ("/healthz", "/readyz")]
            (tmp_path / "tokens").unlink()
            (tmp_path / "data" / "journal.sqlite3").write_text("no database" * 100)
            ill = [await http.get(path) for path in ("/healthz", "/readyz", "/metrics")]

    assert well == ["ok\n", "ok\n"]
    assert [(each.status_code, each.text) for each in ill[:2]] == [
        (200, "ok\n"),
        (503, "not ready: callers, journal\n"),
    ]
    assert ill[2].status_code == 404
    assert own_portal.requests == []


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "Via"])
async def test_figures_are_for_nobody_behind_a_proxy(header: str, own_portal: DemoPortal) -> None:
    with running(own_portal, VIBECODE_API_KEY="vibe_api_demo", **WATCHED) as watched:
        async with httpx.AsyncClient() as http:
            refused = await http.get(f"{watched.base}/metrics", headers={header: "for=1.2.3.4"})

    assert (refused.status_code, refused.text) == (403, "Ask the server itself, not through a proxy.\n")
