"""The examples that Bitrix24's documentation prints for two methods are what this program sends and understands."""

import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.portal_values import Condition, Sort, Status, WorkflowPage, WorkflowQuery
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
TOKEN = "t0ken-1"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

Json = dict[str, Any]
STARTED_BY_PEOPLE = WorkflowQuery((Condition("startedBy", "gt", 0),), (Sort("started", descending=True),))
INSTANCES = WorkflowPage(
    (
        {
            "id": "66e412fdc9bd44.36306599",
            "modified": None,
            "lockedUntil": None,
            "moduleId": "crm",
            "entity": "CCrmDocumentLead",
            "documentId": "LEAD_1",
            "started": "2024-09-13T10:25:01+00:00",
            "startedBy": 0,
            "templateId": 1,
        },
        {
            "id": "658c4d3d6a2906.51542462",
            "modified": None,
            "lockedUntil": None,
            "moduleId": "crm",
            "entity": "CCrmDocumentDeal",
            "documentId": "DEAL_1633",
            "started": "2023-12-27T19:13:49+02:00",
            "startedBy": 57,
            "templateId": 212,
        },
    ),
    2,
)
STAGES = tuple(
    Status("DEAL_STAGE", code, name, sort, semantics)
    for code, name, sort, semantics in (
        ("NEW", "New", 10, ""),
        ("PREPARATION", "Document Preparation", 20, ""),
        ("PREPAYMENT_INVOICE", "Prepayment Invoice", 30, ""),
        ("EXECUTING", "In Progress", 40, ""),
        ("FINAL_INVOICE", "Final Invoice", 50, ""),
        ("WON", "Deal Won", 60, "S"),
        ("LOSE", "Deal Lost", 70, "F"),
        ("APOLOGY", "Analyzing Cause of Loss", 80, "F"),
    )
)
REFUSED = httpx.Response(400, json={"error": "", "error_description": "Access denied."})
TYPES = httpx.Response(
    200,
    json={
        "result": [
            {"ID": "SOURCE", "NAME": "Sources"},
            {
                "ID": "DEAL_STAGE",
                "NAME": "Deal stages",
                "ENTITY_TYPE_ID": 2,
                "CATEGORY_ID": 0,
                "SEMANTIC_INFO": {
                    "START_FIELD": "NEW",
                    "FINAL_SUCCESS_FIELD": "WON",
                    "FINAL_UNSUCCESS_FIELD": "LOSE",
                    "FINAL_SORT": 0,
                },
            },
        ]
    },
)


def example(method: str) -> Json:
    return cast("Json", json.loads((Path(__file__).parent / "examples" / f"{method}.json").read_text("utf-8")))


def played(case: Json) -> httpx.Response:
    return httpx.Response(case["status"], json=case["body"])


def sent(route: respx.Route) -> Json:
    assert route.call_count == 1
    return cast("Json", json.loads(route.calls.last.request.content))


def with_token(case: Json) -> Json:
    return {**case["with_token"], "auth": TOKEN}


WORKFLOWS = example("bizproc.workflow.instances")
DIRECTORY = example("crm.status.entity.items")


