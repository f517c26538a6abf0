"""`run_workflow` through both doors: workflows started on records and ended, held against plain SQL."""

from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal, Fault
from previewing import done, previewed
from seen_writes import writes
from writing_assistants import Asked, Door, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
DEAL = {"action": "start", "template": "Согласование скидки", "entity": "deals", "id": 5}
KINDS = (
    "The gateway starts them on deals, leads, contacts and companies; a webhook or an account also on quotes, invoices "
    "and items of smart processes."
)


async def test_a_workflow_is_started_by_the_name_of_its_template(writing: WritingAssistant, own_sql: Sql) -> None:
    before = {number for (number,) in own_sql("select ID from workflows")}
    answer = await writing.ask("run_workflow", **DEAL, parameters={"Discount": 5})

    assert previewed(answer) == {
        "action": "start",
        "entity": "deals",
        "records": 1,
        "changes": [
            {
                "id": 5,
                "called": "Поставка: фасадная сетка — Nordic Construction Ltd",
                "after": {"templateId": 12, "parameters": {"Discount": 5}},
            }
        ],
        "notes": ["Template 12 “Согласование скидки”."],
    }
    assert {number for (number,) in own_sql("select ID from workflows")} == before

    started = await writing.ask("run_workflow", confirm=answer["confirm"])
    [number] = {number for (number,) in own_sql("select ID from workflows")} - before
    assert started == done(1, number)
    assert own_sql("select DOCUMENT_ID, TEMPLATE_ID from workflows where ID = ?", number) == [("DEAL_5", "12")]


async def test_one_that_runs_on_the_record_already_is_pointed_out(writing: WritingAssistant) -> None:
    started = await writing.write("run_workflow", **DEAL)
    answer = await writing.ask("run_workflow", **DEAL)

    assert previewed(answer)["notes"] == [
        "Template 12 “Согласование скидки”.",
        f"It runs on this record already: {started['ids'][0]}.",
    ]


async def test_a_second_start_meanwhile_voids_the_confirmation(writing: WritingAssistant, own_sql: Sql) -> None:
    first, second = [await writing.ask("run_workflow", **DEAL) for _ in range(2)]
    await writing.ask("run_workflow", confirm=first["confirm"])
    [(before,)] = own_sql("select count(*) from workflows")

    error = await writing.fail("run_workflow", confirm=second["confirm"])
    assert error == {
        "code": "CHANGED_MEANWHILE",
        "message": "Meanwhile somebody changed deals 5. Nothing was written. Call again without confirm for a new "
        "preview.",
        "candidates": ["5"],
    }
    assert own_sql("select count(*) from workflows") == [(before,)]


ENDINGS: list[tuple[Json, str, str, list[tuple[str, str]]]] = [
    ({"status": "не нужен"}, "It is ended in order and keeps what it holds.", "bizproc.workflow.terminate",
     [("status", "не нужен")]),
    ({"forced": True}, "Ended by force, it loses all that it holds.", "bizproc.workflow.kill", [("force", "true")]),
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS, ids=["in order", "forced"])
async def test_a_running_workflow_is_ended(
    ending: tuple[Json, str, str, list[tuple[str, str]]],
    writing: WritingAssistant,
    writing_door: Door,
    own_portal: DemoPortal,
    own_sql: Sql,
) -> None:
    how, note, method, query = ending
    [(number, template)] = own_sql("select ID, TEMPLATE_ID from workflows where DOCUMENT_ID = 'DEAL_526' limit 1")
    [(name,)] = own_sql("select NAME from bizproc_templates where ID = ?", template)
    answer = await writing.ask("run_workflow", action="terminate", workflow=number, **how)

    assert previewed(answer) == {
        "action": "terminate",
        "entity": "workflows",
        "records": 1,
        "changes": [{"id": number, "called": f"{name} on deals 526", "after": how}],
        "notes": [note],
    }
    own_portal.requests.clear()
    assert await writing.ask("run_workflow", confirm=answer["confirm"]) == done(1, number)
    assert writes(own_portal) == ([f"DELETE /v1/workflows/{number}"] if writing_door == "gateway" else [method])
    if writing_door == "gateway":
        assert [request.query for request in own_portal.requests if request.method == "DELETE"] == [query]
    assert own_sql("select count(*) from workflows where ID = ?", number) == [(0,)]


async def test_what_workflows_did_is_not_undone(writing: WritingAssistant) -> None:
    started = await writing.write("run_workflow", **DEAL)
    await writing.write("run_workflow", action="terminate", workflow=started["ids"][0])

    assert await writing.fail("undo", operation=1) == {
        "code": "CANNOT_UNDO",
        "message": "Operation 1 cannot be reversed. A workflow that runs is ended with run_workflow.",
    }
    assert await writing.fail("undo", operation=2) == {
        "code": "CANNOT_UNDO",
        "message": "Operation 2 cannot be reversed. Start the workflow again with run_workflow if it is wanted.",
    }


