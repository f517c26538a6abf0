"""The installed command in front of a portal for several callers, and clients of it that say who they are."""

import subprocess
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from bitrix24_mcp.demo import DemoPortal
from installed import COMMAND

MODES = ["2026-07-28", "legacy"]
"""The revision without a handshake, and those with one."""
Json = dict[str, Any]


def as_key(key: str) -> dict[str, str]:
    return {"X-Api-Key": key}


def as_holder(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def serving(portal: DemoPortal, folder: Path, auth: str, **more: str) -> Generator[str]:
    """Where the command serves `/mcp` to callers who are told apart: the whole address."""
    env = {
        "VIBECODE_BASE_URL": portal.url,
        "BITRIX24_MCP_AUTH": auth,
        "BITRIX24_MCP_DATA_DIR": str(folder / "data"),
        "BITRIX24_MCP_ALLOW_WRITES": "true",
        "BITRIX24_MCP_ALLOW_DELETES": "true",
        **({"VIBECODE_API_KEY": "vibe_api_demo"} if auth == "token" else {}),
        **more,
    }
    arguments = [COMMAND, "serve", "--transport", "http", "--port", "0"]
    with subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            yield server.stderr.readline().split()[3]
        finally:
            server.terminate()


def token_for(name: str, file: Path) -> str:
    """A new token, made as an operator makes it."""
    done = subprocess.run(
        [COMMAND, "token", name],
        env={"BITRIX24_MCP_TOKENS": str(file)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class CallingClient:
    """A client's connection that gives structured answers, and errors by their code."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, tool: str, **arguments: Any) -> Json:
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.structured_content
        return cast("Json", result.structured_content)

    async def fail(self, tool: str, **arguments: Any) -> str:
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        return cast("Json", result.structured_content)["error"]["code"]

    async def tools(self) -> set[str]:
        return {tool.name for tool in (await self.client.list_tools()).tools}


@asynccontextmanager
async def calling(url: str, headers: Mapping[str, str], mode: str = "2026-07-28") -> AsyncGenerator[CallingClient]:
    """A connection on which each request carries these headers."""
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=cast("Any", mode)) as client,
    ):
        yield CallingClient(client)
