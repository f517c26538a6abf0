"""Who may do what with which key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .demo_client import Client

_APP = {"X-Api-Key": "vibe_app_demo"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "MISSING_API_KEY"),
        ({"X-Api-Key": "vibe_api_unknown"}, 401, "INVALID_API_KEY"),
        ({"X-Api-Key": "vibe_api_demo_expired"}, 401, "KEY_EXPIRED"),
        ({"X-Api-Key": "vibe_api_demo_inactive"}, 401, "KEY_INACTIVE"),
        ({"X-Api-Key": "vibe_live_demo"}, 403, "MANAGEMENT_KEY_NO_ENTITY_ACCESS"),
        ({"X-Api-Key": "vibe_api_demo_noscope"}, 403, "SCOPE_DENIED"),
        (_APP, 401, "TOKEN_MISSING"),
        (_APP | {"Authorization": "Bearer vibe_session_other"}, 401, "INVALID_SESSION"),
    ],
)
def test_a_key_that_may_not_read_deals_is_refused(
    client: Client, headers: dict[str, str], status: int, code: str
) -> None:
    response = client.send("GET", "/v1/deals", headers=headers)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": "vibe_api_demo"},
        {"X-Api-Key": "vibe_api_demo_readonly"},
        {"X-Api-Key": "vibe_api_demo_user"},
        {"Authorization": "Bearer vibe_api_demo"},
        _APP | {"Authorization": "Bearer vibe_session_demo"},
    ],
)
def test_a_key_that_may_read_deals_reads_them(client: Client, headers: dict[str, str]) -> None:
    assert client.send("GET", "/v1/deals?limit=1", headers=headers).status_code == 200


def test_an_app_key_reads_about_itself_without_a_session(client: Client) -> None:
    data = client.send("GET", "/v1/me", headers=_APP).json()["data"]

    assert (data["type"], data["app"]) == ("oauth_app", {"title": "Demo app", "id": 1})


def test_a_missing_scope_is_named(client: Client) -> None:
    response = client.send("GET", "/v1/deals", headers={"X-Api-Key": "vibe_api_demo_noscope"})

    assert response.json() == {
        "success": False,
        "error": {"code": "SCOPE_DENIED", "message": "This endpoint requires 'crm' scope"},
    }
    assert client.send("GET", "/v1/users?limit=1", headers={"X-Api-Key": "vibe_api_demo_noscope"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "blocked"),
    [
        ("POST", "/v1/deals", {"title": "x"}, "crm.deal.add"),
        ("PATCH", "/v1/items/174/1", {"title": "x"}, "crm.item.update"),
        ("DELETE", "/v1/tasks/1", None, "tasks.task.delete"),
        ("POST", "/v1/deals/batch", {"action": "delete", "ids": [1]}, "crm.deal.delete"),
        ("POST", "/v1/workflows/start", {}, "bizproc.workflow.start"),
        ("PUT", "/v1/deals/1/products", {"items": []}, "crm.item.productrow.set"),
    ],
)
def test_a_read_only_key_cannot_write_and_learns_what_was_blocked(
    client: Client, method: str, path: str, body: object, blocked: str
) -> None:
    response = client.send(method, path, body, headers={"X-Api-Key": "vibe_api_demo_readonly"})

    assert response.status_code == 403
    assert response.json()["error"] == {
        "code": "WRITE_BLOCKED",
        "message": f"Key is in READONLY mode: call to {blocked} is blocked",
    }


def test_a_read_only_key_searches_and_counts(client: Client) -> None:
    headers = {"X-Api-Key": "vibe_api_demo_readonly"}

    assert client.send("POST", "/v1/deals/search", {}, headers=headers).status_code == 200
    assert client.send("POST", "/v1/deals/aggregate", {}, headers=headers).status_code == 200
    assert client.send("GET", "/v1/me", headers=headers).json()["data"]["accessMode"] == "READONLY"


def test_workflows_are_for_administrators(client: Client) -> None:
    assert client.code("GET", "/v1/workflows", key="vibe_api_demo_user") == (403, "BITRIX_ACCESS_DENIED")
    assert client.code("PATCH", "/v1/users/5", {"name": "x"}, key="vibe_api_demo_user") == (403, "UPDATE_FAILED")
