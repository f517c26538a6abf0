"""REST of the demo portal: workflows are started and ended, and their tasks completed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bitrix24_mcp.demo import DemoPortal

from .demo_client import column, sql
from .rest_asking import CRM_ADMIN, SELLER, ask, refused
from .test_rest_oauth import CALLBACK, call, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASS = "Bitrix\\Crm\\Integration\\BizProc\\Document\\"
KINDS = [
    "ApproveActivity",
    "ReviewActivity",
    "RequestInformationActivity",
    "RequestInformationOptionalActivity",
]
FIELDS = {"contractor": "ООО «Мост»", "until": "2026-08-01"}
MISMATCH = "Template type and DOCUMENT_ID mismatch!"


@pytest.fixture
def open_portal() -> Iterator[DemoPortal]:
    """A portal that lets the application in."""
    with DemoPortal.start(deals=300, limits=False) as running:
        running.register_application(CALLBACK)
        yield running


def answer(portal: DemoPortal, method: str, webhook: str = "1/demo-admin", **params: Any) -> Any:
    return ask(portal, method, webhook, **params)["result"]


def running(portal: DemoPortal) -> list[str]:
    return column(portal, "SELECT ID FROM workflows ORDER BY ID")


def waiting(portal: DemoPortal, kind: str, comment: str = "N", user: int = 1) -> int:
    """The first task of this kind that waits for the user and needs this of a comment."""
    return column(
        portal,
        "SELECT ID FROM bizproc_tasks WHERE ACTIVITY = ? AND USER_ID = ? AND USER_STATUS = 0"
        " AND json_extract(PARAMETERS, '$.CommentRequired') = ? ORDER BY ID",
        kind,
        user,
        comment,
    )[0]


@pytest.mark.parametrize(
    ("template", "document"),
    [
        (1, ["crm", "CCrmDocumentLead", "LEAD_5"]),
        (12, ["crm", "CCrmDocumentDeal", "DEAL_5"]),
        (101, ["crm", "CCrmDocumentContact", "CONTACT_5"]),
        (140, ["crm", "CCrmDocumentCompany", "COMPANY_5"]),
        (212, ["crm", CLASS + "Quote", "QUOTE_5"]),
        (301, ["crm", CLASS + "SmartInvoice", "SMART_INVOICE_5"]),
        (713, ["crm", CLASS + "Dynamic", "DYNAMIC_174_5"]),
        (802, ["lists", "BizprocDocument", "777"]),
    ],
)
def test_a_workflow_starts_on_a_document_of_every_kind(
    own_portal: DemoPortal, template: int, document: list[str]
) -> None:
    workflow = answer(
        own_portal,
        "bizproc.workflow.start",
        TEMPLATE_ID=template,
        DOCUMENT_ID=document,
        PARAMETERS={"resp_employee": "user_14"},
    )
    listed = answer(own_portal, "bizproc.workflow.instances", select=["*"], filter={"ID": workflow})

    assert listed == [
        {
            "ID": workflow,
            "MODIFIED": "2026-07-15T12:00:00+03:00",
            "OWNED_UNTIL": None,
            "MODULE_ID": document[0],
            "ENTITY": document[1],
            "DOCUMENT_ID": document[2],
            "STARTED": "2026-07-15T12:00:00+03:00",
            "STARTED_BY": "1",
            "TEMPLATE_ID": str(template),
        }
    ]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, ("ERROR_WRONG_WORKFLOW_ID", "Empty TEMPLATE_ID")),
        ({"TEMPLATE_ID": 9_999}, ("ERROR_WRONG_WORKFLOW_ID", "Template not found")),
        ({"TEMPLATE_ID": 12}, ("", "Wrong DOCUMENT_ID!")),
        ({"TEMPLATE_ID": 12, "DOCUMENT_ID": "DEAL_5"}, ("", "Wrong DOCUMENT_ID!")),
        ({"TEMPLATE_ID": 12, "DOCUMENT_ID": ["crm", "CCrmDocumentDeal"]}, ("", "Wrong DOCUMENT_ID!")),
        ({"TEMPLATE_ID": 12, "DOCUMENT_ID": ["crm", "CCrmDocumentDeal", "DEAL_99999"]}, ("", "Wrong DOCUMENT_ID!")),
        ({"TEMPLATE_ID": 12, "DOCUMENT_ID": ["crm", "CCrmDocumentDeal", "LEAD_5"]}, ("", "Incorrect document type!")),
        ({"TEMPLATE_ID": 12, "DOCUMENT_ID": ["crm", "CCrmDocumentOrder", "1"]}, ("", "Incorrect document type!")),
        ({"TEMPLATE_ID": 12, "DOCUMENT_ID": ["crm", "CCrmDocumentLead", "LEAD_5"]}, ("", MISMATCH)),
        ({"TEMPLATE_ID": 713, "DOCUMENT_ID": ["crm", CLASS + "Dynamic", "DYNAMIC_156_5"]}, ("", MISMATCH)),
    ],
)
def test_a_workflow_does_not_start_on_anything_else(
    portal: DemoPortal, params: dict[str, Any], error: tuple[str, str]
) -> None:
    before = running(portal)

    assert refused(portal, "bizproc.workflow.start", **params) == (400, *error)
    assert running(portal) == before


def test_a_killed_workflow_takes_its_tasks_along_and_a_terminated_one_leaves_them(own_portal: DemoPortal) -> None:
    terminated, killed = column(own_portal, "SELECT DISTINCT WORKFLOW_ID FROM bizproc_tasks ORDER BY ID LIMIT 2")

    answers = [
        answer(own_portal, "bizproc.workflow.terminate", ID=terminated, STATUS="Остановлен"),
        answer(own_portal, "bizproc.workflow.kill", ID=killed),
    ]

    assert answers == [True, True]
    assert {terminated, killed}.isdisjoint(running(own_portal))
    assert column(
        own_portal,
        "SELECT DISTINCT WORKFLOW_ID FROM bizproc_tasks WHERE WORKFLOW_ID IN (?, ?)",
        terminated,
        killed,
    ) == [terminated]
    task = waiting(own_portal, KINDS[0])
    assert refused(own_portal, "bizproc.task.complete", TASK_ID=task, STATUS=1) == (
        400,
        "ERROR_TASK_EXECUTION",
        "The workflow does not run any more",
    )


@pytest.mark.parametrize("verb", ["terminate", "kill"])
def test_what_does_not_run_cannot_be_ended(own_portal: DemoPortal, verb: str) -> None:
    method, workflow = f"bizproc.workflow.{verb}", running(own_portal)[0]
    answer(own_portal, method, ID=workflow)

    assert refused(own_portal, method, ID=workflow) == (400, "ERROR_WRONG_WORKFLOW_ID", "Workflow instance not found")
    assert refused(own_portal, method) == (400, "ERROR_WRONG_WORKFLOW_ID", "Empty workflow instance ID")


@pytest.mark.parametrize("verb", ["start", "terminate", "kill"])
def test_workflows_are_for_portal_administrators(portal: DemoPortal, verb: str) -> None:
    assert refused(portal, f"bizproc.workflow.{verb}", CRM_ADMIN, ID="x") == (403, "ACCESS_DENIED", "Access denied!")
    assert refused(portal, f"bizproc.workflow.{verb}", SELLER, ID="x")[:2] == (401, "insufficient_scope")


def test_an_id_of_a_workflow_is_given_once(own_portal: DemoPortal) -> None:
    start: dict[str, Any] = {"TEMPLATE_ID": 12, "DOCUMENT_ID": ["crm", "CCrmDocumentDeal", "DEAL_5"]}
    first = answer(own_portal, "bizproc.workflow.start", **start)
    answer(own_portal, "bizproc.workflow.kill", ID=first)
    gateway = httpx.post(
        f"{own_portal.url}/v1/workflows/start",
        json={"templateId": 12, "entityType": "deal", "entityId": 5},
        headers={"X-Api-Key": "vibe_api_demo"},
        trust_env=False,
    ).json()["data"]["workflowId"]

    assert len({first, gateway, answer(own_portal, "bizproc.workflow.start", **start)}) == 3


def test_forty_tasks_of_four_kinds_belong_to_running_workflows(portal: DemoPortal) -> None:
    rows = sql(
        portal,
        """SELECT ACTIVITY, COUNT(*), SUM(USER_ID = 1), SUM(USER_ID = 57), SUM(USER_STATUS > 0), SUM(STATUS > 0)
           FROM bizproc_tasks JOIN workflows USING (ENTITY, DOCUMENT_ID, MODULE_ID)
           WHERE workflows.ID = bizproc_tasks.WORKFLOW_ID GROUP BY 1""",
    )

    assert rows == [(kind, 10, 3, 3, 2, 2) for kind in sorted(KINDS)]
    assert column(portal, "SELECT COUNT(*) FROM bizproc_tasks WHERE USER_ID NOT IN (SELECT id FROM users)") == [0]


def test_tasks_come_with_seven_fields_and_on_request_with_all(portal: DemoPortal) -> None:
    defaults = answer(portal, "bizproc.task.list")
    one = answer(portal, "bizproc.task.list", SELECT=["*"], FILTER={"ID": 1405}, ORDER={"ID": "DESC"})[0]

    assert len(defaults) == 40
    assert list(defaults[0]) == [
        "ENTITY",
        "DOCUMENT_ID",
        "ID",
        "WORKFLOW_ID",
        "DOCUMENT_NAME",
        "NAME",
        "DOCUMENT_URL",
    ]
    assert list(one) == [info[1] for info in sql(portal, "PRAGMA table_info(bizproc_tasks)")]
    assert (one["ID"], one["USER_ID"], one["STATUS"], one["USER_STATUS"]) == ("1405", "1", "0", "0")
    assert [(field["Id"], field["Type"], field["Required"]) for field in one["PARAMETERS"]["Fields"]] == [
        ("contractor", "string", True),
        ("amount", "double", False),
        ("until", "date", True),
        ("urgency", "select", False),
    ]


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"USER_ID": 57}, "USER_ID = 57"),
        ({"user_id": 1, "STATUS": 0}, "USER_ID = 1 AND STATUS = 0"),
        ({"!USER_STATUS": 0}, "USER_STATUS <> 0"),
        ({"!=ACTIVITY": "ReviewActivity", ">=ID": 1441}, "ACTIVITY <> 'ReviewActivity' AND ID >= 1441"),
        ({"ENTITY": "CCrmDocumentDeal", "=MODULE_ID": "crm"}, "ENTITY = 'CCrmDocumentDeal'"),
    ],
)
def test_tasks_are_filtered_by_their_fields(portal: DemoPortal, given: dict[str, Any], condition: str) -> None:
    expected = column(portal, f"SELECT ID FROM bizproc_tasks WHERE {condition} ORDER BY ID")

    found = ask(portal, "bizproc.task.list", select=["ID"], filter=given, order={"ID": "asc"})

    assert [int(row["ID"]) for row in found["result"]] == expected != []
    assert found["total"] == len(expected)


@pytest.mark.parametrize("select", ["ID", ["ID", "COLOUR"]])
def test_an_unknown_field_cannot_be_selected(portal: DemoPortal, select: object) -> None:
    assert refused(portal, "bizproc.task.list", select=select) == (
        400,
        "ERROR_SELECT_VALIDATION_FAILURE",
        "Invalid data in SELECT parameter",
    )


def test_others_see_their_own_tasks_and_those_of_their_people(open_portal: DemoPortal) -> None:
    """User 2 heads the sales department, in which user 57 works."""
    token = tokens(open_portal, "57")["access_token"]
    own = column(open_portal, "SELECT ID FROM bizproc_tasks WHERE USER_ID = 57 ORDER BY ID")

    mine = call(open_portal, "bizproc.task.list", token, select=["ID"], filter={"!ID": 0})
    named = call(open_portal, "bizproc.task.list", token, select=["ID"], filter={"USER_ID": 57})
    closed = call(open_portal, "bizproc.task.list", token, filter={"USER_ID": 1})
    people = answer(open_portal, "bizproc.task.list", CRM_ADMIN, select=["ID"], filter={"USER_ID": 57})

    expected = [{"ID": str(number)} for number in own]
    assert mine == named == (200, {"result": expected, "total": 12})
    assert closed == (400, {"error": "ACCESS_DENIED", "error_description": "Access denied!"})
    assert people == expected
    assert answer(open_portal, "bizproc.task.list", CRM_ADMIN) == []


@pytest.mark.parametrize(
    ("kind", "comment", "given", "status"),
    [
        (KINDS[0], "N", {"STATUS": 1}, 1),
        (KINDS[0], "N", {"STATUS": "no"}, 2),
        (KINDS[0], "YA", {"STATUS": "no"}, 2),
        (KINDS[0], "YA", {"STATUS": 1, "COMMENT": "в пределах бюджета"}, 1),
        (KINDS[1], "N", {"STATUS": "ok"}, 3),
        (KINDS[2], "N", {"STATUS": 3, "FIELDS": FIELDS}, 3),
        (KINDS[2], "N", {"STATUS": 3, "FIELDS": {**FIELDS, "amount": "1.5", "urgency": "high", "colour": 1}}, 3),
        (KINDS[3], "N", {"STATUS": "cancel"}, 2),
    ],
)
def test_a_task_is_completed_once(
    own_portal: DemoPortal, kind: str, comment: str, given: dict[str, Any], status: int
) -> None:
    task = waiting(own_portal, kind, comment)

    assert answer(own_portal, "bizproc.task.complete", TASK_ID=task, **given) is True
    assert sql(own_portal, "SELECT STATUS, USER_STATUS, MODIFIED FROM bizproc_tasks WHERE ID = ?", task) == [
        (status, status, "2026-07-15T09:00:00Z")
    ]
    assert refused(own_portal, "bizproc.task.complete", TASK_ID=task, **given) == (
        400,
        "ERROR_TASK_COMPLETED",
        "Task already completed",
    )


@pytest.mark.parametrize(
    ("kind", "comment", "given", "error"),
    [
        (KINDS[0], "N", {}, ("ERROR_TASK_VALIDATION", "incorrect STATUS")),
        (KINDS[0], "N", {"STATUS": 3}, ("ERROR_TASK_VALIDATION", "incorrect STATUS")),
        (KINDS[0], "N", {"STATUS": "maybe"}, ("ERROR_TASK_VALIDATION", "incorrect STATUS")),
        (KINDS[1], "N", {"STATUS": 1}, ("ERROR_TASK_VALIDATION", "incorrect STATUS")),
        (KINDS[2], "N", {"STATUS": 4}, ("ERROR_TASK_VALIDATION", "incorrect STATUS")),
        (KINDS[0], "YA", {"STATUS": 1}, ("ERROR_TASK_EXECUTION", 'The field "Комментарий" is required.')),
        (KINDS[2], "N", {"STATUS": 3}, ("ERROR_TASK_EXECUTION", 'The field "Исполнитель работ" is required.')),
        (
            KINDS[3],
            "N",
            {"STATUS": 3, "FIELDS": {"contractor": "x"}},
            ("ERROR_TASK_EXECUTION", 'The field "Срок" is required.'),
        ),
        (
            KINDS[3],
            "N",
            {"STATUS": 3, "FIELDS": {**FIELDS, "amount": "much"}},
            ("ERROR_TASK_EXECUTION", 'The field "Сумма" has an invalid value.'),
        ),
        (
            KINDS[3],
            "N",
            {"STATUS": 3, "FIELDS": {**FIELDS, "urgency": "never"}},
            ("ERROR_TASK_EXECUTION", 'The field "Срочность" has an invalid value.'),
        ),
    ],
)
def test_an_answer_that_the_task_does_not_take_completes_nothing(
    own_portal: DemoPortal, kind: str, comment: str, given: dict[str, Any], error: tuple[str, str]
) -> None:
    task = waiting(own_portal, kind, comment)

    assert refused(own_portal, "bizproc.task.complete", TASK_ID=task, **given) == (400, *error)
    assert column(own_portal, "SELECT USER_STATUS FROM bizproc_tasks WHERE ID = ?", task) == [0]


def test_a_comment_is_needed_where_the_task_says_so(open_portal: DemoPortal) -> None:
    """User 57 has tasks that need one always, and one that needs it for a rejection."""
    token = tokens(open_portal, "57")["access_token"]
    always, rejected = waiting(open_portal, KINDS[1], "Y", 57), waiting(open_portal, KINDS[0], "YR", 57)
    needed = {"error": "ERROR_TASK_EXECUTION", "error_description": 'The field "Комментарий" is required.'}

    assert call(open_portal, "bizproc.task.complete", token, TASK_ID=always, STATUS=3) == (400, needed)
    assert call(open_portal, "bizproc.task.complete", token, TASK_ID=rejected, STATUS=2) == (400, needed)
    assert call(open_portal, "bizproc.task.complete", token, TASK_ID=rejected, STATUS=1)[0] == 200
    assert call(open_portal, "bizproc.task.complete", token, TASK_ID=always, STATUS=3, COMMENT="x")[0] == 200


def test_only_ones_own_tasks_are_completed(own_portal: DemoPortal) -> None:
    foreign = waiting(own_portal, KINDS[1], "Y", 57)
    missing = (400, "ERROR_TASK_NOT_FOUND", "Task not found")

    assert refused(own_portal, "bizproc.task.complete", TASK_ID=foreign, STATUS=3, COMMENT="x") == missing
    assert refused(own_portal, "bizproc.task.complete", TASK_ID=99_999, STATUS=3) == missing
    assert refused(own_portal, "bizproc.task.complete", STATUS=3) == (400, "ERROR_TASK_VALIDATION", "empty TASK_ID")
