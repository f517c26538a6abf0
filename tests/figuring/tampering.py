"""A gateway whose answers are not quite what the contract promises."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from mcp import Client

from assistants import Assistant, TestTime
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.envelope import Answer
from bitrix24_mcp.vibecode.portal import GatewayPortal
from oracle import MOST_TOKENS

Rows = list[dict[str, Any]]
MOST_SEARCHES = 100
"""More than any question of a test needs; who asks on has lost the way."""


@dataclass
class Tampering:
    """What is changed of the answers to searches and aggregates; `searches` counts the former."""

    rows: Callable[[int, Rows], Rows] = lambda _, rows: rows
    meta: Callable[[dict[str, Any]], dict[str, Any]] = lambda meta: meta
    figures: Callable[[dict[str, Any]], dict[str, Any]] = lambda data: data
    searches: int = 0

    def of(self, path: str, answer: Answer) -> Answer:
        """The answer as it comes over the wire."""
        if path.endswith("/aggregate"):
            return replace(answer, data=self.figures(answer.data))
        if not path.endswith("/search"):
            return answer
        self.searches += 1
        assert self.searches < MOST_SEARCHES
        meta = self.meta(dict(answer.meta))
        return replace(answer, data=self.rows(self.searches, answer.data), meta=meta, top_total=meta.get("total"))


class Repeating:
    """Gives the same page again from some search on."""

    def __init__(self, since: int) -> None:
        self._since = since
        self._held: Rows = []

    def anew(self) -> "Repeating":
        return Repeating(self._since)

    def __call__(self, search: int, rows: Rows) -> Rows:
        if search < self._since or not self._held:
            self._held = rows
        return self._held


class _TamperedClient(GatewayClient):
    tampering: Tampering

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self.tampering.of(path, await super().post(path, body))


@asynccontextmanager
async def tampered(url: str, tampering: Tampering, page: int = 5_000, **settings: str) -> AsyncGenerator[Assistant]:
    """An assistant for such a gateway, which gives `page` records in one answer."""
    chosen = Settings.of(
        {
            "VIBECODE_BASE_URL": url,
            "VIBECODE_API_KEY": "vibe_api_demo",
            "BITRIX24_MCP_MAX_TOKENS": str(MOST_TOKENS),
            **settings,
        }
    )
    async with _TamperedClient(chosen.credentials(), budget=Budget(clock=TestTime().clock)) as gateway:
        gateway.tampering = tampering
        portal = GatewayPortal(gateway)
        portal.page_at_most = portal.piece_at_most = portal.figures_at_most = page
        async with Client(build_server(chosen, portal)) as client:
            yield Assistant(client)
