"""REST of the demo portal: the leaky bucket and the seconds of work per method, on a clock moved by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bitrix24_mcp.demo import DemoPortal, RestSwitches

from .rest_asking import ADMIN, CRM_ADMIN, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .demo_client import Clock

START = 1784106000
SPENT = {"error": "OPERATION_TIME_LIMIT", "error_description": "Method is blocked due to operation time limit."}


@pytest.fixture
def limited(clock: Clock) -> Iterator[DemoPortal]:
    switches = RestSwitches(costs={"crm.item.list": 100, "crm.item.fields": 0.09})
    with DemoPortal.start(deals=300, clock=clock, rest=switches) as portal:
        yield portal


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def ask(http: httpx.Client, portal: DemoPortal, method: str = "profile", webhook: str = ADMIN) -> httpx.Response:
    return http.post(f"{portal.url}/rest/{webhook}/{method}", json={"entityTypeId": 2, "select": ["id"]})


def meter(answer: httpx.Response) -> tuple[Any, Any]:
    time = answer.json()["time"]
    return time["operating"], time["operating_reset_at"] - START


def test_the_bucket_holds_fifty_and_loses_two_a_second(http: httpx.Client, limited: DemoPortal, clock: Clock) -> None:
    first = [ask(http, limited).status_code for _ in range(50)]
    full = ask(http, limited, webhook=CRM_ADMIN)
    clock.now += 0.9
    still_full = ask(http, limited)
    clock.now += 1.2
    later = [ask(http, limited).status_code for _ in range(5)]

    assert first == [200] * 50
    assert (full.status_code, full.json()) == (
        503,
        {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"},
    )
    assert "retry-after" not in full.headers
    assert still_full.status_code == 503
    assert later == [200, 200, 200, 200, 503]


def test_a_batch_is_one_request(http: httpx.Client, limited: DemoPortal) -> None:
    commands = {f"c{place}": "profile" for place in range(50)}

    statuses = [ask(http, limited).status_code for _ in range(49)]
    answer = http.post(f"{limited.url}/rest/{ADMIN}/batch", json={"cmd": commands})

    assert (set(statuses), answer.status_code, len(answer.json()["result"]["result"])) == ({200}, 200, 50)


def test_enterprise_portals_have_a_larger_bucket(http: httpx.Client, clock: Clock) -> None:
    with DemoPortal.start(deals=300, clock=clock, rest=RestSwitches(enterprise=True)) as portal:
        statuses = [ask(http, portal).status_code for _ in range(251)]
        clock.now += 1
        later = [ask(http, portal).status_code for _ in range(6)]

    assert (statuses[:250], statuses[250:]) == ([200] * 250, [503])
    assert later == [200] * 5 + [503]


def test_a_method_is_refused_once_its_seconds_are_spent_and_ages_minute_by_minute(
    http: httpx.Client, limited: DemoPortal, clock: Clock
) -> None:
    spent: list[tuple[Any, Any]] = []
    for _ in range(5):
        spent.append(meter(ask(http, limited, "crm.item.list")))
        clock.now += 60
    refused = ask(http, limited, "crm.item.list")
    others = [ask(http, limited, "profile"), ask(http, limited, "crm.item.list", CRM_ADMIN)]
    clock.now = 6000.0 + 600
    again = ask(http, limited, "crm.item.list")

    assert spent == [(100, 600), (200, 540), (300, 480), (400, 420), (500, 360)]
    assert (refused.status_code, refused.json(), "retry-after" in refused.headers) == (429, SPENT, False)
    assert [answer.status_code for answer in others] == [200, 200]
    assert meter(again) == (500, 60)


def test_short_calls_leave_the_meter_as_it_is(http: httpx.Client, limited: DemoPortal) -> None:
    answers = [meter(ask(http, limited, "crm.item.fields")) for _ in range(3)]

    assert answers == [(0, 600)] * 3


def test_the_commands_of_a_batch_are_metered_one_by_one(limited: DemoPortal) -> None:
    result: dict[str, Any] = rows(limited, "batch", cmd={f"c{n}": "crm.item.list?entityTypeId=2" for n in range(6)})  # type: ignore[assignment] -- a map

    assert [time["operating"] for time in result["result_time"].values()] == [100, 200, 300, 400, 500]
    assert result["result_error"] == {"c5": SPENT}


def test_without_limits_nothing_is_refused(http: httpx.Client, clock: Clock) -> None:
    with DemoPortal.start(deals=300, limits=False, clock=clock, rest=RestSwitches(costs={"profile": 500})) as portal:
        assert {ask(http, portal).status_code for _ in range(60)} == {200}
