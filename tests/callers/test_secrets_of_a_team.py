"""A server for a team logs nothing that opens anything, however much it logs and whatever is away."""

import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from bitrix24_mcp.demo import DemoPortal
from callers.shared_server import as_holder, as_key, calling, token_for
from installed import COMMAND
from services import free_port

pytestmark = pytest.mark.anyio

KEY, SESSION = "vibe_api_demo", "session-of-the-caller"
PASSWORD, SEAL = "a-password-of-ours", "a2V5LXRoYXQtc2VhbHMtYWNjb3VudHMtb2YtYS10ZWFt"


@contextmanager
def logging_server(portal: DemoPortal, folder: Path, **env: str) -> Generator[tuple[str, Path]]:
    """The address of a server that logs all it can, in front of a Redis and a PostgreSQL that are away; its log."""
    log = folder / "log"
    everything = {
        "VIBECODE_BASE_URL": portal.url,
        "BITRIX24_MCP_DATA_DIR": str(folder / "data"),
        "BITRIX24_MCP_ALLOW_WRITES": "true",
        "BITRIX24_MCP_LOG_LEVEL": "DEBUG",
        "BITRIX24_MCP_REDIS": f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0",
        "BITRIX24_MCP_DATABASE": f"postgresql://bitrix24:{PASSWORD}@127.0.0.1:{free_port()}/bitrix24_mcp",
        "BITRIX24_MCP_ACCOUNTS_KEY": SEAL,
        **env,
    }
    with log.open("wb") as written:
        arguments = [COMMAND, "serve", "--transport", "http", "--port", "0"]
        with subprocess.Popen(arguments, env=everything, stdout=written, stderr=written) as server:
            try:
                ends = time.monotonic() + 60
                while not (said := [line for line in log.read_text("utf-8").splitlines() if "Serving MCP at" in line]):
                    assert time.monotonic() < ends, log.read_text("utf-8")
                    time.sleep(0.05)
                yield said[0].split("Serving MCP at ")[1].split()[0], log
            finally:
                server.terminate()


async def test_holders_of_tokens(own_portal: DemoPortal, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    anna = as_holder(token_for("anna", file))
    env = {"BITRIX24_MCP_AUTH": "token", "BITRIX24_MCP_TOKENS": str(file), "VIBECODE_API_KEY": KEY}
    with logging_server(own_portal, tmp_path, **env) as (url, log):
        async with calling(url, anna) as caller:
            await caller.ask("search_items", entity="deals", limit=1)
            change = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]}
            assert await caller.fail("write_items", **change) == "JOURNAL_UNUSABLE"
        async with httpx2.AsyncClient(headers=as_holder("a-token-of-nobody")) as http:
            assert (await http.post(url, json={})).status_code == 401

    text = log.read_text("utf-8")
    assert "DEBUG" in text
    secrets = (anna["Authorization"].removeprefix("Bearer "), "a-token-of-nobody", KEY, PASSWORD, SEAL)
    assert [each for each in secrets if each in text] == []


async def test_callers_with_keys_of_their_own(own_portal: DemoPortal, tmp_path: Path) -> None:
    with logging_server(own_portal, tmp_path, BITRIX24_MCP_AUTH="key") as (url, log):
        async with calling(url, {**as_key(KEY), "Authorization": f"Bearer {SESSION}"}) as caller:
            await caller.ask("search_items", entity="deals", limit=1)
        async with calling(url, as_key("a-key-of-nobody")) as caller:
            assert await caller.fail("search_items", entity="deals") == "INVALID_API_KEY"

    text = log.read_text("utf-8")
    assert "DEBUG" in text
    assert [each for each in (KEY, SESSION, "a-key-of-nobody", PASSWORD, SEAL) if each in text] == []
