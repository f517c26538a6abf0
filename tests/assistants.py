"""What tests talk through: an assistant in memory, time of its own, and plain SQL as the second opinion."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import anyio.lowlevel
from mcp import Client
from mcp_types import CallToolResult

from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal

ROOT = Path(__file__).parents[1]
DEALS = 600
"""Size of the shared demo portal."""


class TestTime:
    """Time that passes only when somebody waits; the waits are written down."""

    __test__ = False

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await anyio.lowlevel.checkpoint()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.sleep)


@dataclass(frozen=True)
class Assistant:
    """A client in memory that calls tools and gives their structured answer."""

    client: Client

    async def raw(self, tool: str, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(tool, arguments)

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.raw(tool, **arguments)
        assert not result.is_error, result.structured_content
        return cast("dict[str, Any]", result.structured_content)

    async def fail(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The error of a call that must fail; its text is the same in both places."""
        result = await self.raw(tool, **arguments)
        assert result.is_error, result.structured_content
        error = cast("dict[str, Any]", result.structured_content)["error"]
        assert [getattr(block, "text", None) for block in result.content] == [f"{error['message']} [{error['code']}]"]
        return cast("dict[str, Any]", error)


@asynccontextmanager
async def assistant_for(
    url: str, key: str = "vibe_api_demo", *, clock: Clock | None = None, patience: float = 60, **settings: str
) -> AsyncGenerator[Assistant]:
    """An assistant for the gateway at a URL, with a server and caches of its own; time is the test's own."""
    chosen = Settings.of({"VIBECODE_BASE_URL": url, "VIBECODE_API_KEY": key, **settings})
    budget = Budget(clock=clock or TestTime().clock)
    async with (
        GatewayClient(chosen.credentials(), budget=budget, patience=patience) as gateway,
        Client(build_server(chosen, GatewayPortal(gateway))) as client,
    ):
        yield Assistant(client)


@asynccontextmanager
async def direct_assistant_for(
    url: str, webhook: str = "1/demo-admin", *, clock: Clock | None = None, patience: float = 60, **settings: str
) -> AsyncGenerator[Assistant]:
    """The same through Bitrix24's own REST, by a webhook of the portal at a URL."""
    chosen = Settings.of({"BITRIX24_WEBHOOK_URL": f"{url}/rest/{webhook}/", **settings})
    budget = Bucket(clock=clock or TestTime().clock)
    async with (
        RestClient(chosen.webhook(), budget=budget, patience=patience) as rest,
        Client(build_server(chosen, RestPortal(rest))) as client,
    ):
        yield Assistant(client)


DOORS: Mapping[str, Callable[..., AbstractAsyncContextManager[Assistant]]] = {
    "gateway": assistant_for,
    "rest": direct_assistant_for,
}
"""The ways to one and the same portal."""
Sql = Callable[..., list[tuple[Any, ...]]]


def sql_over(database: Path) -> Sql:
    """Plain SQL over a demo portal's database: the second opinion on every answer."""

    def query(text: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(database)
        try:
            return connection.execute(text, values).fetchall()
        finally:
            connection.close()

    return query
