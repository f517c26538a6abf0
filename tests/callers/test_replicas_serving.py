"""Replicas of the installed command that share Redis: one pace, and nothing in it that is secret."""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import anyio
import httpx
import pytest

from assistants import DEALS
from bitrix24_mcp.commands.backing import backed
from bitrix24_mcp.commands.connection import opened
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.sharing.link import Link
from callers.shared_server import as_key, calling, serving
from services import Service, redis_address, redis_server

pytestmark = pytest.mark.anyio

ADMIN, SELLER = "vibe_api_demo", "vibe_api_demo_user"
_ALL = """
local all = {}
for _, name in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', name).ok
  local held = kind == 'string' and {redis.call('GET', name)} or kind == 'hash' and redis.call('HGETALL', name)
    or redis.call('ZRANGE', name, 0, -1)
  table.insert(all, {name, table.concat(held, ' '), redis.call('TTL', name)})
end
return all
"""


@pytest.fixture
def redis() -> Generator[Service]:
    """A Redis of the test's own, which it may stop."""
    with redis_server() as service:
        yield service


async def ask_often(url: str, headers: dict[str, str]) -> None:
    async with calling(url, headers) as client, anyio.create_task_group() as calls:
        for number in range(6):
            calls.start_soon(lambda id_=number: client.ask("search_items", entity="deals", filter={"id": id_ + 1}))


def most_within_a_second(portal: DemoPortal) -> int:
    moments = [request.at for request in portal.requests]
    return max(sum(start <= each < start + 1 for each in moments) for start in moments)


async def held_in(service: Service) -> list[tuple[str, str, int]]:
    """Every key in Redis with what it holds, and for how many seconds still."""
    async with Link.opened(redis_address(service)) as link:
        return [tuple(each) for each in await link.run(_ALL, ())]


def check_held(held: list[tuple[str, str, int]], *secrets: str) -> None:
    """What is in Redis is ours, goes by itself, and tells nothing that is secret."""
    assert {name.split(":")[0] for name, _, _ in held} == {"bitrix24-mcp"}
    assert [name for name, _, left in held if left < 0] == []
    assert [name for name, value, _ in held if any(secret in name + value for secret in secrets)] == []


async def test_two_servers_never_ask_a_portal_more_than_ten_times_in_any_second(redis: Service, tmp_path: Path) -> None:
    shared = {"BITRIX24_MCP_REDIS": redis_address(redis)}
    with DemoPortal.start(deals=DEALS) as portal, ExitStack() as servers:
        urls = [servers.enter_context(serving(portal, tmp_path / name, "key", **shared)) for name in ("one", "two")]
        async with anyio.create_task_group() as all_at_once:
            for url in urls:
                for key in (ADMIN, SELLER):
                    all_at_once.start_soon(ask_often, url, as_key(key))
        statuses = Counter(request.status for request in portal.requests)
        held = await held_in(redis)

    assert len(portal.requests) > 20
    assert most_within_a_second(portal) <= 10
    assert statuses[429] == 0
    check_held(held, ADMIN, SELLER)
    assert {name.split(":portal:")[1].split(":")[0] for name, _, _ in held if name.endswith(":pace")} == {
        "",  # of newcomers
        "demo.bitrix24.ru",
    }


@pytest.mark.parametrize(
    ("door", "secret"),
    [
        ({"VIBECODE_BASE_URL": "{}", "VIBECODE_API_KEY": ADMIN}, ADMIN),
        ({"BITRIX24_WEBHOOK_URL": "{}/rest/1/demo-admin/"}, "demo-admin"),
    ],
    ids=["key", "webhook"],
)
async def test_servers_with_one_way_to_a_portal_share_its_pace(
    door: dict[str, str], secret: str, redis: Service
) -> None:
    with DemoPortal.start(deals=DEALS) as portal:
        env = {name: value.format(portal.url) for name, value in door.items()}
        settings = Settings.of({**env, "BITRIX24_MCP_REDIS": redis_address(redis)})
        async with (
            backed(settings) as of_one,
            backed(settings) as of_two,
            opened(settings, of_one, demo=False) as one,
            opened(settings, of_two, demo=False) as two,
        ):
            for _ in range(2):
                async with anyio.create_task_group() as both:
                    both.start_soon(one.portal.identity)
                    both.start_soon(two.portal.identity)
        held = await held_in(redis)

    check_held(held, secret)
    assert len([name for name, _, _ in held if name.endswith(":pace")]) == 1


async def test_without_redis_a_replica_serves_on_and_says_what_it_does_without(
    redis: Service, own_portal: DemoPortal, tmp_path: Path
) -> None:
    redis.stop()
    shared = {"BITRIX24_MCP_REDIS": redis_address(redis), "BITRIX24_MCP_TELEMETRY": "prometheus"}
    with serving(own_portal, tmp_path, "key", **shared) as url:
        async with calling(url, as_key(ADMIN)) as caller, httpx.AsyncClient(base_url=url) as http:
            await caller.ask("get_portal_info")
            without = await http.get("../readyz")
            figures = (await http.get("../metrics")).text
            redis.start()
            await anyio.sleep(1.1)  # it is left alone for a second
            again = await http.get("../readyz")

    assert [(each.status_code, each.text) for each in (without, again)] == [
        (200, "ok, degraded: redis\n"),
        (200, "ok\n"),
    ]
    assert re.search(r"^bitrix24_redis_losses_total(\{.*\})? 1\.0$", figures, re.MULTILINE)
