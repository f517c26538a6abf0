"""What goes wrong with writes on request, through both doors: who has carried out what, and what is heard of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest

from bitrix24_mcp.demo import Fault

from .demo_client import Client, column
from .rest_asking import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo import DemoPortal
    from bitrix24_mcp.demo.faults import FaultKind

Door = Literal["gateway", "rest"]
BOTH = pytest.mark.parametrize("door", ["gateway", "rest"])
FAILURE = {"error": "INTERNAL_SERVER_ERROR", "error_description": "Internal server error"}
LIMIT = {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}


def post(portal: DemoPortal, method: str, **params: Any) -> httpx.Response:
    return httpx.post(f"{portal.url}/rest/{ADMIN}/{method}", json=params, trust_env=False, timeout=60)


def titled(portal: DemoPortal) -> list[str]:
    """The deals that the tests made."""
    return column(portal, "SELECT title FROM deals WHERE title LIKE 'w%' ORDER BY id")


def sender(client: Client, door: Door) -> Callable[[], httpx.Response]:
    """One request that adds a deal."""
    if door == "gateway":
        return lambda: client.send("POST", "/v1/deals", {"title": "w"})
    return lambda: post(client.portal, "crm.item.add", entityTypeId=2, fields={"title": "w"})


def batches(client: Client, number: int) -> dict[str, Callable[[], httpx.Response]]:
    """The three batches that add as many deals."""
    calls = [
        {"id": f"c{place}", "entity": "deals", "action": "create", "params": {"title": f"w{place}"}}
        for place in range(number)
    ]
    items = [{"title": f"w{place}"} for place in range(number)]
    commands = {f"c{place}": f"crm.item.add?entityTypeId=2&fields[title]=w{place}" for place in range(number)}
    return {
        "calls": lambda: client.send("POST", "/v1/batch", {"calls": calls}),
        "records": lambda: client.send("POST", "/v1/deals/batch", {"action": "create", "items": items}),
        "rest": lambda: post(client.portal, "batch", cmd=commands),
    }


BATCHES = pytest.mark.parametrize("batch", ["calls", "records", "rest"])


@BOTH
def test_work_that_is_done_may_be_answered_as_failed(own: Client, door: Door) -> None:
    own.portal.inject(Fault("failed_after"))

    response = sender(own, door)()

    told: dict[str, tuple[int, object]] = {
        "gateway": (
            502,
            {"success": False, "error": {"code": "BITRIX_UNAVAILABLE", "message": "Bitrix24 did not answer"}},
        ),
        "rest": (500, FAILURE),
    }
    assert (response.status_code, response.json()) == told[door]
    assert titled(own.portal) == ["w"]
    assert sender(own, door)().is_success


@BOTH
def test_work_that_is_done_may_be_answered_late(own: Client, door: Door) -> None:
    own.portal.inject(Fault("slow_after", seconds=0.3))
    began = time.monotonic()

    response = sender(own, door)()

    assert time.monotonic() - began >= 0.3
    assert response.is_success
    assert titled(own.portal) == ["w"]


@BOTH
def test_a_client_that_does_not_wait_finds_the_work_done(own: Client, door: Door) -> None:
    own.portal.inject(Fault("slow_after", seconds=30))
    errors: list[Exception] = []

    def ask() -> None:
        try:
            sender(own, door)()
        except httpx.TransportError as error:
            errors.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not titled(own.portal):
        time.sleep(0.005)
    status = own.portal.requests[-1].status
    own.portal.stop()
    waiting.join()

    assert (status, len(errors)) == (0, 1)


@BOTH
@pytest.mark.parametrize(("kind", "done"), [("drop_after", ["w"]), ("drop", []), ("drop_midway", [])])
def test_a_dropped_connection_leaves_the_work_done_or_not(
    own: Client, door: Door, kind: FaultKind, done: list[str]
) -> None:
    own.portal.inject(Fault(kind))

    with pytest.raises(httpx.RemoteProtocolError):
        sender(own, door)()

    assert titled(own.portal) == done
    assert own.portal.requests[-1].status == 0


@BATCHES
@pytest.mark.parametrize(("number", "done"), [(4, ["w0", "w1"]), (3, ["w0"]), (1, [])])
def test_half_of_a_batch_is_done_when_the_connection_drops_midway(
    own: Client, batch: str, number: int, done: list[str]
) -> None:
    own.portal.inject(Fault("drop_midway"))

    with pytest.raises(httpx.RemoteProtocolError):
        batches(own, number)[batch]()

    assert titled(own.portal) == done
    assert own.portal.requests[-1].status == 0
    assert batches(own, 1)[batch]().is_success


@BATCHES
def test_all_of_a_batch_is_done_when_the_connection_drops_afterwards(own: Client, batch: str) -> None:
    own.portal.inject(Fault("drop_after"))

    with pytest.raises(httpx.RemoteProtocolError):
        batches(own, 3)[batch]()

    assert titled(own.portal) == ["w0", "w1", "w2"]


@pytest.mark.parametrize(
    ("kind", "gateway", "rest"),
    [
        ("partial_batch", {"code": "BITRIX_ERROR", "message": "Injected failure"}, FAILURE),
        ("limit_within", {"code": "RATE_LIMITED", "message": "QUERY_LIMIT_EXCEEDED", "retryAfter": 2}, LIMIT),
    ],
)
def test_every_second_call_of_a_batch_is_refused_unexecuted(
    own: Client, kind: FaultKind, gateway: dict[str, object], rest: dict[str, object]
) -> None:
    own.portal.inject(Fault(kind, times=3))
    answers = {name: send().json() for name, send in batches(own, 5).items()}

    assert answers["calls"]["data"]["errors"] == {"c1": gateway, "c3": gateway}
    assert list(answers["calls"]["data"]["results"]) == ["c0", "c2", "c4"]
    assert [result.get("error") for result in answers["records"]["data"]["results"]] == [
        None,
        gateway,
        None,
        gateway,
        None,
    ]
    assert answers["rest"]["result"]["result_error"] == {"c1": rest, "c3": rest}
    assert list(answers["rest"]["result"]["result"]) == ["c0", "c2", "c4"]
    assert titled(own.portal) == ["w0", "w2", "w4"] * 3
    assert batches(own, 2)["calls"]().json()["data"]["errors"] == {}


@BOTH
def test_faults_of_batches_leave_single_requests_alone(own: Client, door: Door) -> None:
    own.portal.inject(Fault("partial_batch"))
    own.portal.inject(Fault("limit_within"))

    assert sender(own, door)().is_success
