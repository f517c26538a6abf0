"""Every entity answers on its routes; the special ones keep their peculiarities; writes are stored."""

from __future__ import annotations

import httpx
import pytest

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.schemas import Registry

from .demo_client import Client, column, sql

_NEEDS = {
    "calendar-events": "type=user&ownerId=1",
    "files": "folderId=10",
    "timelines": "filter[entityType]=deal&filter[entityId]=1",
}
_LISTED = [entity for entity in Registry() if "L" in entity.ops]


@pytest.mark.parametrize("path", [entity.path for entity in _LISTED])
def test_every_entity_lists_searches_describes_and_counts(client: Client, path: str) -> None:
    entity = Registry()[path]
    needs = _NEEDS.get(path, "")
    body = {"filter": {"entityType": "deal", "entityId": 1}} if path == "timelines" else {}
    body |= {"type": "user", "ownerId": 1} if path == "calendar-events" else {}
    body |= {"folderId": 10} if path == "files" else {}

    assert client.get(f"/v1/{path}?{needs}")["success"] is True
    assert client.search(path, **body)["success"] is True
    if "A" in entity.ops:
        assert client.post(f"/v1/{path}/aggregate", body)["data"]["count"] >= 0
    if "F" in entity.ops:
        assert client.get(f"/v1/{path}/fields")["success"] is True


