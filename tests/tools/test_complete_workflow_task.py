"""`complete_workflow_task`, which only REST can: what waits for the key's user, and answers to it."""

import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal, Fault
from previewing import done, previewed
from seen_writes import writes
from writing_assistants import Asked, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
TOOL = "complete_workflow_task"
APPROVAL, READING, QUESTIONS, OPTIONAL = 1401, 1403, 1405, 1407
"""Tasks of user 1: to agree or refuse, to take note, to answer, to answer or leave."""
OF_ANOTHER, COMMENTED = 1409, 1441
"""One of user 57; one that needs a comment, given to user 1 by the tests."""


@pytest.fixture
async def direct(own_portal: DemoPortal, tmp_path: Path) -> AsyncGenerator[WritingAssistant]:
    async with writing_assistant_for("rest", own_portal.url, tmp_path) as ready:
        yield ready


def state(sql: Sql, task: int) -> tuple[Any, ...]:
    return sql("select USER_STATUS from bizproc_tasks where ID = ?", task)[0]


async def test_without_a_task_those_that_wait_are_listed(direct: WritingAssistant, own_sql: Sql) -> None:
    """Those of the key's own user alone, though an administrator may see everybody's."""
    own = own_sql("select ID from bizproc_tasks where USER_ID = 1 and USER_STATUS = 0 order by ID")
    listed = (await direct.ask(TOOL))["items"]

    assert [each["id"] for each in listed] == [number for (number,) in own]
    assert len(own_sql("select ID from bizproc_tasks where USER_STATUS = 0")) > len(own)
    assert listed[0] == {
        "id": APPROVAL,
        "name": "Согласовать документ: Счёт #57",
        "document": {"entity": "invoices", "id": 57},
        "workflow": "6a26d46bfe258a.23291802",
        "answers": ["yes", "no"],
    }
    assert listed[2]["fields"] == [
        {"id": "contractor", "name": "Исполнитель работ", "required": True},
        {"id": "amount", "name": "Сумма"},
        {"id": "until", "name": "Срок", "required": True},
        {"id": "urgency", "name": "Срочность"},
    ]


ANSWERS: list[tuple[Json, Json, int]] = [
    ({"task": APPROVAL, "answer": "yes"}, {}, 1),
    ({"task": APPROVAL, "answer": "no", "comment": "дорого"}, {"comment": "дорого"}, 2),
    ({"task": READING, "answer": "ok"}, {}, 3),
    (
        {"task": QUESTIONS, "answer": "ok", "fields": {"исполнитель работ": "ООО «А»", "until": "2026-07-20"}},
        {"fields": {"contractor": "ООО «А»", "until": "2026-07-20"}}, 3,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "shown", "status"), ANSWERS, ids=lambda each: str(each)[:60])
async def test_a_task_is_answered(
    arguments: Json, shown: Json, status: int, direct: WritingAssistant, own_sql: Sql
) -> None:
    [(name,)] = own_sql("select NAME from bizproc_tasks where ID = ?", arguments["task"])
    answer = await direct.ask(TOOL, **arguments)

    change = {"id": arguments["task"], "called": name, **({"after": shown} if shown else {})}
    assert previewed(answer) == {
        "action": "complete",
        "entity": "workflow-tasks",
        "records": 1,
        "changes": [change],
        "notes": [f"Answer: {arguments['answer']}."],
    }
    assert state(own_sql, arguments["task"]) == (0,)

    assert await direct.ask(TOOL, confirm=answer["confirm"]) == done(1, arguments["task"])
    assert state(own_sql, arguments["task"]) == (status,)
    assert arguments["task"] not in [each["id"] for each in (await direct.ask(TOOL))["items"]]


async def test_an_optional_one_may_be_left(direct: WritingAssistant, own_sql: Sql) -> None:
    assert await direct.write(TOOL, task=OPTIONAL, answer="cancel") == done(1, OPTIONAL)
    assert state(own_sql, OPTIONAL) != (0,)


async def test_what_was_answered_is_not_undone(direct: WritingAssistant) -> None:
    await direct.write(TOOL, task=APPROVAL, answer="yes")

    assert await direct.fail("undo", operation=1) == {
        "code": "CANNOT_UNDO",
        "message": "Operation 1 cannot be reversed. The workflow has gone on; what it did is changed record by record.",
    }


