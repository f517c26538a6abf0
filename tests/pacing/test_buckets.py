"""Who shares a portal shares its pace."""

import pytest

from bitrix24_mcp.pacing.bucket import Bucket, Capacity
from bitrix24_mcp.pacing.buckets import Buckets
from bitrix24_mcp.pacing.turns import Clock

pytestmark = pytest.mark.anyio


async def test_callers_of_one_portal_wait_for_each_other_and_not_for_others(clock: Clock, waits: list[float]) -> None:
    buckets = Buckets(lambda _: Bucket(Capacity(size=3, drain=1.0, in_flight=1), clock=clock))
    for _ in range(3):
        async with buckets.of("a.bitrix24.com").turn():
            pass
    waited = list(waits)
    async with buckets.of("b.bitrix24.com").turn():
        pass

    assert buckets.of("a.bitrix24.com").spent == 3
    assert waited == waits == [1.0, 1.0]