@pytest.mark.parametrize(
    ("path", "code"),
    [("calendar-events", "MISSING_PARAMS"), ("files", "MISSING_PARAMS"), ("timelines", "MISSING_REQUIRED_FILTER")],
)
def test_some_lists_need_an_owner(client: Client, path: str, code: str) -> None:
    assert client.code("GET", f"/v1/{path}") == (400, code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nowhere", 404, "NOT_FOUND"),
        ("GET", "/v1/deals/search", 400, "INVALID_PARAMS"),
        ("GET", "/v1/deals/999999", 404, "ENTITY_NOT_FOUND"),
        ("GET", "/v1/items/174/999999", 404, "NOT_FOUND"),
        ("DELETE", "/v1/items/174/999999", 404, "ENTITY_NOT_FOUND"),
        ("GET", "/v1/items/2", 400, "RESERVED_ENTITY_TYPE"),
        ("DELETE", "/v1/items/2/1", 400, "INVALID_DYNAMIC_PARAM"),
        ("GET", "/v1/items/zero", 400, "INVALID_DYNAMIC_PARAM"),
        ("GET", "/v1/items/9999", 404, "ENTITY_NOT_FOUND"),
        ("GET", "/v1/smart-processes/9999", 404, "ENTITY_NOT_FOUND"),
        ("DELETE", "/v1/smart-processes/9999", 404, "SMART_PROCESS_NOT_FOUND"),
        ("DELETE", "/v1/smart-processes/174", 422, "BITRIX_ERROR"),
        ("GET", "/v1/statuses/9999", 404, "NOT_FOUND"),
        ("GET", "/v1/bizproc-templates/1", 404, "NOT_FOUND"),
        ("GET", "/v1/timelines/999999", 422, "BITRIX_ERROR"),
        ("GET", "/v1/timelines?filter[entityType]=2&filter[entityId]=1", 422, "BITRIX_ERROR"),
        ("PUT", "/v1/deals", 404, "NOT_FOUND"),
    ],
)
def test_a_path_that_leads_nowhere_has_the_documented_code(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    assert client.code(method, path) == (status, code)


def test_a_body_that_is_not_json_is_refused(client: Client) -> None:
    response = httpx.post(
        client.portal.url + "/v1/deals/search", content=b"{", headers={"X-Api-Key": "vibe_api_demo"}, trust_env=False
    )

    assert (response.status_code, response.json()["error"]["code"]) == (400, "INVALID_REQUEST")


def test_funnels_are_listed_for_every_type(client: Client) -> None:
    assert [(row["id"], row["name"], row["isDefault"]) for row in client.get("/v1/categories/174")["data"]] == [
        (8, "General", True),
        (9, "Renewals", False),
    ]
    assert client.get("/v1/categories/1038")["data"] == []
    assert [row["id"] for row in client.get("/v1/deal-categories?order[sort]=asc")["data"]] == [0, 5, 7]


def test_a_switch_hides_the_default_funnel() -> None:
    with DemoPortal.start(deals=300, limits=False, deal_category_zero=False) as portal, Client(portal) as client:
        assert [row["id"] for row in client.get("/v1/deal-categories")["data"]] == [5, 7]


def test_workflows_come_fifty_at_a_time_newest_first(client: Client, portal: DemoPortal) -> None:
    expected = column(portal, "SELECT ID FROM workflows ORDER BY MODIFIED DESC, ID")

    pages = [client.get(f"/v1/workflows?offset={offset}&limit=5000&filter[ID]=1") for offset in (0, 50, 100)]

    assert [row["ID"] for page in pages for row in page["data"]] == expected
    assert [(page["meta"]["total"], page["meta"]["hasMore"]) for page in pages] == [
        (140, True),
        (140, True),
        (140, False),
    ]
    assert set(pages[0]["data"][0]) == {
        "ID",
        "MODIFIED",
        "OWNED_UNTIL",
        "MODULE_ID",
        "ENTITY",
        "DOCUMENT_ID",
        "STARTED",
        "STARTED_BY",
        "TEMPLATE_ID",
    }
    assert pages[0]["data"][0]["MODIFIED"].endswith("+03:00")


def test_workflows_are_narrowed_by_template_and_starter(client: Client, portal: DemoPortal) -> None:
    expected = column(portal, "SELECT COUNT(*) FROM workflows WHERE TEMPLATE_ID = '57' AND STARTED_BY = '0'")

    assert [client.get("/v1/workflows?templateId=57&startedBy=0")["meta"]["total"]] == expected


def test_a_switch_sends_documents_as_lists() -> None:
    with DemoPortal.start(deals=300, limits=False, workflow_document_list=True) as portal, Client(portal) as client:
        row = client.get("/v1/workflows?templateId=57")["data"][0]

    assert row["DOCUMENT_ID"][:2] == ["crm", "CCrmDocumentDeal"]


def test_a_workflow_starts_and_ends(own: Client) -> None:
    body = {"templateId": 12, "entityType": "deal", "entityId": 5}
    started = own.send("POST", "/v1/workflows/start", body)
    workflow = started.json()["data"]["workflowId"]
    row = sql(own.portal, "SELECT DOCUMENT_ID, STARTED_BY FROM workflows WHERE ID = ?", workflow)

    assert (started.status_code, row) == (201, [("DEAL_5", "1")])
    assert own.send("DELETE", f"/v1/workflows/{workflow}?force=true").status_code == 204
    assert own.code("DELETE", f"/v1/workflows/{workflow}") == (404, "ENTITY_NOT_FOUND")
    assert own.code("POST", "/v1/workflows/start", {"templateId": 12}) == (400, "MISSING_PARAMS")


def test_a_deal_is_created_moved_and_deleted_with_its_history(own: Client) -> None:
    created = own.send("POST", "/v1/deals", {"title": "Новая", "amount": "150000.5", "observers": [57], "createdBy": 9})
    deal = created.json()["data"]
    moved = own.send("PATCH", f"/v1/deals/{deal['id']}", {"stageId": "WON"}).json()["data"]
    history = own.get(f"/v1/stage-history?entityType=deal&ownerId={deal['id']}")["data"]

    assert created.status_code == 201
    assert (deal["stageId"], deal["amount"], deal["observers"], deal["createdBy"]) == ("NEW", 150000.5, [57], 1)
    assert deal["createdAt"] == "2026-07-15T09:00:00.000Z"
    assert (moved["stageSemanticId"], moved["closed"], moved["previousStageId"]) == ("S", True, "NEW")
    assert [(row["typeId"], row["stageId"]) for row in history] == [(1, "NEW"), (3, "WON")]
    deleted = own.send("DELETE", f"/v1/deals/{deal['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert own.code("GET", f"/v1/deals/{deal['id']}") == (404, "ENTITY_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/deals", {"amount": 1}, 400, "VALIDATION_ERROR"),
        ("POST", "/v1/deals", {"title": "x", "colour": 1}, 400, "INVALID_REQUEST"),
        ("POST", "/v1/deals", {"title": "x", "amount": "much"}, 400, "INVALID_REQUEST"),
        ("POST", "/v1/deals", {"title": "x", "stageId": "C5:NEW"}, 422, "BITRIX_ERROR"),
        ("POST", "/v1/timelines", {"entityType": "deal", "entityId": 1, "comment": ""}, 422, "BITRIX_ERROR"),
        ("POST", "/v1/statuses", {"entityId": "SOURCE", "statusId": "CALL", "name": "x"}, 422, "BITRIX_ERROR"),
        ("PATCH", "/v1/users/5", {"isAdmin": True}, 400, "READONLY_FIELD"),
        ("DELETE", "/v1/users/x", None, 400, "INVALID_ID"),
    ],
)
def test_a_wrong_write_is_refused(client: Client, method: str, path: str, body: object, status: int, code: str) -> None:
    assert client.code(method, path, body) == (status, code)


