"""Each kind of fault does what it says, as often as it was asked to."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from bitrix24_mcp.demo import Fault

from .demo_client import column

if TYPE_CHECKING:
    from bitrix24_mcp.demo.faults import FaultKind

    from .demo_client import Client


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rate_limit", 429, "RATE_LIMITED"),
        ("server_error", 500, "INTERNAL_ERROR"),
        ("bad_gateway", 502, "BITRIX_UNAVAILABLE"),
        ("queue_timeout", 504, "QUEUE_TIMEOUT"),
        ("expired_key", 401, "KEY_EXPIRED"),
        ("access_denied", 403, "BITRIX_ACCESS_DENIED"),
        ("bitrix_error", 422, "BITRIX_ERROR"),
    ],
)
def test_an_error_fault_answers_once_in_place_of_the_route(
    own: Client, kind: FaultKind, status: int, code: str
) -> None:
    own.portal.inject(Fault(kind, path="/v1/deals/*"))

    assert own.send("GET", "/v1/leads?limit=1").status_code == 200
    assert own.code("GET", "/v1/deals/1") == (status, code)
    assert own.send("GET", "/v1/deals/1").status_code == 200


def test_a_rate_limit_says_when_to_come_back(own: Client) -> None:
    own.portal.inject(Fault("rate_limit", seconds=3))

    response = own.send("GET", "/v1/deals")

    assert (response.headers["retry-after"], response.json()["error"]["retryAfter"]) == ("3", 3)


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "beginning"),
    [
        ("broken_json", 200, "application/json; charset=utf-8", '{"success":true,"data":[{"id":1,"title":"'),
        ("html", 200, "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("html_502", 502, "text/html; charset=utf-8", "<html>"),
        ("empty", 200, "application/json; charset=utf-8", ""),
        ("redirect", 302, None, ""),
    ],
)
def test_a_page_fault_is_not_the_json_it_should_be(
    own: Client, kind: FaultKind, status: int, content_type: str | None, beginning: str
) -> None:
    own.portal.inject(Fault(kind))

    response = own.send("GET", "/v1/deals")

    assert (response.status_code, response.headers.get("content-type")) == (status, content_type)
    assert response.text.startswith(beginning)


def test_a_redirect_points_elsewhere(own: Client) -> None:
    own.portal.inject(Fault("redirect"))

    assert own.send("GET", "/v1/deals").headers["location"] == "http://example.invalid/"


def test_a_leaking_gateway_echoes_the_url_and_the_key(own: Client) -> None:
    own.portal.inject(Fault("secret_echo"))

    message = own.get("/v1/deals?limit=3")["error"]["message"]

    assert f"{own.portal.url}/v1/deals?limit=3" in message
    assert "vibe_api_demo" in message


def test_a_dropped_connection_executes_nothing(own: Client) -> None:
    own.portal.inject(Fault("drop", method="POST"))

    with pytest.raises(httpx.RemoteProtocolError):
        own.send("POST", "/v1/deals", {"title": "lost"})

    assert column(own.portal, "SELECT COUNT(*) FROM deals WHERE title = 'lost'") == [0]
    assert own.portal.requests[-1].status == 0


def test_a_connection_dropped_afterwards_has_executed(own: Client) -> None:
    own.portal.inject(Fault("drop_after"))

    with pytest.raises(httpx.RemoteProtocolError):
        own.send("POST", "/v1/deals", {"title": "kept"})

    assert column(own.portal, "SELECT COUNT(*) FROM deals WHERE title = 'kept'") == [1]


def test_a_slow_answer_keeps_nobody_else_waiting(own: Client) -> None:
    own.portal.inject(Fault("slow", path="/v1/deals/1", seconds=0.4))
    waiting = threading.Thread(target=own.send, args=("GET", "/v1/deals/1"))
    began = time.monotonic()

    waiting.start()
    while not own.portal.requests:
        time.sleep(0.005)
    assert own.send("GET", "/v1/deals/2").status_code == 200
    quick = time.monotonic() - began
    waiting.join()

    assert quick < 0.4 <= time.monotonic() - began


def test_stopping_does_not_wait_for_a_slow_answer(own: Client) -> None:
    own.portal.inject(Fault("slow", seconds=30))
    errors: list[Exception] = []

    def ask() -> None:
        try:
            own.send("GET", "/v1/deals/1")
        except httpx.TransportError as error:
            errors.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not own.portal.requests:
        time.sleep(0.005)
    began = time.monotonic()
    own.portal.stop()
    waiting.join()

    assert time.monotonic() - began < 2
    assert len(errors) == 1


def test_truncated_answers_hold_half_of_the_rows(own: Client) -> None:
    own.portal.inject(Fault("truncated"))

    answer = own.get("/v1/deals?limit=10")

    assert (len(answer["data"]), answer["meta"]["truncated"], answer["meta"]["total"]) == (5, True, 300)


def test_a_fault_waits_repeats_and_can_be_cleared(own: Client) -> None:
    own.portal.inject(Fault("server_error", after=1, times=2))
    statuses = [own.send("GET", "/v1/deals/1").status_code for _ in range(4)]
    own.portal.inject(Fault("server_error", times=None))
    lasting = [own.send("GET", "/v1/deals/1").status_code for _ in range(3)]
    own.portal.clear_faults()

    assert statuses == [200, 500, 500, 200]
    assert lasting == [500, 500, 500]
    assert own.send("GET", "/v1/deals/1").status_code == 200


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown fault 'flood'"):
        Fault("flood")  # type: ignore[arg-type] -- the mistake under test


def test_a_portal_on_its_own_takes_faults_over_http(own: Client) -> None:
    faults = [{"kind": "html", "path": "/v1/deals", "times": None}, {"kind": "empty", "path": "/v1/leads"}]

    assert own.send("POST", "/__demo__/faults", faults, headers={}).json() == {"injected": 2}
    assert own.send("GET", "/v1/deals").text.startswith("<!DOCTYPE")
    assert own.send("DELETE", "/__demo__/faults", headers={}).status_code == 204
    assert own.send("GET", "/v1/deals?limit=1").json()["success"] is True
    assert own.send("POST", "/__demo__/faults", {"kind": "flood"}, headers={}).status_code == 400
    recorded = own.send("GET", "/__demo__/requests", headers={}).json()
    assert [(entry["path"], entry["status"]) for entry in recorded] == [("/v1/deals", 200), ("/v1/deals", 200)]


def test_requests_are_recorded_as_they_were_sent(own: Client) -> None:
    own.send("GET", "/v1/deals?select=id,title&filter[>=amount]=1")
    own.send("POST", "/v1/deals/search", {"limit": 1})
    own.send("GET", "/v1/nowhere", headers={"Authorization": "Bearer vibe_api_demo"})

    seen = [
        (entry.method, entry.path, entry.query, entry.body, entry.status, entry.key) for entry in own.portal.requests
    ]
    assert seen == [
        ("GET", "/v1/deals", [("select", "id,title"), ("filter[>=amount]", "1")], None, 200, "vibe_api_demo"),
        ("POST", "/v1/deals/search", [], {"limit": 1}, 200, "vibe_api_demo"),
        ("GET", "/v1/nowhere", [], None, 404, "vibe_api_demo"),
    ]
    own.portal.requests.clear()
    assert own.portal.requests == []
