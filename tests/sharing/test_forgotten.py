"""All that was told can be forgotten at once, and Redis can go: what is told then is right all the same."""

import sqlite3
from contextlib import closing

import pytest

from bitrix24_mcp.demo import DemoPortal
from services import redis_address, redis_server
from sharing.replicas import Replica, answers, asked, gateway_door, replica

pytestmark = pytest.mark.anyio

SOURCES = "/v1/statuses"


def rename(portal: DemoPortal, name: str) -> None:
    """Somebody calls the source CALL something else in the portal."""
    with closing(sqlite3.connect(portal.database)) as connection, connection:
        connection.execute("update statuses set name = ? where entityId = 'SOURCE' and statusId = 'CALL'", (name,))


async def call_source(replica: Replica) -> str:
    return next(each.name for each in await replica.metadata.directory("SOURCE") if each.code == "CALL")


async def test_what_one_forgets_is_read_anew_for_all(own_portal: DemoPortal, redis: str, whose: str) -> None:
    rename(own_portal, "old")
    async with (
        replica(gateway_door(own_portal), redis, whose) as first,
        replica(gateway_door(own_portal), redis, whose) as second,
    ):
        before = [await call_source(first), await call_source(second)]
        rename(own_portal, "new")
        unforgotten = await call_source(second.later)
        first.metadata.forget()
        own_portal.requests.clear()
        after = [await call_source(first), await call_source(second.later)]

    assert (before, unforgotten, after) == (["old", "old"], "old", ["new", "new"])
    assert asked(own_portal) == [SOURCES]


async def test_without_redis_all_goes_on_and_what_was_told_stays_good(own_portal: DemoPortal, whose: str) -> None:
    with redis_server() as service:
        address = redis_address(service)
        async with (
            replica(gateway_door(own_portal), address, whose) as first,
            replica(gateway_door(own_portal), address, whose) as second,
        ):
            await first.metadata.currencies()
            told = await second.metadata.currencies()
            service.stop()
            own_portal.requests.clear()
            assert await second.later.metadata.currencies() == told
            assert asked(own_portal) == []

            read = await second.metadata.directory("SOURCE")
            assert asked(own_portal) == [SOURCES]
            assert await second.later.metadata.directory("SOURCE") == read
            assert asked(own_portal) == [], "kept as long as without replicas"

            second.metadata.forget()
            assert await second.metadata.currencies() == told
            assert asked(own_portal) == ["/v1/currencies"]


async def test_what_was_forgotten_without_redis_is_forgotten_by_all_when_it_is_back(
    own_portal: DemoPortal, whose: str
) -> None:
    rename(own_portal, "old")
    times = [0.0]
    with redis_server("--appendonly", "yes", "--appendfsync", "always") as service:
        address = redis_address(service)
        async with (
            replica(gateway_door(own_portal), address, whose, now=lambda: times[0]) as first,
            replica(gateway_door(own_portal), address, whose) as second,
        ):
            await call_source(second)
            service.stop()
            rename(own_portal, "new")
            first.metadata.forget()
            assert await call_source(first) == "new"
            service.start()
            assert len(await answers(address, whose)) == 1, "Redis has what the others were told"
            times[0] = 1.1  # for a second an absent Redis is left alone
            await first.metadata.currencies()
            assert await call_source(second.later) == "new"