def test_a_type_made_through_the_api_takes_items_and_goes_when_empty(own: Client) -> None:
    number = own.post("/v1/smart-processes", {"title": "Рекламации"})["data"]["entityTypeId"]
    item = own.post(f"/v1/items/{number}", {"title": "x"})["data"]["id"]

    assert own.code("DELETE", f"/v1/smart-processes/{number}") == (422, "BITRIX_ERROR")
    assert own.send("DELETE", f"/v1/items/{number}/{item}").status_code == 204
    assert own.send("DELETE", f"/v1/smart-processes/{number}").status_code == 204
    assert own.code("GET", f"/v1/items/{number}") == (404, "ENTITY_NOT_FOUND")


def test_product_rows_are_replaced_as_a_whole(own: Client) -> None:
    rows = own.send("PUT", "/v1/deals/5/products", {"items": [{"productId": 1, "price": 10, "quantity": 2}]})
    listed = own.get("/v1/deals/5/products")["data"]

    assert rows.status_code == 200
    assert [(row["productId"], row["price"], row["quantity"]) for row in listed] == [(1, 10, 2)]
    changed = own.send("PATCH", f"/v1/deals/5/products/{listed[0]['id']}", {"quantity": 3}).json()["data"]
    assert changed["quantity"] == 3
    assert own.send("DELETE", f"/v1/deals/5/products/{listed[0]['id']}").status_code == 204
    assert own.get("/v1/deals/5/products")["data"] == []


def test_deleting_a_user_only_deactivates(own: Client) -> None:
    data = own.send("DELETE", "/v1/users/5").json()["data"]

    assert (data["id"], data["active"], data["deactivated"]) == (5, False, True)
    assert column(own.portal, "SELECT active FROM users WHERE id = 5") == [0]


def test_comments_belong_to_their_task_and_their_record(own: Client) -> None:
    task = own.post("/v1/tasks/5/comments", {"message": "готово"})["data"]
    comment = own.post("/v1/timelines", {"entityType": "DYNAMIC_174", "entityId": 1, "comment": "x"})["data"]
    log = own.send("POST", "/v1/timeline-logs", {"entityTypeId": 2, "entityId": 5, "title": "a", "text": "b"})

    assert task["id"] in [row["id"] for row in own.get("/v1/tasks/5/comments")["data"]]
    assert (comment["entityType"], comment["authorId"]) == ("dynamic_174", 1)
    assert log.status_code == 201


def test_raw_names_are_passed_through_in_filters(client: Client, portal: DemoPortal) -> None:
    expected = column(portal, "SELECT COUNT(*) FROM tasks WHERE status IN (2, 3)")

    answer = client.get("/v1/tasks?filter[REAL_STATUS][]=2&filter[REAL_STATUS][]=3")

    assert [answer["total"]] == expected
