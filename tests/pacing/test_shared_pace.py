"""Replicas that share Redis keep the limits of a portal and of a key together, whatever becomes of any of them."""

from pathlib import Path

import anyio
import pytest
from redis.asyncio import Redis

from bitrix24_mcp.pacing.budget import Limits, Window
from bitrix24_mcp.pacing.turns import Clock, Grants, Turn
from pacing.replicas import GATEWAY, Replica, Traffic, most_within, replica
from services import Service, redis_address

pytestmark = pytest.mark.anyio

FAST = Limits(per_second=1_000, any_second=500, per_window=20, window=2.0)


@pytest.fixture
def address(redis_service: Service) -> str:
    return redis_address(redis_service)


@pytest.fixture
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A portal of the test's own."""
    return f"{request.node.name}.{tmp_path.name}"


async def flush_scripts(address: str) -> None:
    async with Redis.from_url(address) as redis:  # pyright: ignore[reportUnknownMemberType] - its keyword arguments have no types
        await redis.script_flush()


async def kept(redis: Replica, portal: str, part: str, command: str) -> int:
    return await redis.link.run(
        f"return redis.call('{command}', KEYS[1])", [f"bitrix24-mcp:{{{GATEWAY}}}:portal:{portal}:{part}"]
    )


async def taken_by(grants: Grants, turn: Turn) -> None:
    while await grants.take(turn) > 0:  # noqa: ASYNC110 - a turn is asked for, nobody announces it
        await anyio.sleep(0.01)


async def test_two_replicas_send_no_more_than_the_portal_takes(address: str, portal: str) -> None:
    traffic = Traffic()
    async with replica(address, portal) as one, replica(address, portal) as two, anyio.create_task_group() as group:
        for each in (one, two):
            for budget in (each.budget(f"a-{portal}"), each.budget(f"b-{portal}")):
                for _ in range(6):
                    group.start_soon(traffic.send, budget, 0.05)

    assert len(traffic.times) == 24
    assert most_within(1, traffic.times) <= 10
    assert traffic.most_in_flight <= 2


async def test_who_asked_in_vain_first_gets_the_next_place(address: str, portal: str) -> None:
    """Also beside a replica that always has another request at hand."""
    traffic, limits = Traffic(), Limits(per_second=1_000, any_second=500, in_flight=1)
    ended = anyio.Event()
    async with (
        replica(address, portal, limits) as busy,
        replica(address, portal, limits) as other,
        anyio.create_task_group() as group,
    ):
        budget = busy.budget(f"busy-{portal}")
        for _ in range(3):
            group.start_soon(traffic.go_on, budget, ended, 0.1, "busy")
        await traffic.until(1)
        for _ in range(3):
            await traffic.send(other.budget(f"other-{portal}"), 0.1, "other")
        ended.set()

    assert traffic.most_in_flight == 1
    between = " ".join(traffic.senders).rpartition("other")[0].split("other")
    assert [group.split().count("busy") for group in between] == [1, 1, 1]


async def test_the_window_of_a_key_is_one_for_all_replicas_and_another_for_another_key(
    address: str, portal: str
) -> None:
    same, another = Traffic(), Traffic()
    async with (
        replica(address, portal, FAST) as one,
        replica(address, portal, FAST) as two,
        anyio.create_task_group() as group,
    ):
        budgets = [one.budget(f"k-{portal}"), two.budget(f"k-{portal}")]
        for number in range(45):
            group.start_soon(same.send, budgets[number % 2], 0.0)
        await same.until(20)
        await another.send(two.budget(f"another-{portal}"), 0.0)

    assert len(same.times) == 45
    assert most_within(2, same.times) <= 20
    assert another.times[0] < sorted(same.times)[20]


async def test_a_pause_that_one_was_told_holds_the_other(address: str, portal: str) -> None:
    traffic = Traffic()
    async with replica(address, portal) as one, replica(address, portal) as two:
        budget = two.budget(portal)
        await budget.ready()
        await one.budget(portal).pause(1.0)
        told = anyio.current_time()
        await traffic.send(budget)

    assert traffic.times[0] >= told + 0.9
    assert budget.waited > 0.5


async def test_a_key_that_is_used_up_waits_at_the_other_too_and_no_other_key_does(address: str, portal: str) -> None:
    traffic, free = Traffic(), Traffic()
    async with replica(address, portal) as one, replica(address, portal) as two:
        await two.budget(f"free-{portal}").ready()
        await one.budget(f"used-{portal}").learn(remaining=0, reset=1.0)
        told = anyio.current_time()
        async with anyio.create_task_group() as group:
            group.start_soon(traffic.send, two.budget(f"used-{portal}"))
            group.start_soon(free.send, two.budget(f"free-{portal}"))

    assert traffic.times[0] >= told + 0.9
    assert free.times[0] < traffic.times[0]


async def test_the_places_of_a_replica_that_died_are_free_again_when_their_lease_ends(
    address: str, portal: str
) -> None:
    traffic = Traffic()
    async with replica(address, portal, lease=1.0) as dead, replica(address, portal, lease=1.0) as alive:
        grants = dead.pace.of(Window(Limits(), Clock(), portal))
        await taken_by(grants, Turn())
        await taken_by(grants, Turn())
        taken = anyio.current_time()
        await traffic.send(alive.budget(portal))

    assert traffic.times[0] > taken + 0.8  # the first lease is a little older than the second


async def test_who_is_cancelled_while_waiting_has_taken_nothing(address: str, portal: str) -> None:
    traffic = Traffic()
    async with replica(address, portal) as one, replica(address, portal) as two:
        budget = one.budget(portal)
        await budget.ready()
        await budget.pause(0.6)
        for _ in range(3):
            with anyio.move_on_after(0.1):
                await traffic.send(budget)
        assert (traffic.times, budget.spent) == ([], 0)
        assert [await kept(two, portal, part, "ZCARD") for part in ("places", "latest")] == [0, 0]
        await traffic.send(two.budget(portal))

    assert len(traffic.times) == 1


async def test_a_turn_that_is_asked_for_twice_is_one_turn(address: str, portal: str) -> None:
    """As when the connection breaks before the answer came."""
    turn = Turn()
    async with replica(address, portal) as one:
        grants = one.pace.of(Window(Limits(), Clock(), portal))
        await taken_by(grants, turn)
        assert await grants.take(turn) == 0.0
        assert [await kept(one, portal, part, "ZCARD") for part in ("places", "latest")] == [1, 1]
        await grants.give_back(turn)
        assert [await kept(one, portal, part, "ZCARD") for part in ("places", "latest")] == [0, 1]


async def test_a_redis_that_has_lost_its_scripts_is_given_them_again(address: str, portal: str) -> None:
    traffic = Traffic()
    async with replica(address, portal) as one:
        budget = one.budget(portal)
        await traffic.send(budget)
        await flush_scripts(address)
        await traffic.send(budget)

    assert (len(traffic.times), one.link.losses) == (2, 0)


async def test_whose_a_key_is_is_known_to_all_replicas(address: str, portal: str) -> None:
    async with replica(address) as one, replica(address) as two:
        assert await two.gateway.portal_of(portal) == ""
        await one.gateway.learn(portal, "company.example")
        assert await two.gateway.portal_of(portal) == "company.example"
