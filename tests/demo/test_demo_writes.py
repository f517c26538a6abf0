"""The gateway of the demo portal: records are created, changed and deleted one by one and in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .demo_client import Client, column, sql
from .rest_asking import ask

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = "2026-07-15T09:00:00.000Z"
READONLY = {"X-Api-Key": "vibe_api_demo_readonly"}
TABLES = {
    "deals": "deals",
    "leads": "leads",
    "contacts": "contacts",
    "companies": "companies",
    "quotes": "quotes",
    "invoices": "invoices",
    "items/174": "items_174",
    "items/1038": "items_1038",
    "tasks": "tasks",
    "products": "products",
    "timelines": "timelines",
}
NAMES = {"contacts": "name", "products": "name", "timelines": "comment"}
ENTITIES = pytest.mark.parametrize("path", TABLES)
DEAL = {"entityType": "deal", "entityId": 5}


def content(path: str, text: str) -> dict[str, Any]:
    """What a new record of this entity cannot do without."""
    return {NAMES.get(path, "title"): text, **(DEAL if path == "timelines" else {})}


def named(client: Client, path: str) -> list[tuple[int, str]]:
    """The records that the tests made."""
    name = NAMES.get(path, "title")
    return sql(client.portal, f"SELECT id, {name} FROM {TABLES[path]} WHERE {name} LIKE 'w%' ORDER BY id")


def batched(path: str, action: str, key: object = None, **params: Any) -> dict[str, Any]:
    """A call of `/v1/batch`."""
    entity, _, number = path.partition("/")
    given = {**params, "entityTypeId": int(number)} if number else params
    return {"entity": entity, "action": action, "entityId": key, "params": given}


def parts(record: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(record[name] for name in names)


def stored(client: Client, path: str, number: int) -> list[tuple[Any, ...]]:
    return sql(client.portal, f"SELECT * FROM {TABLES[path]} WHERE id = ?", number)


def create(client: Client, path: str, **body: Any) -> dict[str, Any]:
    response = client.send("POST", f"/v1/{path}", body)
    assert response.status_code == 201, response.text
    return response.json()["data"]


def update(client: Client, path: str, number: int, **body: Any) -> dict[str, Any]:
    response = client.send("PATCH", f"/v1/{path}/{number}", body)
    assert response.status_code == 200, response.text
    return response.json()["data"]


@ENTITIES
def test_a_record_is_created_changed_and_deleted(own: Client, path: str) -> None:
    name, highest = NAMES.get(path, "title"), column(own.portal, f"SELECT MAX(id) FROM {TABLES[path]}")[0]

    created = create(own, path, **content(path, "w1"))
    number = created["id"]
    changed = update(own, path, number, **{name: "w2"})
    read = own.get(f"/v1/{path}/{number}")["data"]
    deleted = own.send("DELETE", f"/v1/{path}/{number}")

    assert (number, created[name]) == (highest + 1, "w1")
    assert changed == read == {**created, name: "w2"}
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert named(own, path) == []
    assert own.send("DELETE", f"/v1/{path}/{number}").status_code in (404, 422)


@ENTITIES
def test_a_batch_of_calls_creates_changes_and_deletes(own: Client, path: str) -> None:
    name = NAMES.get(path, "title")

    def batch(*calls: dict[str, Any]) -> dict[str, Any]:
        data = own.post("/v1/batch", {"calls": list(calls)})["data"]
        assert data["errors"] == {}
        return data["results"]

    created = batch(*(batched(path, "create", **content(path, f"w{place}")) for place in range(3)))
    numbers = [created[str(place)]["id"] for place in range(3)]
    changed = batch(batched(path, "update", numbers[0], **{name: "w9"}), batched(path, "delete", numbers[1]))

    assert (changed["0"][name], changed["1"]) == ("w9", True)
    assert named(own, path) == [(numbers[0], "w9"), (numbers[2], "w2")]


@ENTITIES
def test_a_batch_of_records_creates_changes_and_deletes(own: Client, path: str) -> None:
    name = NAMES.get(path, "title")

    def batch(**body: Any) -> list[dict[str, Any]]:
        results = own.post(f"/v1/{path}/batch", body)["data"]["results"]
        assert all(result["success"] for result in results), results
        return results

    created = batch(action="create", items=[content(path, f"w{place}") for place in range(60)])
    numbers = [result["id"] for result in created]
    changed = batch(action="update", items=[{"id": number, name: "w"} for number in numbers[:55]])
    deleted = batch(action="delete", ids=numbers[1:])

    assert [result["data"][name] for result in changed] == ["w"] * 55
    assert [result["id"] for result in deleted] == numbers[1:]
    assert named(own, path) == [(numbers[0], "w")]


@ENTITIES
def test_a_number_is_given_once_through_either_door(own: Client, path: str) -> None:
    first, second = (create(own, path, **content(path, text))["id"] for text in ("w1", "w2"))
    own.post(f"/v1/{path}/batch", {"action": "delete", "ids": [second, first]})

    assert create(own, path, **content(path, "w3"))["id"] == second + 1 == first + 2


def test_a_number_that_rest_gave_is_not_given_by_the_gateway(own: Client) -> None:
    item = ask(own.portal, "crm.item.add", entityTypeId=2, fields={})["result"]["item"]["id"]
    ask(own.portal, "crm.item.delete", entityTypeId=2, id=item)

    assert create(own, "deals", title="w")["id"] == item + 1


def test_numbers_of_product_rows_and_types_are_given_once_too(own: Client) -> None:
    row = {"productId": 1, "price": 1, "quantity": 1}
    before = own.send("PUT", "/v1/deals/5/products", {"items": [row, row]}).json()["data"]
    after = own.send("PUT", "/v1/deals/5/products", {"items": [row]}).json()["data"]
    first = create(own, "smart-processes", title="w1")
    own.send("DELETE", f"/v1/smart-processes/{first['entityTypeId']}")
    second = create(own, "smart-processes", title="w2")

    assert after[0]["id"] == before[1]["id"] + 1
    assert parts(second, "id", "entityTypeId") == (first["id"] + 1, first["entityTypeId"] + 2)


def test_product_rows_stay_when_one_of_the_new_ones_is_wrong(own: Client) -> None:
    rows = [{"productId": 1, "price": 1, "quantity": 1}]
    own.send("PUT", "/v1/deals/5/products", {"items": rows})
    before = own.get("/v1/deals/5/products")["data"]

    refused = own.code("PUT", "/v1/deals/5/products", {"items": [*rows, {"productId": 2}]})

    assert refused == (400, "VALIDATION_ERROR")
    assert own.get("/v1/deals/5/products")["data"] == before


@pytest.mark.parametrize(
    "path", ["deals", "leads", "contacts", "companies", "quotes", "invoices", "items/174", "tasks"]
)
def test_nothing_is_saved_when_nothing_changed(own: Client, path: str) -> None:
    record, row = own.get(f"/v1/{path}/5")["data"], stored(own, path, 5)
    same = {name: value for name, value in record.items() if name != "UF_CRM_1700000014"}

    assert update(own, path, 5, **same) == record
    assert update(own, path, 5) == record
    assert stored(own, path, 5) == row


def test_a_second_contact_stays_while_the_first_is_the_same(own: Client) -> None:
    number = column(own.portal, "SELECT id FROM deals WHERE json_array_length(contactIds) = 2 LIMIT 1")[0]
    before = own.get(f"/v1/deals/{number}")["data"]

    same = update(own, "deals", number, contactId=before["contactId"], comments="новый")
    other = update(own, "deals", number, contactId=3)

    assert parts(same, "contactId", "contactIds") == parts(before, "contactId", "contactIds")
    assert parts(other, "contactId", "contactIds") == (3, [3])


def test_a_real_change_is_dated_and_signed(own: Client) -> None:
    before = own.get("/v1/deals/5")["data"]

    after = own.send("PATCH", "/v1/deals/5", {"comments": "новый"}, headers={"X-Api-Key": "vibe_api_demo_user"})

    assert after.json()["data"] == {**before, "comments": "новый", "updatedAt": NOW, "updatedBy": 57}


def test_a_new_deal_has_the_dates_that_the_portal_plans(own: Client) -> None:
    deal = create(own, "deals", title="w")
    won = create(own, "deals", title="w", stageId="WON", closedAt="2026-12-01")

    assert parts(deal, "begindate", "closedAt") == ("2026-07-15T00:00:00.000Z", "2026-07-22T00:00:00.000Z")
    assert parts(won, "closed", "closedAt", "stageSemanticId") == (True, "2026-07-15T00:00:00.000Z", "S")


def test_a_move_to_another_funnel_begins_at_its_first_stage(own: Client) -> None:
    deal = create(own, "deals", title="w", stageId="EXECUTING")["id"]

    moved = update(own, "deals", deal, categoryId=5)
    history = own.get(f"/v1/stage-history?entityType=deal&ownerId={deal}")["data"]

    assert parts(moved, "categoryId", "stageId", "previousStageId", "movedTime") == (5, "C5:NEW", "EXECUTING", NOW)
    assert [parts(row, "typeId", "stageId", "categoryId") for row in history] == [
        (1, "EXECUTING", 0),
        (5, "C5:NEW", 5),
    ]


def test_a_task_knows_when_it_was_finished(own: Client) -> None:
    task = create(own, "tasks", title="w")["id"]

    finished, renewed = update(own, "tasks", task, status=5), update(own, "tasks", task, status=3)

    assert (finished["closedDate"], renewed["closedDate"]) == (NOW, None)


@pytest.mark.parametrize("path", ["leads", "contacts", "companies"])
def test_phones_and_mails_are_written_in_two_forms(own: Client, path: str) -> None:
    first = create(
        own,
        path,
        **content(path, "w"),
        phone=[{"value": "+79160000001", "typeId": "WORK"}, {"value": "+79160000002", "typeId": "MOBILE"}],
        email=[{"VALUE": "a@w.example", "VALUE_TYPE": "HOME"}],
    )
    second = update(
        own,
        path,
        first["id"],
        phone=[{"VALUE": "+79160000002", "VALUE_TYPE": "MOBILE"}, {"value": "+79160000003"}, {"value": ""}],
        email=[],
    )
    numbers = {entry["VALUE"]: entry["ID"] for entry in (*first["phone"], *first["email"], *second["phone"])}

    assert [parts(entry, "VALUE", "VALUE_TYPE") for entry in (*first["phone"], *first["email"])] == [
        ("+79160000001", "WORK"),
        ("+79160000002", "MOBILE"),
        ("a@w.example", "HOME"),
    ]
    assert [parts(entry, "VALUE", "VALUE_TYPE") for entry in second["phone"]] == [
        ("+79160000002", "MOBILE"),
        ("+79160000003", "WORK"),
    ]
    assert second["phone"][0]["ID"] == first["phone"][1]["ID"]
    assert len(set(numbers.values())) == len(numbers) == 4
    assert second["email"] == []


def test_values_are_read_as_they_were_written(own: Client) -> None:
    sent: dict[str, Any] = {
        "amount": 1500.5,
        "opened": False,
        "probability": 40,
        "observers": [57, 5],
        "originatorId": "quiz",
        "originId": "answer-1",
        "UF_CRM_1700000001": "203",
        "UF_CRM_1700000002": 12.25,
        "UF_CRM_1700000003": "1500.50|RUB",
        "UF_CRM_1700000004": ["301", "304"],
        "UF_CRM_1700000006": 57,
        "UF_CRM_1700000007": "2024-04-19",
        "UF_CRM_1700000008": "2026-02-03T21:30:00",
        "UF_CRM_1700000009": True,
    }

    deal = create(own, "deals", title="w", **sent)
    cleared = update(
        own, "deals", deal["id"], UF_CRM_1700000004=[], UF_CRM_1700000001=None, observers=[], contactId=None
    )
    contract = create(own, "items/174", ufCrm3_1700000101="502", ufCrm3_1700000107=[511, "513"], xmlId="x")

    expected = {**sent, "UF_CRM_1700000008": "2026-02-03T18:30:00.000Z"}
    assert {name: deal[name] for name in sent} == expected
    assert parts(cleared, "UF_CRM_1700000004", "UF_CRM_1700000001", "observers", "contactId", "contactIds") == (
        [],
        None,
        [],
        0,
        [],
    )
    assert parts(contract, "ufCrm3_1700000101", "ufCrm3_1700000107", "xmlId") == (502, [511, 513], "x")
    assert contract["title"] == f"Contracts #{contract['id']}"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("deals", {"stageId": "C7:NEW"}, 422, "BITRIX_ERROR"),
        ("deals", {"stageId": "WON", "categoryId": 5}, 422, "BITRIX_ERROR"),
        ("deals", {"categoryId": 99}, 422, "BITRIX_ERROR"),
        ("items/174", {"categoryId": 41}, 422, "BITRIX_ERROR"),
        ("items/174", {"stageId": "NEW"}, 422, "BITRIX_ERROR"),
        ("leads", {"statusId": "WON"}, 422, "BITRIX_ERROR"),
        ("quotes", {"stageId": "WON"}, 422, "BITRIX_ERROR"),
        ("invoices", {"stageId": "DT31_4:N"}, 422, "BITRIX_ERROR"),
        ("deals", {"UF_CRM_1700000001": "999"}, 422, "BITRIX_ERROR"),
        ("deals", {"UF_CRM_1700000004": ["301", "202"]}, 422, "BITRIX_ERROR"),
        ("deals", {"UF_CRM_1700000004": "301"}, 422, "BITRIX_ERROR"),
        ("deals", {"UF_CRM_1700000004": None}, 422, "BITRIX_ERROR"),
        ("items/174", {"ufCrm3_1700000107": [511, 501]}, 422, "BITRIX_ERROR"),
        ("contacts", {"assignedById": 9_999}, 422, "BITRIX_ERROR"),
        ("deals", {"observers": [57, 9_999]}, 422, "BITRIX_ERROR"),
        ("deals", {"UF_CRM_1700000006": 9_999}, 422, "BITRIX_ERROR"),
        ("tasks", {"responsibleId": 9_999}, 422, "BITRIX_ERROR"),
        ("deals", {"UF_CRM_1700000003": "1500.50"}, 400, "INVALID_REQUEST"),
        ("deals", {"UF_CRM_1700000007": "soon"}, 400, "INVALID_REQUEST"),
        ("deals", {"UF_CRM_1700000008": "2026-13-01T00:00:00"}, 400, "INVALID_REQUEST"),
        ("deals", {"UF_CRM_1700000009": "maybe"}, 400, "INVALID_REQUEST"),
        ("deals", {"UF_CRM_1700000014": ["a.pdf", "QQ=="]}, 400, "INVALID_REQUEST"),
        ("deals", {"probability": 1.5}, 400, "INVALID_REQUEST"),
        ("deals", {"amount": "inf"}, 400, "INVALID_REQUEST"),
        ("deals", {"amount": [1]}, 400, "INVALID_REQUEST"),
        ("deals", {"colour": 1}, 400, "INVALID_REQUEST"),
        ("contacts", {"phone": "+7"}, 400, "INVALID_REQUEST"),
        ("contacts", {"phone": ["+7"]}, 400, "INVALID_REQUEST"),
        ("contacts", {"phone": [{"value": ["+7"]}]}, 400, "INVALID_REQUEST"),
    ],
)
def test_a_value_that_the_field_does_not_take_is_refused_and_nothing_is_saved(
    own: Client, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    before = column(own.portal, f"SELECT COUNT(*) FROM {TABLES[path]}"), stored(own, path, 5)

    assert own.code("POST", f"/v1/{path}", {**content(path, "w"), **body}) == (status, code)
    assert own.code("PATCH", f"/v1/{path}/5", {NAMES.get(path, "title"): "w", **body}) == (status, code)
    assert (column(own.portal, f"SELECT COUNT(*) FROM {TABLES[path]}"), stored(own, path, 5)) == before


@pytest.mark.parametrize("body", [{"entityType": "deal", "entityId": 99_999}, {"entityType": "2", "entityId": 5}])
def test_a_comment_needs_a_record(client: Client, body: dict[str, Any]) -> None:
    assert client.code("POST", "/v1/timelines", {**body, "comment": "w"}) == (422, "BITRIX_ERROR")


@ENTITIES
def test_a_read_only_key_writes_nowhere(client: Client, path: str) -> None:
    name, body = NAMES.get(path, "title"), content(path, "w")
    requests: list[tuple[str, str, Any]] = [
        ("POST", f"/v1/{path}", body),
        ("PATCH", f"/v1/{path}/5", {name: "w"}),
        ("DELETE", f"/v1/{path}/5", None),
        ("POST", f"/v1/{path}/batch", {"action": "create", "items": [body]}),
        ("POST", f"/v1/{path}/batch", {"action": "update", "items": [{"id": 5, name: "w"}]}),
        ("POST", f"/v1/{path}/batch", {"action": "delete", "ids": [5]}),
    ]
    calls = [
        batched(path, "create", **body),
        batched(path, "update", 5, **{name: "w"}),
        batched(path, "delete", 5),
        batched("deals", "get", 5),
    ]

    refused = [client.code(*request, key=READONLY["X-Api-Key"]) for request in requests]
    batch = client.send("POST", "/v1/batch", {"calls": calls}, headers=READONLY).json()["data"]

    assert refused == [(403, "WRITE_BLOCKED")] * 6
    assert {name: error["code"] for name, error in batch["errors"].items()} == dict.fromkeys("012", "WRITE_BLOCKED")
    assert batch["summary"] == {"total": 4, "succeeded": 1, "failed": 3}
    assert named(client, path) == []


def test_a_workflow_that_is_killed_takes_its_tasks_along(own: Client) -> None:
    terminated, killed = column(own.portal, "SELECT DISTINCT WORKFLOW_ID FROM bizproc_tasks ORDER BY ID LIMIT 2")

    statuses = [
        own.send("DELETE", f"/v1/workflows/{terminated}").status_code,
        own.send("DELETE", f"/v1/workflows/{killed}?force=true").status_code,
    ]

    assert statuses == [204, 204]
    assert column(
        own.portal, "SELECT DISTINCT WORKFLOW_ID FROM bizproc_tasks WHERE WORKFLOW_ID IN (?, ?)", terminated, killed
    ) == [terminated]