REFUSED: list[tuple[Json, Json]] = [
    (
        {"task": APPROVAL},
        {"code": "INVALID_ARGUMENT", "message": "Answer is missing. Give everything again, or confirm alone for what "
         "was previewed.", "candidates": ["answer"]},
    ),
    (
        {"task": APPROVAL, "answer": "ok"},
        {"code": "INVALID_VALUE", "message": "This task does not take the answer “ok”. It takes yes or no.",
         "candidates": ["yes", "no"]},
    ),
    (
        {"task": 9, "answer": "ok"},
        {"code": "ENTITY_NOT_FOUND", "message": "There is no workflow task 9 that this key may see. Call "
         "complete_workflow_task without arguments for those that wait."},
    ),
    (
        {"task": OF_ANOTHER, "answer": "yes"},
        {"code": "ACCESS_DENIED", "message": "The workflow task 1409 waits for user 57, not for the user of this key. "
         "Only that person can complete it."},
    ),
    (
        {"task": COMMENTED, "answer": "yes"},
        {"code": "REQUIRED_FIELD", "message": "This task needs a comment with that answer. Give comment."},
    ),
    (
        {"task": QUESTIONS, "answer": "ok"},
        {"code": "REQUIRED_FIELD", "message": "This task needs Исполнитель работ and Срок. Give them in fields."},
    ),
    (
        {"task": QUESTIONS, "answer": "ok", "fields": {"Цена": 5}},
        {"code": "UNKNOWN_FIELD", "message": "This task asks for no “Цена”. It asks for Исполнитель работ, Сумма, Срок "
         "or Срочность.", "candidates": ["contractor", "amount", "until", "urgency"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error"), REFUSED, ids=lambda each: str(each)[:60])
async def test_what_a_task_does_not_take_is_refused(
    arguments: Json, error: Json, direct: WritingAssistant, own_portal: DemoPortal
) -> None:
    change(own_portal, f"update bizproc_tasks set USER_ID = 1 where ID = {COMMENTED}")

    assert await direct.fail(TOOL, **arguments) == error
    assert writes(own_portal) == []


def change(portal: DemoPortal, statement: str) -> None:
    with sqlite3.connect(portal.database) as connection:
        connection.execute(statement)
    connection.close()


async def test_what_somebody_completed_meanwhile_is_not_completed_again(
    direct: WritingAssistant, own_portal: DemoPortal
) -> None:
    answer = await direct.ask(TOOL, task=APPROVAL, answer="yes")
    change(own_portal, f"update bizproc_tasks set USER_STATUS = 2, STATUS = 2 where ID = {APPROVAL}")

    assert (await direct.fail(TOOL, confirm=answer["confirm"]))["code"] == "CHANGED_MEANWHILE"
    assert await direct.fail(TOOL, task=APPROVAL, answer="yes") == {
        "code": "ALREADY_DONE",
        "message": "The workflow task 1401 is completed already. Call complete_workflow_task without arguments for "
        "those that wait.",
    }
    assert writes(own_portal) == []


async def test_an_answer_that_got_none_is_found_by_looking(direct: WritingAssistant, own_portal: DemoPortal) -> None:
    answer = await direct.ask(TOOL, task=APPROVAL, answer="yes")
    own_portal.inject(Fault("drop_after", "*/bizproc.task.complete"))

    assert await direct.ask(TOOL, confirm=answer["confirm"]) == done(1, APPROVAL)
    assert writes(own_portal) == ["bizproc.task.complete"]


async def test_a_person_is_shown_task_and_answer(own_portal: DemoPortal, tmp_path: Path) -> None:
    person = Asked()
    change(own_portal, f"update bizproc_tasks set DESCRIPTION = 'Скидка 5 %? “да”\nилиnet' where ID = {APPROVAL}")
    async with writing_assistant_for("rest", own_portal.url, tmp_path, person=person) as direct:
        await direct.ask(TOOL, task=APPROVAL, answer="yes", comment="можно")

    [question] = person.questions
    assert question == (
        f"Complete 1 workflow task on {own_portal.url.removeprefix('http://')} as “Алексей Северов”:\n"
        "• workflow task 1401 “Согласовать документ: Счёт #57”: comment: “можно”\n"
        "Answer: yes.\n"
        'It asks: “Скидка 5 %? "да"⏎илиnet”.'
    )


async def test_the_gateway_does_not_have_the_tool(own_portal: DemoPortal, tmp_path: Path) -> None:
    async with writing_assistant_for("gateway", own_portal.url, tmp_path) as assistant:
        listed = (await assistant.client.list_tools()).tools
        with pytest.raises(MCPError, match=f"^Unknown tool: {TOOL}$"):
            await assistant.client.call_tool(TOOL, {})

    assert TOOL not in [tool.name for tool in listed]
