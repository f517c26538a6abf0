"""What one replica showed is carried out by another: the same, once, or not at all where it would be something else."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql, sql_over
from bitrix24_mcp.confirmations.store import StoredConfirmations
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.storage.sqlite import Folder
from previewing import done, previewed
from questionnaires import DEAL_RULE, QUIZ
from seen_writes import writes
from writing_assistants import Calendar, Door, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
Pair = tuple[WritingAssistant, WritingAssistant]
CREATE: Json = {"entity": "deals", "action": "create", "items": [{"title": "A"}, {"title": "B", "amount": "12.50"}]}
CHANGE: Json = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3, "comments": "звонили"}]}
LATER: Json = {
    "entity": "deals",
    "action": "update",
    "items": [{"id": 5, "closedAt": "+7d", "UF_CRM_1700000008": "+2h"}],
}
"""Dates that count from the moment when it was shown."""
ANSWER: Json = {
    "quiz": QUIZ,
    "answer": "a1",
    "answers": {"priority": "высокий"},
    "contact": {"name": "Пётр", "last_name": "Новый", "phone": "8 (916) 000-11-22"},
}
START: Json = {"action": "start", "template": "Согласование скидки", "entity": "deals", "id": 5}


@pytest.fixture
def own_sql(own_portal: DemoPortal) -> Sql:
    return sql_over(own_portal.database)


@pytest.fixture
async def replicas(own_portal: DemoPortal, tmp_path: Path, writing_door: Door) -> AsyncGenerator[Pair]:
    """Two servers of one caller that share the journal and the codes."""
    async with AsyncExitStack() as opened:
        calendar = Calendar()
        kept = partial(StoredConfirmations.kept_in, Folder(tmp_path), "anna")
        one, other = [
            await opened.enter_async_context(
                writing_assistant_for(
                    writing_door,
                    own_portal.url,
                    tmp_path,
                    calendar=calendar,
                    confirmations=kept,
                    BITRIX24_MCP_INTAKE="true",
                )
            )
            for _ in range(2)
        ]
        yield one, other


@pytest.mark.parametrize("arguments", [CREATE, CHANGE, LATER, {"entity": "deals", "action": "delete", "ids": [5, 6]}])
async def test_records_are_written_by_another_replica_once(arguments: Json, replicas: Pair) -> None:
    one, other = replicas
    answer = await one.ask("write_items", **arguments)
    previewed(answer)

    written = await other.ask("write_items", confirm=answer["confirm"])

    assert (written["operation"], written["done"]) == (1, len(arguments.get("items") or arguments["ids"]))
    for replica in (one, other):
        assert (await replica.fail("write_items", confirm=answer["confirm"]))["code"] == "CONFIRMATION_UNKNOWN"


async def test_every_other_tool_that_writes_is_confirmed_on_another_replica_as_well(
    replicas: Pair, own_sql: Sql, writing_door: Door
) -> None:
    one, other = replicas

    async def confirmed(tool: str, **arguments: Any) -> Json:
        answer = await one.ask(tool, **arguments)
        return await other.ask(tool, confirm=answer["confirm"])

    comment = await confirmed("add_comment", entity="deals", id=5, text="Позвонить завтра")
    assert comment == done(1, *comment["ids"])
    assert await confirmed("undo", operation=1) == done(2, *comment["ids"])
    started = await confirmed("run_workflow", **START)
    assert started == done(3, *started["ids"])
    ended = await confirmed("run_workflow", action="terminate", workflow=started["ids"][0], forced=True)
    assert ended == done(4, *started["ids"])
    if writing_door == "rest":  # which alone can
        assert await confirmed("complete_workflow_task", task=1401, answer="yes") == done(5, 1401)
    await one.write("save_intake_rule", mode="create", quiz=QUIZ, **DEAL_RULE)
    before = own_sql("select count(*) from deals")
    made = await confirmed("submit_intake", **ANSWER)
    assert made["deal"]["id"] in {number for (number,) in own_sql("select id from deals")}
    assert own_sql("select count(*) from deals") == [(before[0][0] + 1,)]


async def test_what_changed_meanwhile_is_not_carried_out_by_another_replica_either(
    replicas: Pair, own_portal: DemoPortal
) -> None:
    one, other = replicas
    answer = await one.ask("write_items", **CHANGE)
    with sqlite3.connect(own_portal.database) as connection:
        connection.execute("update deals set amount = 7 where id = 5")
    connection.close()

    assert await other.fail("write_items", confirm=answer["confirm"]) == {
        "code": "CHANGED_MEANWHILE",
        "message": "Meanwhile something changed, so that this would not be what was shown. Nothing was written. Call "
        "again without confirm for a new preview.",
    }
    assert writes(own_portal) == []
    assert (await one.fail("write_items", confirm=answer["confirm"]))["code"] == "CONFIRMATION_UNKNOWN"


async def test_a_code_is_for_its_tool_its_arguments_and_ten_minutes_on_another_replica_too(replicas: Pair) -> None:
    one, other = replicas
    codes = [(await one.ask("write_items", **CHANGE))["confirm"] for _ in range(3)]

    assert (await other.fail("undo", confirm=codes[0]))["code"] == "CONFIRMATION_OF_OTHER"
    assert (await other.fail("write_items", **CREATE, confirm=codes[1]))["code"] == "CONFIRMATION_OF_OTHER"
    one.calendar.passes(minutes=10)
    assert (await other.fail("write_items", confirm=codes[2]))["code"] == "CONFIRMATION_UNKNOWN"
