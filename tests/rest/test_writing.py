"""Changes over REST: the calls that ask for them, and what answers say of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from typing import Any, cast

import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.portal_changes import Action, Change, Outcome
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.writing.writer import RestWriter

BASE = "https://portal.example/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=BASE)]

DEALS, CONTACTS, TASKS = BY_NAME["deals"], BY_NAME["contacts"], BY_NAME["tasks"]
COMPANIES, PRODUCTS, TIMELINES, INVOICES = (
    BY_NAME[name] for name in ("companies", "products", "timelines", "invoices")
)
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
Json = dict[str, Any]
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "id": {"type": "integer", "isReadOnly": True},
    "title": {"type": "string"},
    "opportunity": {"type": "double"},
    "currencyId": {"type": "crm_currency"},
    "categoryId": {"type": "crm_category"},
    "stageId": {"type": "crm_status"},
    "companyId": {"type": "crm_company"},
    "contactIds": {"type": "crm_contact", "isMultiple": True},
    "observers": {"type": "user", "isMultiple": True},
    "opened": {"type": "boolean"},
    "begindate": {"type": "date"},
    "closedate": {"type": "date"},
    "movedTime": {"type": "datetime"},
    "typeId": {"type": "crm_status"},
    "comments": {"type": "text"},
    "name": {"type": "string"},
    "fm": {"type": "crm_multifield", "isMultiple": True},
    "ufCrm_1": {"type": "enumeration", "upperName": "UF_CRM_1"},
    "ufCrm_2": {"type": "enumeration", "upperName": "UF_CRM_2", "isMultiple": True},
    "ufCrm_3": {"type": "boolean", "upperName": "UF_CRM_3"},
    "ufCrm_4": {"type": "datetime", "upperName": "UF_CRM_4"},
    "ufCrm_5": {"type": "double", "upperName": "UF_CRM_5"},
    "ufCrm_6": {"type": "date", "upperName": "UF_CRM_6"},
    "ufCrmFloor": {"type": "string", "upperName": "UF_CRM_FLOOR"},
}


@pytest.fixture
def writer(client: RestClient) -> Writer:
    """A writer to a portal that writes moments three hours ahead of UTC."""
    client.offset = timezone(timedelta(hours=3))
    return RestWriter(client)


def result(told: Any) -> httpx.Response:
    return httpx.Response(200, json={"result": told})


def described(router: respx.MockRouter) -> None:
    router.post("/crm.item.fields").mock(return_value=result({"fields": FIELDS}))


def asked_of(router: respx.MockRouter) -> list[tuple[str, Any]]:
    """Every method with its parameters, without those that read fields."""
    requests = [call.request for call in cast("Sequence[respx.models.Call]", list(router.calls))]
    asked = [(each.url.path.rpartition("/")[2], json.loads(each.content)) for each in requests]
    return [each for each in asked if not each[0].lower().endswith("fields")]


VALUES: Mapping[str, tuple[str, Any, str, Any]] = {
    "text": ("title", "Ёлка", "title", "Ёлка"),
    "money": ("amount", 7.5, "opportunity", 7.5),
    "currency": ("currency", "RUB", "currencyId", "RUB"),
    "truth": ("opened", False, "opened", "N"),
    "truth of a user field": ("UF_CRM_3", True, "ufCrm_3", 1),
    "day": ("closedAt", "2026-07-01", "closedate", "2026-07-01"),
    "day as the gateway writes it": ("begindate", "2026-07-01T00:00:00.000Z", "begindate", "2026-07-01"),
    "day of a user field": ("UF_CRM_6", "2026-07-01T00:00:00+03:00", "ufCrm_6", "2026-07-01"),
    "moment": ("UF_CRM_4", "2026-07-01T09:00:00Z", "ufCrm_4", "2026-07-01T12:00:00+03:00"),
    "moment without an offset": ("UF_CRM_4", "2026-07-01T09:00:00", "ufCrm_4", "2026-07-01T09:00:00"),
    "choice": ("UF_CRM_1", "202", "ufCrm_1", "202"),
    "choices": ("UF_CRM_2", ["301", "302"], "ufCrm_2", ["301", "302"]),
    "one of several": ("UF_CRM_2", "301", "ufCrm_2", ["301"]),
    "people": ("observers", [1, 5], "observers", [1, 5]),
    "user field named by a word": ("UF_CRM_FLOOR", "3", "ufCrmFloor", "3"),
    "funnel": ("categoryId", 3, "categoryId", 3),
    "no text": ("comments", None, "comments", ""),
    "no day": ("closedAt", None, "closedate", ""),
    "no moment": ("UF_CRM_4", None, "ufCrm_4", ""),
    "no choice": ("UF_CRM_1", None, "ufCrm_1", ""),
    "no type": ("typeId", None, "typeId", ""),
    "no link": ("companyId", None, "companyId", 0),
    "no money": ("amount", "", "opportunity", 0),
    "no number in a user field": ("UF_CRM_5", None, "ufCrm_5", ""),
    "no truth": ("opened", None, "opened", "N"),
    "no truth in a user field": ("UF_CRM_3", None, "ufCrm_3", ""),
    "no people": ("observers", None, "observers", ""),
    "nobody": ("observers", [], "observers", ""),
    "no contacts": ("contactIds", None, "contactIds", []),
}


@pytest.mark.parametrize(("name", "value", "theirs", "sent"), VALUES.values(), ids=VALUES)
async def test_values_are_written_in_the_forms_that_fields_take(
    name: str, value: Any, theirs: str, sent: Any, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    described(respx_mock)
    respx_mock.post("/crm.item.update").mock(return_value=result({"item": {"id": 9}}))

    assert await writer.send([Change("update", DEALS, id=9, values={name: value})]) == [Outcome("done")]
    assert asked_of(respx_mock) == [("crm.item.update", {"entityTypeId": 2, "id": 9, "fields": {theirs: sent}})]


HELD = [
    {"ID": "11", "VALUE": "+7 916", "VALUE_TYPE": "WORK", "TYPE_ID": "PHONE"},
    {"ID": "12", "VALUE": "+7 495", "VALUE_TYPE": "WORK", "TYPE_ID": "PHONE"},
]


def phone(value: str, kind: str = "WORK") -> Json:
    return {"typeId": "PHONE", "valueType": kind, "value": value}


PHONES: Mapping[str, tuple[Sequence[Json], Mapping[str, Json] | None]] = {
    "the same": ([{"VALUE": "+7 495"}, {"VALUE": "+7 916", "VALUE_TYPE": "WORK"}], None),
    "one more": (
        [*HELD, {"VALUE": "+7 1", "VALUE_TYPE": "HOME"}, {"VALUE": "+7 2"}],
        {"n0": phone("+7 1", "HOME"), "n1": phone("+7 2")},
    ),
    "one less": (HELD[1:], {"11": {"typeId": "PHONE", "value": ""}}),
    "none": ([], {"11": {"typeId": "PHONE", "value": ""}, "12": {"typeId": "PHONE", "value": ""}}),
    "of another kind": ([HELD[0], {"VALUE": "+7 495", "VALUE_TYPE": "MOBILE"}], {"12": phone("+7 495", "MOBILE")}),
    "another": ([HELD[0], {"VALUE": "+7 1"}], {"12": {"typeId": "PHONE", "value": ""}, "n0": phone("+7 1")}),
    "twice the same": ([*HELD, HELD[0]], {"n0": phone("+7 916")}),
}


@pytest.mark.parametrize(("wanted", "told"), PHONES.values(), ids=PHONES)
async def test_phones_become_the_wanted_ones(
    wanted: Sequence[Json], told: Mapping[str, Json] | None, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    """What is there already is not named, what goes is emptied under its id, what is new has a key of its own."""
    described(respx_mock)
    respx_mock.post("/crm.item.update").mock(return_value=result({"item": {"id": 9}}))
    values = {"name": "Ann", "phone": list(wanted)}
    await writer.send([Change("update", CONTACTS, id=9, values=values, before={"id": 9, "phone": HELD})])
    fields = {"name": "Ann"} if told is None else {"name": "Ann", "fm": told}

    assert asked_of(respx_mock) == [("crm.item.update", {"entityTypeId": 3, "id": 9, "fields": fields})]


ALONE: Mapping[str, tuple[Change, Any, tuple[str, Any], Outcome]] = {
    "create a deal": (
        Change("create", DEALS, values={"title": "A", "amount": 5, "categoryId": 3, "stageId": "C3:NEW"}),
        {"item": {"id": 9, "title": "A", "opportunity": 5, "ufCrm_3": "Y"}},
        (
            "crm.item.add",
            {
                "entityTypeId": 2,
                "fields": {"title": "A", "opportunity": 5, "categoryId": 3, "stageId": "C3:NEW"},
            },
        ),
        Outcome("done", id=9, record={"id": 9, "title": "A", "amount": 5, "UF_CRM_3": True}),
    ),
    "create a company": (
        Change(
            "create",
            COMPANIES,
            values={"title": "A", "phone": [{"VALUE": "+7 1"}], "web": [{"VALUE": "a.example", "VALUE_TYPE": "HOME"}]},
        ),
        {"item": {"id": 9}},
        (
            "crm.item.add",
            {
                "entityTypeId": 4,
                "fields": {
                    "title": "A",
                    "fm": [
                        {"typeId": "PHONE", "valueType": "WORK", "value": "+7 1"},
                        {"typeId": "WEB", "valueType": "HOME", "value": "a.example"},
                    ],
                },
            },
        ),
        Outcome("done", id=9),
    ),
    "move a deal": (
        Change("update", DEALS, id=9, values={"categoryId": 3, "stageId": "C3:NEW"}),
        {"item": {"id": 9, "categoryId": 3}},
        ("crm.item.update", {"entityTypeId": 2, "id": 9, "fields": {"categoryId": 3, "stageId": "C3:NEW"}}),
        Outcome("done", record={"id": 9, "categoryId": 3}),
    ),
    "change an item": (
        Change("update", CONTRACTS, id=9, values={"ufCrm_2": ["301"]}),
        {"item": {"id": 9, "ufCrm_2": ["301"]}},
        ("crm.item.update", {"entityTypeId": 174, "id": 9, "fields": {"ufCrm_2": ["301"]}}),
        Outcome("done", record={"id": 9, "ufCrm_2": [301]}),
    ),
    "empty a user field of several values": (
        Change("update", DEALS, id=9, values={"UF_CRM_2": []}),
        True,
        ("crm.deal.update", {"id": 9, "fields": {"UF_CRM_2": []}}),
        Outcome("done"),
    ),
    "delete": (
        Change("delete", CONTRACTS, id=9),
        [],
        ("crm.item.delete", {"entityTypeId": 174, "id": 9}),
        Outcome("done"),
    ),
    "create a task": (
        Change("create", TASKS, values={"title": "A", "responsibleId": 5, "deadline": None, "UF_CRM_TASK": ["D_9"]}),
        {"task": {"id": "7", "title": "A", "status": "2", "deadline": None}},
        (
            "tasks.task.add",
            {"fields": {"TITLE": "A", "RESPONSIBLE_ID": 5, "DEADLINE": "", "UF_CRM_TASK": ["D_9"]}},
        ),
        Outcome("done", id=7, record={"id": 7, "title": "A", "status": 2, "deadline": None}),
    ),
    "create a task that is not shown": (
        Change("create", TASKS, values={"title": "A"}),
        {"task": {"id": 7}},
        ("tasks.task.add", {"fields": {"TITLE": "A"}}),
        Outcome("done", id=7),
    ),
    "change a task": (
        Change(
            "update",
            TASKS,
            id=7,
            values={"status": 5, "deadline": "2026-07-01T09:00:00Z", "groupId": None, "allowTimeTracking": True},
        ),
        {"task": {"id": "7"}},
        (
            "tasks.task.update",
            {
                "taskId": 7,
                "fields": {
                    "STATUS": 5,
                    "DEADLINE": "2026-07-01T12:00:00+03:00",
                    "GROUP_ID": 0,
                    "ALLOW_TIME_TRACKING": "Y",
                },
            },
        ),
        Outcome("done"),
    ),
    "delete a task": (
        Change("delete", TASKS, id=7),
        {"task": True},
        ("tasks.task.delete", {"taskId": 7}),
        Outcome("done"),
    ),
    "create a product": (
        Change("create", PRODUCTS, values={"name": "A", "price": 5, "currency": "RUB", "active": True}),
        77,
        ("crm.product.add", {"fields": {"NAME": "A", "PRICE": 5, "CURRENCY_ID": "RUB", "ACTIVE": "Y"}}),
        Outcome("done", id=77),
    ),
    "change a product": (
        Change("update", PRODUCTS, id=77, values={"price": 6}),
        True,
        ("crm.product.update", {"id": 77, "fields": {"PRICE": 6}}),
        Outcome("done"),
    ),
    "comment": (
        Change("create", TIMELINES, values={"entityType": "DYNAMIC_174", "entityId": 3, "comment": "Hm"}),
        "88",
        (
            "crm.timeline.comment.add",
            {"fields": {"ENTITY_TYPE": "dynamic_174", "ENTITY_ID": 3, "COMMENT": "Hm"}},
        ),
        Outcome("done", id=88),
    ),
    "change a comment": (
        Change("update", TIMELINES, id=88, values={"comment": "Oh"}),
        88,
        ("crm.timeline.comment.update", {"id": 88, "fields": {"COMMENT": "Oh"}}),
        Outcome("done"),
    ),
    "delete a comment": (
        Change("delete", TIMELINES, id=88),
        True,
        ("crm.timeline.comment.delete", {"id": 88}),
        Outcome("done"),
    ),
    "start": (
        Change("start", DEALS, id=15, values={"templateId": 12, "parameters": {"Approver": "user_1"}}),
        "66e8.5",
        (
            "bizproc.workflow.start",
            {
                "TEMPLATE_ID": 12,
                "DOCUMENT_ID": ["crm", "CCrmDocumentDeal", "DEAL_15"],
                "PARAMETERS": {"Approver": "user_1"},
            },
        ),
        Outcome("done", id="66e8.5"),
    ),
    "start on an item": (
        Change("start", CONTRACTS, id=5, values={"templateId": 12, "parameters": {}}),
        "66e8.5",
        (
            "bizproc.workflow.start",
            {
                "TEMPLATE_ID": 12,
                "DOCUMENT_ID": ["crm", "Bitrix\\Crm\\Integration\\BizProc\\Document\\Dynamic", "DYNAMIC_174_5"],
            },
        ),
        Outcome("done", id="66e8.5"),
    ),
    "start on an invoice": (
        Change("start", INVOICES, id=5, values={"templateId": 12}),
        "66e8.5",
        (
            "bizproc.workflow.start",
            {
                "TEMPLATE_ID": 12,
                "DOCUMENT_ID": ["crm", "Bitrix\\Crm\\Integration\\BizProc\\Document\\SmartInvoice", "SMART_INVOICE_5"],
            },
        ),
        Outcome("done", id="66e8.5"),
    ),
    "terminate": (
        Change("terminate", DEALS, id="66e8.5", values={"forced": False, "status": "no more"}),
        True,
        ("bizproc.workflow.terminate", {"ID": "66e8.5", "STATUS": "no more"}),
        Outcome("done"),
    ),
    "kill": (
        Change("terminate", DEALS, id="66e8.5", values={"forced": True, "status": "no more"}),
        True,
        ("bizproc.workflow.kill", {"ID": "66e8.5"}),
        Outcome("done"),
    ),
    "complete": (
        Change("complete", DEALS, id=31, values={"status": 1, "comment": "Fine", "fields": {"sum": 5}}),
        True,
        ("bizproc.task.complete", {"TASK_ID": 31, "STATUS": 1, "COMMENT": "Fine", "FIELDS": {"sum": 5}}),
        Outcome("done"),
    ),
    "complete without a word": (
        Change("complete", DEALS, id=31, values={"status": 3, "comment": "", "fields": {}}),
        True,
        ("bizproc.task.complete", {"TASK_ID": 31, "STATUS": 3}),
        Outcome("done"),
    ),
}


@pytest.mark.respx(base_url=BASE, assert_all_called=False)
@pytest.mark.parametrize(("change", "told", "asked", "outcome"), ALONE.values(), ids=ALONE)
async def test_one_change_is_one_call(
    change: Change,
    told: Any,
    asked: tuple[str, Any],
    outcome: Outcome,
    writer: Writer,
    respx_mock: respx.MockRouter,
) -> None:
    described(respx_mock)
    respx_mock.post(f"/{asked[0]}").mock(return_value=result(told))

    assert await writer.send([change]) == [outcome]
    assert asked_of(respx_mock) == [asked]


async def test_several_changes_are_one_batch(writer: Writer, respx_mock: respx.MockRouter) -> None:
    described(respx_mock)
    answers: Json = {
        "result": {"c0": {"item": {"id": 3, "title": "Ё&+"}}, "c1": {"item": {"id": 4}}},
        "result_error": [],
    }
    respx_mock.post("/batch").mock(return_value=result(answers))
    changes = [
        Change("create", DEALS, values={"title": title, "opened": True, "UF_CRM_2": ["1", "2"]})
        for title in ("Ё&+", "B")
    ]

    assert await writer.send(changes) == [
        Outcome("done", id=3, record={"id": 3, "title": "Ё&+"}),
        Outcome("done", id=4),
    ]
    several = "fields[opened]=Y&fields[ufCrm_2][0]=1&fields[ufCrm_2][1]=2"
    assert asked_of(respx_mock) == [
        (
            "batch",
            {
                "halt": 0,
                "cmd": {
                    "c0": f"crm.item.add?entityTypeId=2&fields[title]=%D0%81%26%2B&{several}",
                    "c1": f"crm.item.add?entityTypeId=2&fields[title]=B&{several}",
                },
            },
        )
    ]


@pytest.mark.parametrize(
    "values",
    [{"title": "see $result[c0][item][id]"}, {"contactIds": []}],
    ids=["a reference", "an empty list"],
)
async def test_what_a_batch_would_distort_goes_by_itself(
    values: Mapping[str, Any], writer: Writer, respx_mock: respx.MockRouter
) -> None:
    described(respx_mock)
    respx_mock.post("/batch").mock(
        return_value=result({"result": {"c0": {"item": {"id": 1}}, "c1": {"item": {"id": 3}}}})
    )
    respx_mock.post("/crm.item.update").mock(return_value=result({"item": {"id": 2}}))
    changes = [
        Change("update", DEALS, id=1, values={"title": "A"}),
        Change("update", DEALS, id=2, values=values),
        Change("update", DEALS, id=3, values={"title": "C"}),
    ]

    assert await writer.send(changes) == [Outcome("done")] * 3
    commands = {
        f"c{place}": f"crm.item.update?entityTypeId=2&id={number}&fields[title]={title}"
        for place, number, title in ((0, 1, "A"), (1, 3, "C"))
    }
    assert asked_of(respx_mock) == [
        ("batch", {"halt": 0, "cmd": commands}),
        ("crm.item.update", {"entityTypeId": 2, "id": 2, "fields": dict(values)}),
    ]


async def test_fields_are_read_once(writer: Writer, respx_mock: respx.MockRouter) -> None:
    fields = respx_mock.post("/crm.item.fields").mock(return_value=result({"fields": FIELDS}))
    respx_mock.post("/crm.item.update").mock(return_value=result({"item": {"id": 2}}))
    for title in "AB":
        await writer.send([Change("update", DEALS, id=2, values={"title": title})])

    assert fields.call_count == 1


async def test_a_field_that_was_added_since_is_written(writer: Writer, respx_mock: respx.MockRouter) -> None:
    added = {**FIELDS, "ufCrm_9": {"type": "string", "upperName": "UF_CRM_9"}}
    respx_mock.post("/crm.item.fields").mock(side_effect=[result({"fields": FIELDS}), result({"fields": added})])
    respx_mock.post("/crm.item.update").mock(return_value=result({"item": {"id": 2}}))
    for name in ("title", "UF_CRM_9"):
        await writer.send([Change("update", DEALS, id=2, values={name: "A"})])

    assert asked_of(respx_mock)[-1] == ("crm.item.update", {"entityTypeId": 2, "id": 2, "fields": {"ufCrm_9": "A"}})


async def test_a_user_field_of_tasks_is_written_under_its_own_name(
    writer: Writer, respx_mock: respx.MockRouter
) -> None:
    fields = {"UF_AUTO_1": {"title": "Note", "type": "string"}}
    respx_mock.post("/tasks.task.getFields").mock(return_value=result({"fields": fields}))
    respx_mock.post("/tasks.task.update").mock(return_value=result({"task": {"id": "2"}}))
    await writer.send([Change("update", TASKS, id=2, values={"UF_AUTO_1": "A"})])

    assert asked_of(respx_mock) == [("tasks.task.update", {"taskId": 2, "fields": {"UF_AUTO_1": "A"}})]


async def test_a_field_that_nobody_knows_is_refused_alone(writer: Writer, respx_mock: respx.MockRouter) -> None:
    """The portal would pass over it without a word."""
    described(respx_mock)
    respx_mock.post("/crm.item.update").mock(return_value=result({"item": {"id": 2}}))
    refused, done = await writer.send(
        [Change("update", DEALS, id=1, values={"nonsense": 1}), Change("update", DEALS, id=2, values={"title": "A"})]
    )

    assert (refused.fate, refused.error and refused.error.code) == ("refused", "UNKNOWN_FIELD")
    assert done == Outcome("done")


@pytest.mark.parametrize(
    ("entity", "values", "sent"),
    [
        (DEALS, {"UF_CRM_2": None, "title": "A"}, {"title": "A"}),
        (CONTRACTS, {"ufCrm_2": []}, {"ufCrm_2": []}),
    ],
    ids=["with others", "of an item"],
)
async def test_what_the_older_methods_cannot_empty_now_is_left_or_the_portal_taken_at_its_word(
    entity: Entity, values: Mapping[str, Any], sent: Mapping[str, Any], writer: Writer, respx_mock: respx.MockRouter
) -> None:
    described(respx_mock)
    route = respx_mock.post("/crm.item.update").mock(return_value=result({"item": {"id": 1}}))
    [outcome] = await writer.send([Change("update", entity, id=1, values=values)])

    assert outcome.fate == "done"
    assert json.loads(route.calls.last.request.content)["fields"] == sent


async def test_changes_are_refused_where_fields_cannot_be_read(writer: Writer, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("/crm.item.fields").respond(401, json={"error": "insufficient_scope", "error_description": "x"})
    outcomes = await writer.send([Change("create", DEALS, values={"title": "A"})] * 2)

    assert [(each.fate, each.error and each.error.code) for each in outcomes] == [("refused", "INSUFFICIENT_SCOPE")] * 2


NO_ID: Sequence[Any] = (
    None,
    {},
    [],
    True,
    False,
    0,
    -1,
    "",
    {"item": []},
    {"item": {"id": None}},
    {"item": {"title": "A"}},
    {"item": {"id": "x"}},
)


@pytest.mark.parametrize("told", NO_ID, ids=str)
async def test_a_success_without_an_id_leaves_the_fate_open(
    told: Any, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    described(respx_mock)
    route = respx_mock.post("/crm.item.add").mock(return_value=result(told))
    [outcome] = await writer.send([Change("create", DEALS, values={"title": "A"})])

    assert (outcome.fate, outcome.id, outcome.record) == ("unknown", None, None)
    assert (outcome.error and outcome.error.code, route.call_count) == ("UNEXPECTED_ANSWER", 1)


@pytest.mark.parametrize("told", [None, {}, [], True, False, 5, ""], ids=str)
async def test_a_workflow_without_an_id_leaves_the_fate_open(
    told: Any, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/bizproc.workflow.start").mock(return_value=result(told))
    [outcome] = await writer.send([Change("start", DEALS, id=1, values={"templateId": 1})])

    assert (outcome.fate, outcome.id) == ("unknown", None)


@pytest.mark.parametrize("told", [{"item": {"id": 8, "title": "A"}}, False], ids=["another record", "no"])
async def test_an_update_that_is_answered_otherwise_leaves_the_fate_open(
    told: Any, writer: Writer, respx_mock: respx.MockRouter
) -> None:
    described(respx_mock)
    respx_mock.post("/crm.item.update").mock(return_value=result(told))
    [outcome] = await writer.send([Change("update", DEALS, id=9, values={"title": "A"})])

    assert outcome.fate == "unknown"


RECORDS = ("leads", "deals", "contacts", "companies", "quotes", "invoices", "tasks", "products", "timelines")


async def test_rest_changes_what_it_has_methods_for(writer: Writer) -> None:
    every = [*BY_NAME.values(), CONTRACTS]
    actions: Sequence[Action] = ("create", "update", "delete", "start", "terminate", "complete")
    taken = {action: {each.name for each in every if writer.takes(action, each)} for action in actions}

    assert taken == {
        "create": {*RECORDS, "174"},
        "update": {*RECORDS, "174"},
        "delete": {*RECORDS, "174"},
        "start": {"deals", "leads", "contacts", "companies", "quotes", "invoices", "174"},
        "terminate": {each.name for each in every},
        "complete": {each.name for each in every},
    }
    assert writer.changes_at_once == 50


async def test_what_is_not_offered_is_refused_unasked(writer: Writer) -> None:
    [outcome] = await writer.send([Change("create", BY_NAME["orders"], values={"price": 1})])

    assert (outcome.fate, outcome.error and outcome.error.code) == ("refused", "UNSUPPORTED_ENTITY")


async def test_nothing_to_change_asks_nothing(writer: Writer) -> None:
    assert await writer.send([]) == []
