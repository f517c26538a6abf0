"""Rate limits, the queue and the error loop, on a clock that only moves when told to."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from bitrix24_mcp.demo import DemoPortal, Fault

from .demo_client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .demo_client import Clock


@pytest.fixture
def limited(clock: Clock) -> Iterator[Client]:
    with DemoPortal.start(deals=300, clock=clock) as portal, Client(portal) as client:
        yield client


def test_the_eleventh_request_of_a_second_is_refused(limited: Client, clock: Clock) -> None:
    statuses = [limited.send("GET", "/v1/deals/1").status_code for _ in range(10)]
    refused = limited.send("GET", "/v1/deals/1")
    clock.now += 1

    assert statuses == [200] * 10
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    assert refused.json()["error"] == {"code": "RATE_LIMITED", "message": "QUERY_LIMIT_EXCEEDED", "retryAfter": 2}
    assert limited.send("GET", "/v1/deals/1").status_code == 200


def test_all_keys_share_the_second(limited: Client) -> None:
    for _ in range(10):
        limited.send("GET", "/v1/deals/1")

    assert limited.code("GET", "/v1/deals/1", key="vibe_api_demo_readonly") == (429, "RATE_LIMITED")


def test_a_key_has_three_hundred_requests_a_minute(limited: Client, clock: Clock) -> None:
    for number in range(300):
        clock.now += 0.11
        assert limited.send("GET", "/v1/deals/1").status_code == 200, number
    clock.now += 1
    refused = limited.send("GET", "/v1/deals/1")
    other = limited.send("GET", "/v1/deals/1", headers={"X-Api-Key": "vibe_api_demo_readonly"})

    assert refused.json()["error"]["retryAfter"] == 27
    assert (refused.headers["x-ratelimit-remaining"], refused.headers["x-ratelimit-reset"]) == ("0", "27")
    assert other.headers["x-ratelimit-remaining"] == "299"


def test_an_entity_batch_costs_a_unit_per_fifty_records(limited: Client) -> None:
    single = limited.send("POST", "/v1/batch", {"calls": [{"entity": "deals", "action": "list"}] * 50})
    records = limited.send("POST", "/v1/deals/batch", {"action": "delete", "ids": list(range(90_000, 90_101))})

    assert single.headers["x-ratelimit-remaining"] == "299"
    assert records.headers["x-ratelimit-remaining"] == "296"


def test_two_requests_are_in_flight_and_the_third_waits(limited: Client) -> None:
    limited.portal.inject(Fault("slow", path="/v1/deals/1", times=2, seconds=0.2))
    began = time.monotonic()

    with ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(limited.send, "GET", "/v1/deals/1") for _ in range(2)]
        while len(limited.portal.requests) < 2:
            time.sleep(0.005)
        assert limited.send("GET", "/v1/deals/2").status_code == 200
        waited = time.monotonic() - began
        assert [future.result().status_code for future in slow] == [200, 200]

    assert waited >= 0.2


def test_thirty_seconds_in_the_queue_are_too_long(limited: Client, clock: Clock) -> None:
    limited.portal.inject(Fault("slow", path="/v1/deals/1", times=2, seconds=0.5))
    answers: list[tuple[int, str]] = []

    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(limited.send, "GET", "/v1/deals/1") for _ in range(2)]
        while len(limited.portal.requests) < 2:
            time.sleep(0.005)
        waiting = threading.Thread(target=lambda: answers.append(limited.code("GET", "/v1/deals/2")))
        waiting.start()
        while len(limited.portal.requests) < 3:
            time.sleep(0.005)
        time.sleep(0.05)
        clock.now += 31
        waiting.join()
        assert [future.result().status_code for future in slow] == [200, 200]

    assert answers == [(504, "QUEUE_TIMEOUT")]
    assert limited.send("GET", "/v1/deals/2").status_code == 200


def test_a_call_that_keeps_failing_is_blocked_and_probed(limited: Client, clock: Clock) -> None:
    codes: list[str] = []
    for _ in range(63):
        clock.now += 0.2
        codes.append(limited.code("GET", "/v1/deals/999999")[1])

    assert codes[:12] == ["ENTITY_NOT_FOUND"] * 12
    assert set(codes[12:61]) == {"ERROR_LOOP_DETECTED"}
    assert codes[61:] == ["ENTITY_NOT_FOUND", "ERROR_LOOP_DETECTED"]
    assert limited.send("GET", "/v1/deals/1").status_code == 200


def test_success_ends_an_error_loop(limited: Client, clock: Clock) -> None:
    for _ in range(11):
        clock.now += 0.2
        limited.send("POST", "/v1/deals/search", {"filter": {"colour": 1}})
    limited.send("POST", "/v1/deals/search", {})
    clock.now += 1

    assert limited.code("POST", "/v1/deals/search", {"filter": {"colour": 1}}) == (400, "INVALID_FILTER_FIELD")
    assert limited.code("POST", "/v1/deals/search", {"filter": {"colour": 1}}) == (400, "INVALID_FILTER_FIELD")


def test_without_limits_nothing_is_refused_and_the_headers_stay(client: Client) -> None:
    responses = [client.send("GET", "/v1/deals/999999") for _ in range(20)]

    assert {response.json()["error"]["code"] for response in responses} == {"ENTITY_NOT_FOUND"}
    assert responses[-1].headers["x-ratelimit-remaining"] == "300"
