"""Bitrix24's own leaky bucket is never overrun, at any traffic, in a time that jumps to the next thing that is due."""

from typing import Any

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bitrix24_mcp.pacing.bucket import Bucket, Capacity
from bitrix24_mcp.pacing.operating import Operating
from virtual_time import VirtualTime

pytestmark = pytest.mark.anyio
IN_VIRTUAL_TIME: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": VirtualTime})


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return IN_VIRTUAL_TIME


class Counter:
    """The portal's counter: each request adds one, every whole second it drains, and beyond its size it refuses."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._level = 0.0
        self._second = 0
        self.highest = 0.0

    def arrive(self, now: float) -> None:
        second = int(now)
        self._level = max(0.0, self._level - (second - self._second) * self._capacity.drain) + 1
        self._second = second
        self.highest = max(self.highest, self._level)


Burst = tuple[int, float, float, float]
"""So many requests, each of which comes after a while, takes so long to arrive and so long to be answered."""


async def counted(capacity: Capacity, bursts: list[Burst]) -> float:
    """How high the portal's counter rises."""
    bucket, counter = Bucket(capacity), Counter(capacity)

    async def send(after: float, arriving: float, answering: float) -> None:
        await anyio.sleep(after)
        async with bucket.turn():
            await anyio.sleep(arriving)
            counter.arrive(anyio.current_time())
            await anyio.sleep(answering)

    async with anyio.create_task_group() as group:
        for count, after, arriving, answering in bursts:
            for _ in range(count):
                group.start_soon(send, after, arriving, answering)
    assert bucket.spent == sum(count for count, *_ in bursts)
    return counter.highest


SHORT = st.one_of(st.just(0.0), st.floats(0, 3))
BURSTS = st.lists(st.tuples(st.integers(1, 60), st.floats(0, 40), SHORT, SHORT), min_size=1, max_size=5)
LATE: list[Burst] = [(4, 0.0, 2.0, 0.0), (60, 2.0, 0.0, 0.0)]
"""Requests that arrive only when the bucket is thought to be empty again, and a burst behind them."""


@settings(deadline=None, max_examples=100)
@given(BURSTS, st.sampled_from([Capacity(), Capacity(250, 5.0), Capacity(20, 2.0, in_flight=8)]))
@example(LATE, Capacity())
def test_the_portals_counter_never_exceeds_its_size(bursts: list[Burst], capacity: Capacity) -> None:
    highest = anyio.run(counted, capacity, bursts, backend=IN_VIRTUAL_TIME[0], backend_options=IN_VIRTUAL_TIME[1])

    assert highest <= capacity.size


async def test_the_margin_is_no_larger_than_it_must_be() -> None:
    assert await counted(Capacity(), LATE) == 49


@pytest.mark.parametrize(("capacity", "burst", "second"), [(Capacity(), 44, 2.0), (Capacity(250, 5.0), 241, 5.0)])
async def test_a_burst_goes_out_at_once_and_the_rest_as_fast_as_the_bucket_drains(
    capacity: Capacity, burst: int, second: float
) -> None:
    bucket = Bucket(capacity)
    times: list[float] = []
    for _ in range(burst + 20):
        async with bucket.turn():
            times.append(anyio.current_time())

    assert times[:burst] == [0.0] * burst
    assert times[burst:] == pytest.approx([(place + 1) / second for place in range(20)])
    assert bucket.waited == pytest.approx(20 / second)


async def test_few_requests_are_under_way_at_one_time() -> None:
    bucket, under_way, most = Bucket(Capacity(in_flight=3)), 0, 0

    async def send() -> None:
        nonlocal under_way, most
        async with bucket.turn():
            under_way += 1
            most = max(most, under_way)
            await anyio.sleep(1)
            under_way -= 1

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(send)

    assert most == 3


async def test_a_pause_holds_everybody_back_also_who_waits_already() -> None:
    bucket = Bucket()
    await bucket.pause(5)
    async with anyio.create_task_group() as group:
        group.start_soon(bucket.ready)
        await anyio.sleep(1)
        await bucket.pause(10)

    assert anyio.current_time() == 11


async def test_who_is_cancelled_while_waiting_has_taken_no_turn() -> None:
    bucket = Bucket(Capacity(in_flight=1))
    await bucket.pause(10)
    with anyio.move_on_after(1):
        async with bucket.turn():
            pass
    async with bucket.turn():
        pass

    assert (bucket.spent, anyio.current_time()) == (1, 10)


async def test_a_bucket_that_is_full_through_others_lets_out_only_what_drains() -> None:
    bucket = Bucket()
    await bucket.overflowed()
    times: list[float] = []
    for _ in range(3):
        async with bucket.turn():
            times.append(anyio.current_time())

    assert times == pytest.approx([0.5, 1.0, 1.5])


def test_the_highest_reading_of_a_method_stands_until_some_of_it_is_freed() -> None:
    operating = Operating()
    operating.learn("crm.item.list", 432, 100, now=0)
    operating.learn("CRM.item.LIST", 10, 500, now=1)
    assert [operating.slowed(["crm.item.list"], now) for now in (2, 2, 2)] == [0, 5, 10]

    operating.learn("crm.item.list", 10, 500, now=100)
    assert [operating.slowed(["crm.item.list"], now) for now in (200, 200)] == [0, 0]


def test_an_answer_without_readings_changes_nothing() -> None:
    operating = Operating()
    operating.learn("x", None, None, now=0)

    assert (operating.slowed(["x"], 0), operating.parked(["x"], 0), operating.parked([], 0)) == (0, 0, 0)


def test_a_refused_method_is_held_back_until_some_of_its_time_is_freed() -> None:
    operating = Operating()
    operating.learn("x", 470, 200, now=10)

    assert operating.refused("x", now=60) == 150
    assert [operating.parked(["y", "X"], now) for now in (60, 209, 210, 300)] == [150, 1, 0, 0]
    assert operating.refused("x", now=300) == 60
