"""REST of the demo portal: each kind of fault in REST's own terms."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from bitrix24_mcp.demo import Fault

from .rest_asking import ADMIN, ask

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal
    from bitrix24_mcp.demo.faults import FaultKind


def post(portal: DemoPortal, method: str = "profile", query: str = "") -> httpx.Response:
    return httpx.post(f"{portal.url}/rest/{ADMIN}/{method}{query}", json={}, trust_env=False)


@pytest.mark.parametrize(
    ("kind", "status", "error", "text"),
    [
        ("rate_limit", 503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
        ("operation_limit", 429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
        ("overload", 503, "OVERLOAD_LIMIT", "REST API is blocked due to overload."),
        ("server_error", 500, "INTERNAL_SERVER_ERROR", "Internal server error"),
        ("expired_key", 401, "INVALID_CREDENTIALS", "Invalid request credentials"),
        ("expired_token", 401, "expired_token", "The access token provided has expired."),
        ("access_denied", 403, "ACCESS_DENIED", "Access denied!"),
        ("bitrix_error", 400, "", "Ошибка выполнения запроса"),
    ],
)
def test_an_error_fault_answers_once_in_place_of_the_method(
    own_portal: DemoPortal, kind: FaultKind, status: int, error: str, text: str
) -> None:
    own_portal.inject(Fault(kind, path="*/profile"))

    other, faulty, after = post(own_portal, "scope"), post(own_portal), post(own_portal)

    assert (faulty.status_code, faulty.json()) == (status, {"error": error, "error_description": text})
    assert (other.status_code, after.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "beginning"),
    [
        ("broken_json", 200, "application/json; charset=utf-8", '{"result":{"items":[{"id":1,"title":"'),
        ("html", 200, "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("html_502", 502, "text/html; charset=utf-8", "<html>"),
        ("empty", 200, "application/json; charset=utf-8", ""),
    ],
)
def test_a_page_fault_is_not_the_json_it_should_be(
    own_portal: DemoPortal, kind: FaultKind, status: int, content_type: str, beginning: str
) -> None:
    own_portal.inject(Fault(kind))

    answer = post(own_portal)

    assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
    assert answer.text.startswith(beginning)


def test_a_renamed_portal_points_to_the_same_path_on_its_new_host(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault("redirect", times=2))
    own_portal.inject(Fault("redirect", location="https://new.bitrix24.ru"))

    locations = [post(own_portal, query=query).headers["location"] for query in ("", "?a=1", "")]

    assert locations == [
        f"http://example.invalid/rest/{ADMIN}/profile",
        f"http://example.invalid/rest/{ADMIN}/profile?a=1",
        f"https://new.bitrix24.ru/rest/{ADMIN}/profile",
    ]


def test_a_leaking_portal_echoes_the_address_and_the_code(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault("secret_echo"))

    text = post(own_portal, query="?a=1").json()["error_description"]

    assert text == f"Cannot process {own_portal.url}/rest/{ADMIN}/profile?a=1 with demo-admin"


@pytest.mark.parametrize("kind", ["drop", "drop_after"])
def test_a_connection_is_dropped_on_request(own_portal: DemoPortal, kind: FaultKind) -> None:
    own_portal.inject(Fault(kind))

    with pytest.raises(httpx.RemoteProtocolError):
        post(own_portal)

    assert own_portal.requests[-1].status == 0
    assert post(own_portal).status_code == 200


def test_a_slow_answer_keeps_nobody_else_waiting(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault("slow", path="*/profile", seconds=30))
    waiting = threading.Thread(target=_failing, args=(own_portal,))

    waiting.start()
    while not own_portal.requests:
        time.sleep(0.005)
    ask(own_portal, "scope")
    pending = [request.path for request in own_portal.requests if request.status == 0]
    own_portal.stop()
    waiting.join()

    assert pending == [f"/rest/{ADMIN}/profile"]


def test_refusals_that_only_rest_knows_leave_the_gateway_alone(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault("overload"))

    gateway = httpx.get(f"{own_portal.url}/v1/deals/1", headers={"X-Api-Key": "vibe_api_demo"}, trust_env=False)

    assert (gateway.status_code, post(own_portal).status_code) == (200, 503)


def _failing(portal: DemoPortal) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.post(f"{portal.url}/rest/{ADMIN}/profile", json={}, trust_env=False, timeout=60)
