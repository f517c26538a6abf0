"""Replicas that share Redis fill a portal's own bucket together, and never over its size."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from bitrix24_mcp.pacing.bucket import Bucket, Capacity
from bitrix24_mcp.pacing.shared_bucket import SharedBucket
from bitrix24_mcp.sharing.link import Link
from services import Service, redis_address, redis_server

pytestmark = pytest.mark.anyio

SMALL = Capacity(size=14, drain=4.0, in_flight=2)
"""Of which eight are used at once."""


@pytest.fixture
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A portal of the test's own."""
    return f"{request.node.name}.{tmp_path.name}"


@asynccontextmanager
async def bucket(service: Service, portal: str, *, age: int = 60) -> AsyncGenerator[Bucket]:
    """One replica's; Redis has known the portal for `age` seconds, if another has not told so."""
    begin = "return redis.call('SET', KEYS[1], (redis.call('TIME')[1] - ARGV[1]) .. '000000', 'NX')"
    async with Link.opened(redis_address(service)) as link:
        await link.run(begin, [f"bitrix24-mcp:{{{portal}}}:epoch"], [age])
        yield Bucket(SMALL, grants=SharedBucket(link, portal, SMALL, replicas=2))


async def send(bucket: Bucket, times: list[float], lasting: float = 0.0) -> None:
    async with bucket.turn():
        times.append(anyio.current_time())
        await anyio.sleep(lasting)


def highest(times: list[float]) -> float:
    """How full the portal's bucket was at most, which drains by whole seconds."""
    level, most, second = 0.0, 0.0, int(times[0])
    for time in times:
        level = max(0.0, level - (int(time) - second) * SMALL.drain) + 1
        second, most = int(time), max(most, level)
    return most


async def test_two_replicas_fill_one_bucket(redis_service: Service, portal: str) -> None:
    times: list[float] = []
    async with (
        bucket(redis_service, portal) as one,
        bucket(redis_service, portal) as two,
        anyio.create_task_group() as group,
    ):
        for each in (one, two):
            for _ in range(8):
                group.start_soon(send, each, times)

    assert len(times) == one.spent + two.spent == 16
    assert highest(times) <= SMALL.size
    assert times[15] - times[8] > 1  # a burst, and then what drains


async def test_no_more_are_under_way_together_than_from_one(redis_service: Service, portal: str) -> None:
    under_way = most = 0

    async def counted(bucket: Bucket) -> None:
        nonlocal under_way, most
        async with bucket.turn():
            under_way += 1
            most = max(most, under_way)
            await anyio.sleep(0.1)
            under_way -= 1

    async with (
        bucket(redis_service, portal) as one,
        bucket(redis_service, portal) as two,
        anyio.create_task_group() as group,
    ):
        for each in (one, two):
            for _ in range(3):
                group.start_soon(counted, each)

    assert most == 2


async def test_what_one_is_told_of_the_portal_holds_the_other(redis_service: Service, portal: str) -> None:
    times: list[float] = []
    async with bucket(redis_service, portal) as one, bucket(redis_service, portal) as two:
        await two.ready()
        await one.overflowed()
        full = anyio.current_time()
        await send(two, times)
        await one.pause(0.8)
        paused = anyio.current_time()
        await send(two, times)

    assert times[0] >= full + 0.2
    assert times[1] >= paused + 0.7


async def test_a_redis_that_dies_and_comes_back_empty_lets_nobody_overfill_the_bucket() -> None:
    times: list[float] = []
    marks: list[int] = []
    with redis_server() as service:
        async with bucket(service, "a.example") as one, bucket(service, "a.example") as two:
            ended = anyio.Event()

            async def go_on(bucket: Bucket) -> None:
                while not ended.is_set():
                    await send(bucket, times)

            async with anyio.create_task_group() as group:
                group.start_soon(go_on, one)
                group.start_soon(go_on, two)
                await anyio.sleep(0.5)
                marks.append(len(times))
                service.stop()
                await anyio.sleep(2)
                marks.append(len(times))
                service.start()
                await anyio.sleep(3)
                ended.set()

    assert highest(times) <= SMALL.size
    assert 8 <= marks[0] < marks[1] < len(times)  # before, alone, and after
