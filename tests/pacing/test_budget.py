"""The portal's limits hold at any moment, in a time that jumps to the next thing that is due."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from bitrix24_mcp.pacing.budget import Budget, Limits, PortalPace
from bitrix24_mcp.pacing.portals import Portals
from virtual_time import VirtualTime

pytestmark = pytest.mark.anyio

SPACING = 1 / 9.5
SLACK = 1e-6
"""For the rounding of sums of floats."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualTime}


class Traffic:
    """Requests that each take their turn; when each went out, and how many were under way at most."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.times: list[float] = []
        self.most_in_flight = 0
        self._in_flight = 0

    async def send(self, lasting: float = 0.0, after: float = 0.0) -> None:
        await anyio.sleep(after)
        async with self.budget.turn():
            self.times.append(anyio.current_time())
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            await anyio.sleep(lasting)
            self._in_flight -= 1

    @asynccontextmanager
    async def burst(self, count: int, lasting: float = 0.0) -> AsyncGenerator[None]:
        """Sends so many requests at once, beside what the caller does meanwhile."""
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(self.send, lasting)
            yield


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(Budget())


def most_within(seconds: float, times: Sequence[float]) -> int:
    """The most requests in any stretch of so many seconds."""
    return max(sum(start <= time < start + seconds - SLACK for time in times) for start in times)


async def test_requests_go_out_evenly_and_never_more_than_ten_in_any_second(traffic: Traffic) -> None:
    async with traffic.burst(60):
        pass

    assert traffic.times == pytest.approx([position * SPACING for position in range(60)])
    assert most_within(1, traffic.times) <= 10


async def test_never_more_than_three_hundred_in_any_minute_and_none_later_than_that_allows(traffic: Traffic) -> None:
    async with traffic.burst(1_000):
        pass

    expected: list[float] = []
    for position in range(1_000):
        spaced = expected[-1] + SPACING if expected else 0.0
        expected.append(max(spaced, expected[position - 300] + 60) if position >= 300 else spaced)
    assert traffic.times == pytest.approx(expected)
    assert most_within(60, traffic.times) == 300


async def test_the_limits_hold_when_requests_come_and_end_at_odd_times(traffic: Traffic) -> None:
    async with anyio.create_task_group() as group:
        for number in range(700):
            group.start_soon(traffic.send, (0.01, 0.4, 0.03)[number % 3], (number // 90) * 7.3)

    assert len(traffic.times) == 700
    assert most_within(1, traffic.times) <= 10
    assert most_within(60, traffic.times) <= 300
    assert traffic.most_in_flight == 2


async def test_two_requests_are_under_way_at_one_time(traffic: Traffic) -> None:
    async with traffic.burst(6, lasting=5):
        pass

    assert traffic.most_in_flight == 2
    assert traffic.times == pytest.approx([0, SPACING, 5, 5 + SPACING, 10, 10 + SPACING])


async def test_a_quiet_time_saves_nothing_up(traffic: Traffic) -> None:
    await traffic.send()
    await anyio.sleep(30)
    async with traffic.burst(5):
        pass

    assert traffic.times == pytest.approx([0, *(30 + position * SPACING for position in range(5))])


async def test_a_pause_stops_everyone_also_those_who_wait_already(traffic: Traffic) -> None:
    async with traffic.burst(5):
        await anyio.sleep(SPACING * 1.5)
        await traffic.budget.pause(10)

    resumed = SPACING * 1.5 + 10
    assert traffic.times == pytest.approx([0, SPACING, *(resumed + position * SPACING for position in range(3))])


@pytest.mark.parametrize("pauses", [(10, 3), (3, 10), (10, 10)])
async def test_the_longest_pause_counts(pauses: tuple[float, float], traffic: Traffic) -> None:
    for pause in pauses:
        await traffic.budget.pause(pause)
    await traffic.send()

    assert traffic.times == pytest.approx([10])


@pytest.mark.parametrize(
    ("remaining", "reset", "held"), [(0, 25, 25), (0, 900, 60), (-1, 5, 5), (0, 0, 0), (1, 25, 0), (245, 25, 0)]
)
async def test_a_window_that_the_portal_calls_used_up_is_waited_for(
    remaining: int, reset: float, held: float, traffic: Traffic
) -> None:
    await traffic.budget.learn(remaining, reset)
    await traffic.send()

    assert traffic.times == pytest.approx([held])


async def test_a_request_that_fails_gives_its_place_back(traffic: Traffic) -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="refused"):
            async with traffic.budget.turn():
                raise ValueError("refused")
    async with traffic.burst(3):
        pass

    assert traffic.budget.spent == 6
    assert len(traffic.times) == 3


async def test_a_waiter_that_is_cancelled_spends_nothing_and_holds_nobody(traffic: Traffic) -> None:
    await traffic.budget.pause(10)
    for _ in range(5):
        with anyio.move_on_after(1):
            await traffic.send()
    assert (traffic.times, traffic.budget.spent) == ([], 0)
    async with traffic.burst(2):
        pass

    assert traffic.times == pytest.approx([10, 10 + SPACING])


async def test_the_budget_counts_what_it_spent_and_how_long_it_held_back(traffic: Traffic) -> None:
    for _ in range(5):
        await traffic.send()

    assert traffic.budget.spent == 5
    assert traffic.budget.waited == pytest.approx(4 * SPACING)


async def test_other_limits_can_be_set() -> None:
    traffic = Traffic(Budget(Limits(per_second=2, per_window=3, window=10, in_flight=1)))
    async with traffic.burst(7):
        pass

    assert traffic.times == pytest.approx([0, 0.5, 1, 10, 10.5, 11, 20])


async def test_the_keys_of_one_portal_share_its_pace_and_each_has_a_window_of_its_own() -> None:
    pace = PortalPace()
    keys = [Traffic(Budget(portal=pace)) for _ in range(3)]
    async with anyio.create_task_group() as group:
        for key in keys:
            for _ in range(200):
                group.start_soon(key.send, 0.05)

    together = sorted(time for key in keys for time in key.times)
    assert together == pytest.approx([position * SPACING for position in range(600)])
    assert most_within(1, together) <= 10


async def test_a_pause_of_the_portal_holds_all_its_keys_and_a_full_window_only_its_own() -> None:
    pace = PortalPace()
    patient, other = Traffic(Budget(portal=pace)), Traffic(Budget(portal=pace))
    await patient.budget.pause(5)
    await other.send()
    await patient.budget.learn(remaining=0, reset=30)
    await other.send()
    await patient.send()

    assert other.times == pytest.approx([5, 5 + SPACING])
    assert patient.times == [35]


async def test_a_key_whose_window_is_full_keeps_no_place_from_the_others() -> None:
    pace = PortalPace()
    waiting, other = Traffic(Budget(portal=pace)), Traffic(Budget(portal=pace))
    await waiting.budget.learn(remaining=0, reset=30)
    async with waiting.burst(4), other.burst(4):
        pass

    assert other.times == pytest.approx([position * SPACING for position in range(4)])
    assert waiting.times == pytest.approx([30 + position * SPACING for position in range(4)])


async def test_what_is_set_aside_for_newcomers_and_the_rest_are_no_more_than_the_portal_takes() -> None:
    """A key's first request goes to a portal that nobody here knows yet, beside those of its other keys."""
    portals = Portals()
    known, new = Traffic(Budget(portal=portals.of("a.example"))), Traffic(Budget(portal=portals.newcomers))
    async with known.burst(100, 0.05), new.burst(10):
        pass

    together = sorted([*known.times, *new.times])
    assert most_within(1, together) <= 10
    assert portals.of("a.example") is portals.of("a.example") is not portals.of("b.example")
    assert portals.of("") is portals.newcomers