async def test_a_start_without_an_answer_is_found_among_those_that_run(
    writing: WritingAssistant, writing_door: Door, own_portal: DemoPortal, own_sql: Sql
) -> None:
    answer = await writing.ask("run_workflow", **DEAL)
    path = "/v1/workflows/start" if writing_door == "gateway" else "*/bizproc.workflow.start"
    own_portal.inject(Fault("drop_after", path))

    started = await writing.ask("run_workflow", confirm=answer["confirm"])
    assert own_sql("select ID from workflows where DOCUMENT_ID = 'DEAL_5'") == [(started["ids"][0],)]
    assert (started["operation"], started["done"]) == (1, 1)


async def test_a_person_is_shown_record_and_template(
    writing_door: Door, own_portal: DemoPortal, tmp_path: Path
) -> None:
    person = Asked()
    async with writing_assistant_for(writing_door, own_portal.url, tmp_path, person=person) as writing:
        started = await writing.ask("run_workflow", **DEAL, parameters={"Кто": "”; да"})
        await writing.ask("run_workflow", action="terminate", workflow=started["ids"][0], forced=True)

    portal = own_portal.url.removeprefix("http://") if writing_door == "rest" else "demo.bitrix24.ru"
    starting, ending = person.questions
    assert starting == (
        f"Start a workflow on 1 deal on {portal} as “Алексей Северов”:\n"
        "• deal 5 “Поставка: фасадная сетка — Nordic Construction Ltd”: templateId: 12; parameters: "
        '“{"Кто":""; да"}”\n'
        "Template 12 “Согласование скидки”."
    )
    assert ending == (
        f"End 1 workflow instance on {portal} as “Алексей Северов”:\n"
        f"• workflow instance {started['ids'][0]} “Согласование скидки on deals 5”: forced: yes\n"
        "Ended by force, it loses all that it holds."
    )


@pytest.mark.parametrize(("entity", "document"), [("invoices", "SMART_INVOICE_5"), ("Contracts", "DYNAMIC_174_5")])
async def test_rest_also_starts_on_invoices_and_items(
    entity: str, document: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    start = {"action": "start", "template": 301 if entity == "invoices" else 713, "entity": entity, "id": 5}
    async with writing_assistant_for("rest", own_portal.url, tmp_path) as writing:
        started = await writing.write("run_workflow", **start)
    async with writing_assistant_for("gateway", own_portal.url, tmp_path) as writing:
        error = await writing.fail("run_workflow", **start)

    assert own_sql("select DOCUMENT_ID from workflows where ID = ?", started["ids"][0]) == [(document,)]
    assert error["code"] == "NOT_WRITABLE"


@pytest.mark.parametrize(("door", "key"), [("gateway", "vibe_api_demo_user"), ("rest", "2/demo-crm-admin")])
async def test_whoever_is_no_administrator_starts_none(
    door: Door, key: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    [(before,)] = own_sql("select count(*) from workflows")
    async with writing_assistant_for(door, own_portal.url, tmp_path, key=key) as writing:
        refused = (await writing.raw("run_workflow", **DEAL)).structured_content
        if refused and "confirm" in refused:
            await writing.fail("run_workflow", confirm=refused["confirm"])

    assert own_sql("select count(*) from workflows") == [(before,)]


AGAIN = "Give everything again, or confirm alone for what was previewed."
REFUSED: list[tuple[Json, Json]] = [
    ({}, {"code": "INVALID_ARGUMENT", "message": f"Action is missing. {AGAIN}", "candidates": ["action"]}),
    (
        {"action": "start", "id": 5},
        {"code": "INVALID_ARGUMENT", "message": f"Template and entity are missing. {AGAIN}",
         "candidates": ["template", "entity"]},
    ),
    (
        {"action": "terminate"},
        {"code": "INVALID_ARGUMENT", "message": f"Workflow is missing. {AGAIN}", "candidates": ["workflow"]},
    ),
    (
        {**DEAL, "template": "Согласование"},
        {"code": "UNKNOWN_TEMPLATE", "message": "There is no workflow template “Согласование”. The nearest are "
         "Согласование скидки, Согласование предложения.",
         "candidates": ["Согласование скидки", "Согласование предложения"]},
    ),
    (
        {**DEAL, "entity": "tasks"},
        {"code": "NOT_WRITABLE", "message": f"Through this door no workflow can be started on tasks. {KINDS}"},
    ),
    ({**DEAL, "id": 987_654}, {"code": "NOT_FOUND", "message": "There is no deal 987654. Check the id."}),
    (
        {"action": "terminate", "workflow": "6a.1"},
        {"code": "ENTITY_NOT_FOUND", "message": "No workflow instance with this id is running. Call list_workflows for "
         "those that are; finished ones are not kept."},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error"), REFUSED, ids=lambda each: str(each)[:50])
async def test_what_cannot_be_started_or_ended_is_refused(
    arguments: Json, error: Json, writing: WritingAssistant, own_portal: DemoPortal
) -> None:
    assert await writing.fail("run_workflow", **arguments) == error
    assert writes(own_portal) == []
