"""REST of the demo portal: how it is called, who may call, and what every answer looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bitrix24_mcp.demo import DemoPortal, RestSwitches

from .demo_client import column
from .rest_asking import ADMIN, SELLER, ask, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

FILTER = "entityTypeId=2&filter[%3E%3Dopportunity]=1000000&filter[@stageId][]=WON&filter[@stageId][]=NEW"
REST_OF_QUERY = "&order[id]=ASC&select[0]=id&select[1]=stageId&start=0"
TIME = {
    "start": 1784106000.0,
    "finish": 1784106000.03,
    "duration": 0.03,
    "processing": 0.03,
    "date_start": "2026-07-15T12:00:00+03:00",
    "date_finish": "2026-07-15T12:00:00+03:00",
}


@pytest.fixture(scope="module")
def limited() -> Iterator[DemoPortal]:
    with DemoPortal.start(deals=300, clock=lambda: 1000.0) as portal:
        yield portal


def http(method: str, url: str, **more: Any) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.request(method, url, **more)


def token(portal: DemoPortal, user: int = 1) -> str:
    link = f"{portal.url}/oauth/authorize/?client_id=local.demo.app&state=s&demo_user={user}"
    code = parse_qs(urlsplit(http("GET", link).headers["location"]).query)["code"][0]
    wanted = {"grant_type": "authorization_code", "client_id": "local.demo.app", "client_secret": "demo-app-secret"}
    return http("POST", f"{portal.url}/oauth/token/", data={**wanted, "code": code}).json()["access_token"]


def test_a_method_answers_json_a_form_and_a_query_alike(portal: DemoPortal) -> None:
    url = f"{portal.url}/rest/{ADMIN}/crm.item.list"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        http("GET", f"{url}?{FILTER}{REST_OF_QUERY}"),
        http("POST", f"{url}?{FILTER}{REST_OF_QUERY}"),
        http("POST", url, content=FILTER + REST_OF_QUERY, headers=form),
        http("POST", f"{url}?{FILTER}", content=REST_OF_QUERY[1:], headers=form),
        http(
            "POST",
            f"{url}?entityTypeId=1",
            json={
                "entityTypeId": 2,
                "filter": {">=opportunity": 1000000, "@stageId": ["WON", "NEW"]},
                "order": {"id": "ASC"},
                "select": ["id", "stageId"],
            },
        ),
        http("GET", f"{portal.url}/rest/{ADMIN}/CRM.Item.List.json?{FILTER}{REST_OF_QUERY}"),
    ]

    found = column(
        portal, "SELECT id FROM deals WHERE amount >= 1000000 AND stageId IN ('WON', 'NEW') ORDER BY id LIMIT 50"
    )
    assert [[item["id"] for item in answer.json()["result"]["items"]] for answer in answers] == [found] * 6
    assert found


def test_the_body_of_a_get_and_broken_json_count_as_nothing(portal: DemoPortal) -> None:
    url = f"{portal.url}/rest/{ADMIN}/crm.item.list"

    answers = [
        http("GET", url, json={"entityTypeId": 2}),
        *(
            http("POST", url, content=text, headers={"Content-Type": "application/json"})
            for text in ('{"entityTypeId": 2', '{"entityTypeId": 2, "filter": {"title": "\\ud83d"}}')
        ),
    ]

    missing = {"error": "100", "error_description": "Could not find value for parameter {entityTypeId}"}
    assert [(answer.status_code, answer.json()) for answer in answers] == [(400, missing)] * 3


def test_an_answer_holds_result_total_next_and_time(portal: DemoPortal, limited: DemoPortal) -> None:
    """Where nothing is metered, two members of `time` are missing, as on portals of one's own."""
    url = f"/rest/{ADMIN}/crm.item.list?entityTypeId=2&select[]=id"

    unmetered, metered = (http("GET", where.url + url) for where in (portal, limited))

    answer = unmetered.json()
    assert list(answer) == ["result", "next", "total", "time"]
    assert (answer["next"], answer["total"], answer["time"]) == (50, 300, TIME)
    assert metered.json()["time"] == {**TIME, "operating_reset_at": 1784106000 + 560, "operating": 0}
    assert unmetered.headers["date"] == "Wed, 15 Jul 2026 09:00:00 GMT"
    assert unmetered.headers["content-type"] == "application/json; charset=utf-8"


