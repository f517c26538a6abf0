"""Bitrix24's own REST in small batches, with somebody at work on the records before each call, also within a batch."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mcp import Client

from assistants import Assistant, TestTime, sql_over
from bitrix24_mcp.demo.rest.calls import Call, Result
from bitrix24_mcp.demo.rest.methods import METHODS
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from figuring.changes import Writer
from figuring.tables import DEALS, Table
from oracle import MOST_TOKENS, change

NOW = "2026-07-15T09:00:00Z"
"""The demo portal's present, as its database keeps it."""


@dataclass
class DirectWriter(Writer):
    """Somebody who writes into the database: the portal is busy with the batch in the midst of which this happens."""

    database: Path = Path()
    table: Table = DEALS
    changed: str = "updatedAt"
    made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        [(self.made,)] = sql_over(self.database)(f'select max(id) from "{self.table.name}"')

    def close(self) -> None:
        """Holds nothing open."""

    def post(self, path: str, body: dict[str, Any]) -> int:
        """A record like the first one but for what is given; ids are never given twice."""
        self.made += 1
        connection = sqlite3.connect(self.database)
        try:
            connection.row_factory = sqlite3.Row
            row = dict(connection.execute(f'select * from "{path}" limit 1').fetchone())
        finally:
            connection.close()
        row |= {**body, "id": self.made, self.changed: NOW}
        columns = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        change(self.database, f'insert into "{path}" ({columns}) values ({marks})', *row.values())
        return self.made

    def patch(self, path: str, body: dict[str, Any]) -> None:
        table, _, number = path.partition("/")
        marks = ", ".join(f'"{name}" = ?' for name in (*body, self.changed))
        change(self.database, f'update "{table}" set {marks} where id = ?', *body.values(), NOW, int(number))

    def delete(self, path: str) -> None:
        table, _, number = path.partition("/")
        change(self.database, f'delete from "{table}" where id = ?', int(number))


@contextmanager
def before_each(method: str, act: Callable[[], None]) -> Generator[None]:
    """Has the demo portal wait for `act` before each call of a method, those of a batch among them."""
    own = METHODS[method]

    def run(call: Call) -> Result:
        act()
        return own.run(call)

    METHODS[method] = replace(own, run=run)
    try:
        yield
    finally:
        METHODS[method] = own


@dataclass(frozen=True)
class Direct:
    """An assistant for Bitrix24's own REST, and the budget that counts its requests."""

    assistant: Assistant
    budget: Bucket

    async def asked(self, tool: str, **arguments: Any) -> tuple[Mapping[str, Any], int]:
        """The answer and the requests it took, when what the portal says of itself is known already."""
        before = self.budget.spent
        result = await self.assistant.raw(tool, **arguments)
        return result.structured_content or {}, self.budget.spent - before


@asynccontextmanager
async def direct(url: str, page: int = RestPortal.page_at_most, **settings: str) -> AsyncGenerator[Direct]:
    """An assistant that reads so many records in one batch."""
    chosen = Settings.of(
        {
            "BITRIX24_WEBHOOK_URL": f"{url}/rest/1/demo-admin/",
            "BITRIX24_MCP_MAX_TOKENS": str(MOST_TOKENS),
            "BITRIX24_MCP_MAX_CALLS": "1000",
            **settings,
        }
    )
    async with RestClient(chosen.webhook(), budget=Bucket(clock=TestTime().clock)) as client:
        portal = RestPortal(client)
        portal.page_at_most = page
        async with Client(build_server(chosen, portal)) as session:
            yield Direct(Assistant(session), client.budget)
