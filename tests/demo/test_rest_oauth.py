"""OAuth of the demo portal: the way of a code, the life of tokens, the errors of the authorization server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bitrix24_mcp.demo import DemoPortal, RestSwitches

from .demo_client import column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .demo_client import Clock

CLIENT = {"client_id": "local.demo.app", "client_secret": "demo-app-secret"}
CALLBACK = "http://127.0.0.1:4711/webhook/create"


@pytest.fixture
def server(clock: Clock) -> Iterator[DemoPortal]:
    with DemoPortal.start(deals=300, limits=False, clock=clock) as running:
        running.register_application(CALLBACK)
        yield running


def send(portal: DemoPortal, path: str, method: str = "GET", **params: str) -> httpx.Response:
    address = f"{portal.url}{path}"
    if method == "GET":
        return httpx.get(address, params=params, trust_env=False)
    return httpx.post(address, data=params, trust_env=False)


def callback(portal: DemoPortal, user: str = "1") -> dict[str, str]:
    """What the browser brings back to the application."""
    answer = send(portal, "/oauth/authorize/", client_id=CLIENT["client_id"], state="s t&1", demo_user=user)
    assert answer.status_code == 302
    where = urlsplit(answer.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(where.query).items()}


def exchange(portal: DemoPortal, kind: str, method: str = "GET", **proof: str) -> httpx.Response:
    return send(portal, "/oauth/token/", method, grant_type=kind, **{**CLIENT, **proof})


def tokens(portal: DemoPortal, user: str = "1") -> dict[str, Any]:
    return exchange(portal, "authorization_code", code=callback(portal, user)["code"]).json()


def call(portal: DemoPortal, method: str, token: str, **params: object) -> tuple[int, dict[str, Any]]:
    response = httpx.post(f"{portal.url}/rest/{method}", json={**params, "auth": token}, trust_env=False)
    envelope = response.json()
    envelope.pop("time", None)
    return response.status_code, envelope


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_the_browser_comes_back_with_a_code_and_the_state_unchanged(server: DemoPortal) -> None:
    found = callback(server)
    host = urlsplit(server.url).netloc
    assert len(found["code"]) == 40
    assert {name: value for name, value in found.items() if name not in ("code", "scope")} == {
        "state": "s t&1",
        "domain": host,
        "server_domain": host,
        "member_id": "5d0c1f9e7ab3482690d4e8f1b7a2c365",
    }
    assert {"crm", "bizproc", "task"} < set(found["scope"].split(","))


def test_a_redirect_address_keeps_the_query_it_has(server: DemoPortal) -> None:
    server.register_application(f"{CALLBACK}?tenant=7")
    answer = send(server, "/oauth/authorize/", client_id=CLIENT["client_id"], state="1")
    assert answer.headers["location"].startswith(f"{CALLBACK}?tenant=7&code=")


@pytest.mark.parametrize("params", [{"client_id": "another.app"}, {}, {**CLIENT, "demo_user": "6"}])
def test_the_portal_shows_its_own_page_when_it_refuses(server: DemoPortal, params: dict[str, str]) -> None:
    """An unknown application, none at all, a user who was dismissed."""
    answer = send(server, "/oauth/authorize/", **params)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_code_buys_tokens_once(server: DemoPortal, method: str) -> None:
    back = callback(server)
    found = exchange(server, "authorization_code", method, code=back["code"]).json()
    host = urlsplit(server.url).netloc
    assert {name: value for name, value in found.items() if name not in ("access_token", "refresh_token")} == {
        "expires_in": 3600,
        "client_endpoint": f"{server.url}/rest/",
        "server_endpoint": f"{server.url}/rest/",
        "domain": host,
        "member_id": back["member_id"],
        "scope": back["scope"],
        "status": "L",
    }
    assert code_of(exchange(server, "authorization_code", method, code=back["code"])) == (400, "invalid_grant")


def test_a_code_is_good_for_thirty_seconds(server: DemoPortal, clock: Clock) -> None:
    early, late = callback(server)["code"], callback(server)["code"]
    clock.now += 29
    assert exchange(server, "authorization_code", code=early).status_code == 200
    clock.now += 1
    assert code_of(exchange(server, "authorization_code", code=late)) == (400, "invalid_grant")


def test_an_access_token_acts_for_its_user(server: DemoPortal) -> None:
    found = [
        call(server, "profile", tokens(server, user)["access_token"])[1]["result"]["ID"] for user in ("1", "2", "57")
    ]
    assert found == ["1", "2", "57"]


def test_rights_are_those_of_the_user(server: DemoPortal) -> None:
    """Of three users, one runs the portal, one sees all of its CRM, one sees what is his."""
    one, two, seller = (tokens(server, user)["access_token"] for user in ("1", "2", "57"))
    mine = column(server, "SELECT COUNT(*) FROM tasks WHERE responsibleId = 57")[0]
    everything = column(server, "SELECT COUNT(*) FROM tasks")[0]
    totals = [call(server, "tasks.task.list", token)[1]["total"] for token in (one, two, seller)]
    assert totals == [everything, everything, mine]
    statuses = [call(server, "bizproc.workflow.instances", token)[0] for token in (one, two, seller)]
    assert statuses == [200, 403, 403]
    other = column(server, "SELECT id FROM tasks WHERE responsibleId <> 57")[0]
    assert call(server, "tasks.task.get", seller, taskId=other) == (200, {"result": []})


def test_an_application_learns_about_itself(server: DemoPortal) -> None:
    status, answer = call(server, "app.info", tokens(server)["access_token"])
    assert (status, answer["result"]["CODE"], answer["result"]["LICENSE_FAMILY"]) == (200, "local.demo.app", "basic")


def test_an_enterprise_portal_says_so() -> None:
    with DemoPortal.start(deals=300, limits=False, rest=RestSwitches(enterprise=True)) as portal:
        portal.register_application(CALLBACK)
        assert call(portal, "app.info", tokens(portal)["access_token"])[1]["result"]["LICENSE_FAMILY"] == "ent"


def test_an_access_token_lasts_an_hour(server: DemoPortal, clock: Clock) -> None:
    token = tokens(server)["access_token"]
    clock.now += 3599
    assert call(server, "profile", token)[0] == 200
    clock.now += 1
    expected = {"error": "expired_token", "error_description": "The access token provided has expired."}
    assert call(server, "profile", token) == (401, expected)


def test_access_tokens_can_be_made_too_old_at_once(server: DemoPortal) -> None:
    pair = tokens(server)
    server.expire_tokens()
    assert call(server, "profile", pair["access_token"])[1]["error"] == "expired_token"
    assert exchange(server, "refresh_token", refresh_token=pair["refresh_token"]).status_code == 200


def test_an_unknown_token_is_told_from_an_old_one(server: DemoPortal) -> None:
    expected = {"error": "invalid_token", "error_description": "Unable to get application by token"}
    assert call(server, "profile", "no-such-token") == (401, expected)


def test_a_refresh_rotates_the_token_and_names_user_and_end(server: DemoPortal, clock: Clock) -> None:
    first = tokens(server, "57")
    clock.now += 4_000
    second = exchange(server, "refresh_token", refresh_token=first["refresh_token"]).json()
    assert set(second) - set(first) == {"expires", "user_id"}
    assert (second["user_id"], second["expires"]) == (57, 1_784_106_000 + 4_000 + 3_600)
    assert call(server, "profile", second["access_token"])[0] == 200
    spent = exchange(server, "refresh_token", refresh_token=first["refresh_token"])
    assert code_of(spent) == (400, "invalid_grant")
    assert exchange(server, "refresh_token", refresh_token=second["refresh_token"]).status_code == 200


def test_a_refresh_token_lasts_180_days(server: DemoPortal, clock: Clock) -> None:
    pair = tokens(server)
    clock.now += 180 * 86_400
    assert code_of(exchange(server, "refresh_token", refresh_token=pair["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("kind", "proof", "expected"),
    [
        ("authorization_code", {"code": "x", "client_id": "another.app"}, (200, "wrong_client")),
        ("authorization_code", {"code": "x", "client_secret": "wrong"}, (400, "invalid_client")),
        ("refresh_token", {"refresh_token": "x"}, (400, "invalid_grant")),
        ("refresh_token", {}, (400, "invalid_request")),
        ("authorization_code", {"code": ""}, (400, "invalid_request")),
        ("password", {"code": "x"}, (400, "invalid_request")),
        ("refresh_token", {"refresh_token": "x", "scope": "crm,imbot"}, (403, "invalid_scope")),
    ],
)
def test_the_authorization_server_refuses_with_the_documented_codes(
    server: DemoPortal, kind: str, proof: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code_of(exchange(server, kind, **proof)) == expected


def test_a_refused_client_does_not_spend_the_code(server: DemoPortal) -> None:
    code = callback(server)["code"]
    assert code_of(exchange(server, "authorization_code", code=code, client_secret="wrong")) == (400, "invalid_client")
    assert exchange(server, "authorization_code", code=code).status_code == 200


def test_requests_to_the_authorization_server_are_recorded(server: DemoPortal) -> None:
    pair = tokens(server)
    server.requests.clear()
    exchange(server, "refresh_token", "POST", refresh_token=pair["refresh_token"])
    exchange(server, "refresh_token", refresh_token=pair["refresh_token"])
    found = [(request.method, request.path, request.status) for request in server.requests]
    assert found == [("POST", "/oauth/token/", 200), ("GET", "/oauth/token/", 400)]
    assert server.requests[0].body == {**CLIENT, "grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
