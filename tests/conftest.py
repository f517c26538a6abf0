"""What all tests share: the demo portal over real HTTP, and the server as a client in memory sees it."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import anyio.lowlevel
import httpx
import pytest
from mcp import Client
from mcp_types import CallToolResult

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.budget import Budget, Clock
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal

ROOT = Path(__file__).parents[1]
DEALS = 600


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-specs", action="store_true", help="write tool_specs and the README table")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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
        GatewayClient(chosen.credentials(), budget=budget, timeout=httpx.Timeout(patience)) as gateway,
        Client(build_server(chosen, GatewayPortal(gateway))) as client,
    ):
        yield Assistant(client)


@pytest.fixture(scope="session")
def portal() -> Generator[DemoPortal]:
    """A small demo portal that tests only read."""
    with DemoPortal.start(deals=DEALS, limits=False) as started:
        yield started


@pytest.fixture
def own_portal() -> Generator[DemoPortal]:
    """A small demo portal of the test's own, to break or to change."""
    with DemoPortal.start(deals=DEALS, limits=False) as started:
        yield started


@pytest.fixture
async def assistant(portal: DemoPortal) -> AsyncGenerator[Assistant]:
    async with assistant_for(portal.url) as ready:
        yield ready


@pytest.fixture
async def own_assistant(own_portal: DemoPortal) -> AsyncGenerator[Assistant]:
    async with assistant_for(own_portal.url) as ready:
        yield ready


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


@pytest.fixture
def sql(portal: DemoPortal) -> Sql:
    return sql_over(portal.database)
