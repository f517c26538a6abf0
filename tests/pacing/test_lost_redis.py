"""A Redis that goes, comes back or forgets never lets replicas send more than the portal takes, nor stops them."""

from collections.abc import Generator

import anyio
import pytest

from bitrix24_mcp.pacing.budget import Limits
from pacing.replicas import PORTAL, Replica, Traffic, most_within, replica
from services import Service, free_port, redis_address, redis_server

pytestmark = pytest.mark.anyio

NARROW = Limits(per_second=50, any_second=50, per_window=16, window=2.0)
"""Of which the key's window is what holds."""


@pytest.fixture
def redis() -> Generator[Service]:
    """A Redis of the test's own, which it may stop."""
    with redis_server() as service:
        yield service


async def sent_through(service: Service, limits: Limits, away: float) -> tuple[Traffic, list[Replica], list[int]]:
    """What two replicas send while their Redis dies, and comes back without a memory: how much by each moment."""
    traffic, ended, marks = Traffic(), anyio.Event(), list[int]()
    address = redis_address(service)
    async with replica(address, PORTAL, limits) as one, replica(address, PORTAL, limits) as two:
        await one.remembered_for_long()
        async with anyio.create_task_group() as group:
            for budget in (one.budget(), two.budget()):
                for _ in range(3):
                    group.start_soon(traffic.go_on, budget, ended)
            await traffic.until(12)
            marks.append(len(traffic.times))
            service.stop()
            await anyio.sleep(away)
            marks.append(len(traffic.times))
            service.start()
            await anyio.sleep(1.5)
            with anyio.fail_after(10):
                await one.link.check()
                await two.link.check()
            marks.append(len(traffic.times))
            await traffic.until(len(traffic.times) + 8)
            ended.set()
        return traffic, [one, two], marks


@pytest.mark.parametrize("away", [0.0, 2.2])
async def test_the_portal_never_gets_more_than_it_takes(redis: Service, away: float) -> None:
    traffic, replicas, marks = await sent_through(redis, Limits(), away)

    assert most_within(1, traffic.times) <= 10
    assert traffic.most_in_flight <= 2
    assert [each.link.present for each in replicas] == [True, True]
    if away:
        assert marks[1] - marks[0] >= 4  # on its own each goes on, after a second


async def test_the_key_is_never_used_more_than_its_window_allows(redis: Service) -> None:
    traffic, _, _ = await sent_through(redis, NARROW, 2.2)

    assert most_within(NARROW.window, traffic.times) <= NARROW.per_window


async def test_a_replica_that_finds_no_redis_goes_on_with_its_part_until_one_comes(redis: Service) -> None:
    redis.stop()
    traffic, ended, alone = Traffic(), anyio.Event(), list[float]()
    async with replica(redis_address(redis), replicas=4) as one, anyio.create_task_group() as group:
        budget = one.budget()
        for _ in range(3):
            group.start_soon(traffic.go_on, budget, ended)
        await traffic.until(6)
        alone += traffic.times
        redis.start()
        await traffic.until(18)
        ended.set()

    assert most_within(1, alone) <= 2
    assert most_within(1, traffic.times) <= 10
    assert one.link.present


async def test_what_was_sent_alone_counts_for_those_who_come_later(redis: Service) -> None:
    """Ten of a window of sixteen that belong to one replica, which is alone, are gone for the other too."""
    limits = Limits(per_second=1_000, any_second=500, per_window=16, window=30.0)
    address = redis_address(redis)
    redis.stop()
    alone, together = Traffic(), Traffic()
    async with replica(address, limits=limits, replicas=1) as one, replica(address, limits=limits) as two:
        for _ in range(10):
            await alone.send(one.budget(), 0.0)
        redis.start()
        while not one.link.present:  # it is asked again after a second, and told what was sent
            await one.budget("another-key").ready()
            await anyio.sleep(0.1)
        with anyio.move_on_after(3):
            for _ in range(16):
                await together.send(two.budget(), 0.0)

    assert (len(alone.times), len(together.times)) == (10, 6)


async def test_where_there_is_no_redis_a_pause_holds_the_replica_that_was_told() -> None:
    traffic = Traffic()
    async with replica(f"redis://127.0.0.1:{free_port()}/0") as one:
        budget = one.budget()
        await budget.pause(1.5)
        told = anyio.current_time()
        await traffic.send(budget)

    assert traffic.times[0] >= told + 1.4