def test_next_is_missing_on_the_last_page(portal: DemoPortal) -> None:
    last = ask(portal, "crm.item.list", entityTypeId=2, select=["id"], start=250)
    beyond = ask(portal, "crm.item.list", entityTypeId=2, select=["id"], start=300)

    assert ("next" in last, last["total"], len(last["result"]["items"])) == (False, 300, 50)
    assert beyond == {"result": {"items": []}, "total": 300}


def test_empty_maps_are_printed_as_arrays(portal: DemoPortal) -> None:
    nothing = ask(portal, "crm.item.list", entityTypeId=3, select=["fm"], filter={"id": 1})

    assert nothing["result"] == {"items": [[]]}


@pytest.mark.parametrize(
    ("path", "status", "error", "text"),
    [
        ("crm.item.list", 401, "NO_AUTH_FOUND", "Wrong authorization data"),
        ("crm.item.list?auth=stale", 401, "invalid_token", "Unable to get application by token"),
        ("1/demo-expired/crm.item.list", 401, "INVALID_CREDENTIALS", "Invalid request credentials"),
        ("2/demo-admin/crm.item.list", 401, "INVALID_CREDENTIALS", "Invalid request credentials"),
        ("demo-admin/crm.item.list", 404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
        ("1/demo-admin", 404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
        ("1/demo-expired", 401, "INVALID_CREDENTIALS", "Invalid request credentials"),
        ("1/demo-admin/crm.item.lists", 404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
        ("api/1/demo-admin/crm.item.list", 404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
    ],
)
def test_whoever_calls_wrongly_is_told_in_the_portals_order(
    portal: DemoPortal, path: str, status: int, error: str, text: str
) -> None:
    answer = http("POST", f"{portal.url}/rest/{path}", json={"entityTypeId": 2})

    assert (answer.status_code, answer.json()) == (status, {"error": error, "error_description": text})


def test_a_scope_that_was_not_ticked_closes_its_methods(portal: DemoPortal) -> None:
    text = "The request requires higher privileges than provided by the webhook token"

    assert refused(portal, "department.get", SELLER) == (401, "insufficient_scope", text)
    assert refused(portal, "no.such.method", SELLER) == (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    with DemoPortal.start(deals=300, limits=False, rest=RestSwitches(scope_status=403)) as documented:
        assert refused(documented, "department.get", SELLER) == (403, "insufficient_scope", text)


def test_an_access_token_opens_the_portal_until_it_is_too_old(own_portal: DemoPortal) -> None:
    auth, url = token(own_portal), f"{own_portal.url}/rest/crm.item.list"

    body = http("POST", url, json={"entityTypeId": 2, "auth": auth})
    query = http("GET", f"{url}?auth={auth}&entityTypeId=2")
    own_portal.expire_tokens()
    late = http("POST", url, json={"entityTypeId": 2, "auth": auth})

    assert (body.json()["total"], query.json()["total"]) == (300, 300)
    text = "The access token provided has expired."
    assert (late.status_code, late.json()) == (401, {"error": "expired_token", "error_description": text})


def test_requests_are_recorded_with_the_path_they_were_sent_to(own_portal: DemoPortal) -> None:
    http("POST", f"{own_portal.url}/rest/{ADMIN}/crm.item.list.json", json={"entityTypeId": 2})
    http("GET", f"{own_portal.url}/rest/crm.item.list?auth=stale&entityTypeId=2")

    seen = [
        (request.method, request.path, request.query, request.body, request.status, request.key)
        for request in own_portal.requests
    ]
    assert seen == [
        ("POST", f"/rest/{ADMIN}/crm.item.list.json", [], {"entityTypeId": 2}, 200, "demo-admin"),
        ("GET", "/rest/crm.item.list", [("auth", "stale"), ("entityTypeId", "2")], None, 401, "stale"),
    ]
