"""Redis holds what a portal says of itself, under words that tell nothing: no key, no name of a caller, no record."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.callers.caller import Caller
from bitrix24_mcp.callers.own_keys import OwnKeys
from bitrix24_mcp.commands.backing import backed
from bitrix24_mcp.commands.connection import opened, served_by_own_key, served_by_token
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.portals import Portals
from bitrix24_mcp.service import Service
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.sharing.link import Link
from bitrix24_mcp.tools.declare import run
from services import redis_address, redis_server
from sharing.replicas import asked

pytestmark = pytest.mark.anyio

KEY, SESSION, NAME = "vibe_api_demo", "session-of-the-caller", "xenia.kallipygos"
TITLE = "A deal that nobody else is to know of"
_ALL = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  found[#found + 1] = key .. ' ' .. redis.call('GET', key)
end
return found
"""


@asynccontextmanager
async def by_token(settings: Settings, link: Link) -> AsyncGenerator[Service]:
    async with (
        backed(settings) as backing,
        opened(settings, backing, demo=False) as door,
        served_by_token(Caller(f"token {NAME}", NAME, settings), door, replace(backing, link=link)) as service,
    ):
        yield service


@asynccontextmanager
async def by_own_key(settings: Settings, link: Link) -> AsyncGenerator[Service]:
    caller = await OwnKeys(settings).recognise({"x-api-key": KEY, "authorization": f"Bearer {SESSION}"})
    async with (
        backed(settings) as backing,
        served_by_own_key(caller, Portals(), replace(backing, link=link)) as service,
    ):
        yield service


async def work(service: Service) -> None:
    """Looks around, searches, and writes a record."""
    for tool, arguments in (
        ("get_portal_info", {}),
        ("describe_entity", {"entity": "deals"}),
        ("list_smart_processes", {}),
        ("search_items", {"entity": "deals", "filter": {"createdAt": "this_year"}, "limit": 40, "max_tokens": 20_000}),
        ("search_items", {"entity": "companies", "limit": 40, "max_tokens": 20_000}),
        ("get_item", {"entity": "deals", "id": 5, "include": ["company", "contact", "products"]}),
    ):
        await ask(service, tool, arguments)
    seen = await ask(service, "write_items", {"entity": "deals", "action": "create", "items": [{"title": TITLE}]})
    await ask(service, "write_items", {"confirm": seen["confirm"]})


async def ask(service: Service, tool: str, arguments: dict[str, Any]) -> Any:
    outcome = await run(service.tools[tool], arguments, service.context)
    assert outcome.error is None
    return outcome.content


@pytest.mark.parametrize("way", [by_token, by_own_key])
async def test_redis_holds_neither_secrets_nor_records(
    way: Any, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    environment = {"VIBECODE_BASE_URL": own_portal.url, "BITRIX24_MCP_DATA_DIR": str(tmp_path)}
    if way is by_token:
        environment["VIBECODE_API_KEY"] = KEY
    settings = Settings.of({**environment, "BITRIX24_MCP_ALLOW_WRITES": "true"})
    with redis_server() as service:
        async with Link.opened(redis_address(service)) as link:
            async with way(settings, link) as first:
                await work(first)
            asked(own_portal)
            async with way(settings, link) as second:
                await ask(second, "describe_entity", {"entity": "deals"})
            told = asked(own_portal)
            held: Sequence[str] = await link.run(_ALL, ())

    secrets = [KEY, SESSION, NAME, TITLE]
    records = [str(title) for [title] in own_sql("select title from deals union select title from companies")]
    assert len(held) > 10
    assert "fields" not in " ".join(told), "the second was told"
    assert own_sql("select count(*) from deals where title = ?", TITLE) == [(1,)]
    whole = "\n".join(held)
    assert [each for each in [*secrets, *records] if each in whole] == []