async def test_the_documented_request_for_workflows_is_sent_by_webhook(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """The body has the page's three parameters in the page's order, and nothing else."""
    route = respx_mock.post(f"{HOOK}/bizproc.workflow.instances").mock(played(WORKFLOWS["success"]))

    assert await RestPortal(client).workflows(STARTED_BY_PEOPLE) == INSTANCES
    assert list(sent(route)) == ["select", "order", "filter"]
    assert sent(route) == WORKFLOWS["request"]


async def test_the_documented_request_for_workflows_is_sent_with_a_token(
    application: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/rest/bizproc.workflow.instances").mock(played(WORKFLOWS["success"]))

    assert await RestPortal(application).workflows(STARTED_BY_PEOPLE) == INSTANCES
    assert sent(route) == with_token(WORKFLOWS)


async def test_the_second_page_of_workflows_begins_at_fifty(client: RestClient, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(f"{HOOK}/bizproc.workflow.instances").mock(played(WORKFLOWS["success"]))

    await RestPortal(client).workflows(WorkflowQuery(STARTED_BY_PEOPLE.conditions, STARTED_BY_PEOPLE.sort, 50))
    assert sent(route) == {**WORKFLOWS["request"], "start": 50}


async def test_the_documented_refusal_says_that_only_administrators_see_workflows(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/bizproc.workflow.instances").mock(played(WORKFLOWS["failure"]))

    with pytest.raises(PermissionRefused) as caught:
        await RestPortal(client).workflows(STARTED_BY_PEOPLE)
    assert (caught.value.message, caught.value.advice, caught.value.code) == (
        "Bitrix24 shows workflows to administrators of the portal only, and this user is none.",
        "Set a webhook that an administrator created.",
        "ACCESS_DENIED",
    )


async def test_an_account_of_no_administrator_is_told_to_connect_as_one(
    application: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/rest/bizproc.workflow.instances").mock(played(WORKFLOWS["failure"]))

    with pytest.raises(PermissionRefused) as caught:
        await RestPortal(application).workflows(STARTED_BY_PEOPLE)
    assert caught.value.advice == "Run `bitrix24-mcp connect` again as an administrator."


async def test_the_documented_request_for_a_directory_is_sent_by_webhook(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """Stages whose list is refused are read by it; the success and what stands behind it give the meanings."""
    respx_mock.post(f"{HOOK}/crm.status.list").mock(REFUSED)
    route = respx_mock.post(f"{HOOK}/crm.status.entity.items").mock(played(DIRECTORY["success"]))
    respx_mock.post(f"{HOOK}/crm.status.entity.types").mock(TYPES)

    assert await RestPortal(client).statuses("DEAL_STAGE") == STAGES
    assert sent(route) == DIRECTORY["request"]


async def test_the_documented_request_for_a_directory_is_sent_with_a_token(
    application: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/rest/crm.status.list").mock(REFUSED)
    route = respx_mock.post("/rest/crm.status.entity.items").mock(played(DIRECTORY["success"]))
    respx_mock.post("/rest/crm.status.entity.types").mock(TYPES)

    assert await RestPortal(application).statuses("DEAL_STAGE") == STAGES
    assert sent(route) == with_token(DIRECTORY)


async def test_a_directory_without_meanings_takes_that_request_alone(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{HOOK}/crm.status.entity.items").mock(played(DIRECTORY["success"]))

    assert await RestPortal(client).statuses("SOURCE") == tuple(
        Status("SOURCE", stage.code, stage.name, stage.sort, "") for stage in STAGES
    )
    assert sent(route) == {"entityId": "SOURCE"}


@pytest.mark.parametrize("slot", ["error", "error_description"])
async def test_the_documented_refusal_of_an_unknown_directory_is_an_empty_answer(
    client: RestClient, respx_mock: respx.MockRouter, slot: str
) -> None:
    """The page prints the text in the place of the code; recorded answers have it in the description."""
    failure = DIRECTORY["failure"]
    body = failure["body"] if slot == "error" else {"error": "", "error_description": failure["body"]["error"]}
    route = respx_mock.post(f"{HOOK}/crm.status.entity.items").respond(failure["status"], json=body)

    assert await RestPortal(client).statuses("NO_SUCH") == ()
    assert sent(route) == {"entityId": "NO_SUCH"}


async def test_the_demo_portal_takes_the_documented_requests(portal: DemoPortal) -> None:
    """Its answers have the fields, and the kinds of values, of the printed ones."""
    async with httpx.AsyncClient(base_url=f"{portal.url}/rest/1/demo-admin/", trust_env=False) as http:
        for case in (WORKFLOWS, DIRECTORY):
            answer = cast("Json", (await http.post(case["method"], json=case["request"])).json())
            [printed, *_] = case["success"]["body"]["result"]
            rows = cast("list[Json]", answer["result"])

            assert len(rows) >= len(STAGES)
            assert {frozenset(row) for row in rows} == {frozenset({*case["request"].get("select", printed)})}
            assert {name: {type(row[name]) for row in rows} >= {type(value)} for name, value in printed.items()} == (
                dict.fromkeys(printed, True)
            )


async def test_the_demo_portal_refuses_as_documented(portal: DemoPortal) -> None:
    """Status and code are the printed ones; of the unknown directory the text stands in the description."""
    async with httpx.AsyncClient(base_url=f"{portal.url}/rest/", trust_env=False) as http:
        refused = await http.post("2/demo-crm-admin/bizproc.workflow.instances", json=WORKFLOWS["request"])
        unknown = await http.post("1/demo-admin/crm.status.entity.items", json={"entityId": "NO_SUCH"})

    assert (refused.status_code, refused.json()["error"]) == (403, WORKFLOWS["failure"]["body"]["error"])
    assert (unknown.status_code, unknown.json()["error_description"]) == (
        DIRECTORY["failure"]["status"],
        DIRECTORY["failure"]["body"]["error"],
    )
