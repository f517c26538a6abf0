"""Several calls in one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import Fault

from .demo_client import column

if TYPE_CHECKING:
    from .demo_client import Client

_UNKNOWN = {
    "code": "UNKNOWN_ENTITY",
    "message": 'Unknown entity "foobar". Check GET /v1/guide for available entities.',
}


def test_a_batch_answers_each_call_under_its_id(client: Client) -> None:
    calls = [
        {"id": "deals", "entity": "deals", "action": "list", "params": {"limit": 2, "select": "id"}},
        {"entity": "users", "action": "get", "entityId": 57},
        {"id": "x", "entity": "foobar", "action": "list"},
        {"id": "one", "entity": "deals", "action": "get", "entityId": 1, "params": {"include": ["company"]}},
        {
            "id": "found",
            "entity": "items",
            "action": "search",
            "params": {"entityTypeId": 174, "filter": {"id": 1}, "select": ["id"]},
        },
    ]

    data = client.post("/v1/batch", {"calls": calls})["data"]

    assert data["results"]["deals"] == [{"id": 1}, {"id": 2}]
    assert [row["id"] for row in data["results"]["1"]] == [57]
    assert data["results"]["one"]["_included"]
    assert data["results"]["found"] == [{"id": 1}]
    assert data["errors"] == {"x": _UNKNOWN}
    assert data["totals"] == {"deals": 300, "found": 1}
    assert data["meta"]["deals"] == {"total": 300, "returned": 2, "hasMore": True, "truncated": False}
    assert data["summary"] == {"total": 5, "succeeded": 4, "failed": 1}


def test_each_wrong_call_has_its_own_code(client: Client) -> None:
    calls = [
        {"id": "a", "entity": "deals", "action": "aggregate"},
        {"id": "b", "entity": "deals", "action": "get"},
        {"id": "c", "entity": "items", "action": "list"},
        {"id": "d", "entity": "items", "action": "list", "params": {"entityTypeId": 2}},
        {"id": "e", "entity": "items", "action": "list", "params": {"entityTypeId": "x"}},
        {"id": "f", "entity": "task-comments", "action": "list"},
        {"id": "g", "action": "list"},
        {"id": "h", "entity": "deals", "action": "get", "entityId": 999999},
        {"id": "i", "entity": "deals", "action": "list", "params": {"filter": {"colour": 1}}},
    ]

    errors = client.post("/v1/batch", {"calls": calls})["data"]["errors"]

    assert {name: error["code"] for name, error in errors.items()} == {
        "a": "ACTION_NOT_SUPPORTED",
        "b": "MISSING_ENTITY_ID",
        "c": "MISSING_DYNAMIC_PARAM",
        "d": "USE_DEDICATED_ENTITY",
        "e": "INVALID_DYNAMIC_PARAM",
        "f": "ENTITY_CUSTOM_ROUTES",
        "g": "INVALID_CALL",
        "h": "ENTITY_NOT_FOUND",
        "i": "INVALID_FILTER_FIELD",
    }


def test_a_batch_of_nothing_but_wrong_calls_is_refused(client: Client) -> None:
    response = client.send("POST", "/v1/batch", {"calls": [{"id": "x", "entity": "foobar", "action": "list"}]})

    assert response.status_code == 400
    assert response.json() == {
        "success": False,
        "error": {"code": "INVALID_REQUEST", "message": "All calls in the batch failed validation"},
        "data": {"errors": {"x": _UNKNOWN}},
    }


def test_a_batch_has_one_to_fifty_calls(client: Client) -> None:
    call = {"entity": "deals", "action": "list"}

    assert client.code("POST", "/v1/batch", {"calls": []}) == (400, "INVALID_REQUEST")
    assert client.code("POST", "/v1/batch", {"calls": [call] * 51}) == (400, "INVALID_REQUEST")


def test_scopes_and_read_only_keys_hold_inside_a_batch(client: Client) -> None:
    create = {"id": "c", "entity": "deals", "action": "create", "params": {"title": "x"}}
    read = {"id": "r", "entity": "deals", "action": "get", "entityId": 1}
    readonly = client.send(
        "POST", "/v1/batch", {"calls": [create, read]}, headers={"X-Api-Key": "vibe_api_demo_readonly"}
    ).json()["data"]

    assert (readonly["errors"]["c"]["code"], readonly["summary"]["succeeded"]) == ("WRITE_BLOCKED", 1)
    assert client.code("POST", "/v1/batch", {"calls": [read]}, key="vibe_api_demo_noscope") == (
        403,
        "SCOPE_NOT_ALLOWED",
    )


def test_an_entity_batch_reports_every_record(own: Client) -> None:
    created = own.post("/v1/deals/batch", {"action": "create", "items": [{"title": "a"}, {"amount": 1}]})["data"]
    number = created["results"][0]["id"]
    updated = own.post("/v1/deals/batch", {"action": "update", "items": [{"id": number, "title": "b"}]})["data"]
    titles = column(own.portal, "SELECT title FROM deals WHERE id = ?", number)
    deleted = own.post("/v1/deals/batch", {"action": "delete", "ids": [number, 999_999]})["data"]

    assert created["summary"] == {"total": 2, "succeeded": 1, "failed": 1}
    assert created["results"][1]["error"] == {"code": "VALIDATION_ERROR", "message": "fields.title: Required"}
    assert (updated["results"][0]["data"]["title"], titles) == ("b", ["b"])
    assert [result["success"] for result in deleted["results"]] == [True, False]


def test_an_entity_batch_has_at_most_five_hundred_records(client: Client) -> None:
    body = {"action": "delete", "ids": list(range(10_000, 10_501))}

    assert client.code("POST", "/v1/deals/batch", body) == (400, "INVALID_REQUEST")


def test_a_partial_failure_hits_every_second_call(own: Client) -> None:
    own.portal.inject(Fault("partial_batch", times=2))
    calls = [{"entity": "deals", "action": "get", "entityId": 1}] * 4

    data = own.post("/v1/batch", {"calls": calls})["data"]
    records = own.post("/v1/deals/batch", {"action": "create", "items": [{"title": "a"}] * 3})["data"]

    assert (set(data["results"]), set(data["errors"])) == ({"0", "2"}, {"1", "3"})
    assert [result["success"] for result in records["results"]] == [True, False, True]
