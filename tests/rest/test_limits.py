"""The portal's limits: a full bucket slows everybody, a method's working time slows and holds back only that method."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket, Capacity
from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer

HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url="https://portal.example")]

Json = dict[str, Any]
SPENT: Mapping[str, Any] = {"error": "OPERATION_TIME_LIMIT", "error_description": "Method is blocked"}


def time(operating: float, freed_in: float | None = 300) -> Json:
    reset = {} if freed_in is None else {"finish": 1000.5, "operating_reset_at": 1000.5 + freed_in}
    return {"time": {"operating": operating, **reset}}


def ok(**beside: Any) -> httpx.Response:
    return httpx.Response(200, json={"result": 1, **beside})


def spent() -> httpx.Response:
    return httpx.Response(429, json=SPENT)


async def test_a_method_whose_time_is_used_up_is_asked_again_when_some_is_freed(
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/slow").mock(side_effect=[ok(**time(470, 20)), spent(), ok()])
    await client.call("slow")
    await client.call("slow")

    assert (route.call_count, waits) == (3, [20])


async def test_a_method_that_stays_used_up_for_long_is_not_asked_again_and_the_others_go_on(
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    slow = respx_mock.post(f"{HOOK}/slow").mock(side_effect=[ok(**time(300, 290)), spent()])
    quick = respx_mock.post(f"{HOOK}/quick").mock(return_value=ok())
    await client.call("slow")
    for _ in range(2):
        with pytest.raises(PortalUnavailable, match=r"Try again in 5 minutes; .*\[OPERATION_TIME_LIMIT\]$"):
            await client.call("slow")
    await client.call("quick")

    assert (slow.call_count, quick.call_count, waits) == (2, 1, [])


async def test_a_method_is_asked_again_after_the_time_for_which_it_was_held_back(
    client: RestClient, clock: Clock, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/slow").mock(side_effect=[ok(**time(300, 290)), spent(), ok()])
    await client.call("slow")
    with pytest.raises(PortalUnavailable):
        await client.call("slow")
    await clock.sleep(290)

    assert (await client.call("slow")).result == 1
    assert route.call_count == 3


async def test_a_portal_that_never_said_when_is_given_a_minute(
    client: RestClient, clock: Clock, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/slow").mock(side_effect=[spent(), ok()])
    with pytest.raises(PortalUnavailable, match="Try again in 1 minute;"):
        await client.call("slow")
    await clock.sleep(60)
    await client.call("slow")

    assert route.call_count == 2


async def test_a_refused_method_is_held_back_in_a_batch_too_and_the_others_are_asked(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/slow").mock(side_effect=[ok(**time(300, 290)), spent()])
    batch = respx_mock.post(f"{HOOK}/batch").respond(json={"result": {"result": {"c0": 1, "c1": 2}}})
    await client.call("slow")
    with pytest.raises(PortalUnavailable):
        await client.call("slow")
    slow, *others = await client.batch([RestCall("Slow"), RestCall("a"), RestCall("b")])

    assert isinstance(slow, PortalUnavailable)
    assert others == [Answer(1), Answer(2)]
    assert batch.calls.last.request.content == b'{"halt":0,"cmd":{"c0":"a","c1":"b"}}'


async def test_one_command_whose_time_is_used_up_is_asked_again_when_some_is_freed(
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    first = {"result": {"c0": 1}, "result_error": {"c1": SPENT}, "result_time": {"c0": time(5)["time"]}}
    respx_mock.post(f"{HOOK}/slow").mock(side_effect=[ok(**time(100, 15)), ok()])
    respx_mock.post(f"{HOOK}/batch").respond(json={"result": first})
    await client.call("slow")

    assert await client.batch([RestCall("quick"), RestCall("slow")]) == [Answer(1), Answer(1)]
    assert waits == [15]


@pytest.mark.parametrize(("operating", "waited"), [(0, []), (383, []), (384, []), (432, [5]), (480, [10]), (900, [10])])
async def test_a_method_near_to_its_limit_is_slowed(
    operating: float, waited: list[float], client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/slow").mock(return_value=ok(**time(operating)))
    respx_mock.post(f"{HOOK}/quick").mock(return_value=ok(**time(1)))
    for method in ("slow", "quick", "slow", "slow"):
        await client.call(method)

    assert waits == waited


async def test_a_method_is_slowed_no_longer_than_until_some_of_its_time_is_freed(
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/slow").mock(side_effect=[ok(**time(480, 3)), ok(**time(100)), ok()])
    for _ in range(3):
        await client.call("slow")

    assert waits == [3]


async def test_the_time_of_a_batch_is_watched_under_its_own_name_and_under_its_methods(
    client: RestClient, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    times = {"c0": time(450)["time"], "c1": time(1)["time"]}
    told = {"result": {"result": {"c0": 1, "c1": 2}, "result_time": times}, **time(432)}
    respx_mock.post(f"{HOOK}/batch").respond(json=told)
    respx_mock.post(f"{HOOK}/slow").mock(return_value=ok())
    respx_mock.post(f"{HOOK}/quick").mock(return_value=ok())
    await client.batch([RestCall("slow"), RestCall("quick")])
    await client.call("quick")
    assert waits == []
    for _ in range(2):
        await client.call("slow")
    await client.batch([RestCall("quick"), RestCall("other")])
    await client.batch([RestCall("quick"), RestCall("other")])

    assert waits == [6.875, 5]


async def test_a_full_bucket_slows_everybody_at_this_address(
    budget: Bucket, waits: list[float], respx_mock: respx.MockRouter
) -> None:
    full = httpx.Response(503, json={"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"})
    respx_mock.post(f"{HOOK}/x").mock(side_effect=[full, *[ok()] * 5])
    bucket = Bucket(Capacity(), clock=budget.clock)
    async with RestClient(Webhook(f"https://portal.example{HOOK}/"), budget=bucket) as client:
        for _ in range(5):
            await client.call("x")

    assert waits == [1, 0.5, 0.5, 0.5]
    assert (bucket.spent, bucket.waited) == (6, 1.5)


async def test_the_largest_burst_overruns_no_real_counter(clock: Clock, waits: list[float]) -> None:
    with DemoPortal.start(deals=10) as portal:
        bucket = Bucket(clock=clock)
        async with RestClient(Webhook(f"{portal.url}/rest/1/demo-admin/"), budget=bucket) as client:
            for _ in range(44):
                await client.call("profile")

    assert (waits, bucket.spent) == ([], 44)
