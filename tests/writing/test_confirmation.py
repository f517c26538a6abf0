"""What is confirmed is exactly what was shown: bound to the plan and the records, once, for ten minutes."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from previewing import ONLY_LOOKED, done, previewed
from seen_writes import writes
from writing_assistants import Asked, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
CHANGE: Json = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}, {"id": 6, "amount": 4}]}
UNKNOWN = {
    "code": "CONFIRMATION_UNKNOWN",
    "message": "This confirmation is not known: it was used, has expired, or was never given. Nothing was written. "
    "Call again without confirm for a new preview, and show it to the user.",
}
OF_OTHER = {
    "code": "CONFIRMATION_OF_OTHER",
    "message": "This confirmation belongs to another preview. Nothing was written, and the code is spent. Call again "
    "without confirm for a preview of what is wanted now.",
}
NOBODY = {
    "code": "NOBODY_TO_ASK",
    "message": "This client cannot ask its user, and the operator lets only a person confirm. Nothing was written. "
    "Use a client that supports elicitation, or the operator sets BITRIX24_MCP_CONFIRM=always.",
}


def somebody_changes(portal: DemoPortal, statement: str) -> None:
    with sqlite3.connect(portal.database) as connection:
        connection.execute(statement)
    connection.close()


def amounts(sql: Sql) -> list[float]:
    return [amount for (amount,) in sql("select amount from deals where id in (5, 6) order by id")]


MEANWHILE = [
    ("a field that is written", "update deals set amount = 7 where id = 5"),
    ("any other field", "update deals set comments = 'called' where id = 5"),
    ("the stage", "update deals set stageId = 'C5:NEW' where id = 5"),
    ("nothing is left", "delete from deals where id = 5"),
]


@pytest.mark.parametrize("statement", [each[1] for each in MEANWHILE], ids=[each[0] for each in MEANWHILE])
async def test_a_record_that_changed_meanwhile_voids_the_whole_confirmation(
    statement: str, writing: WritingAssistant, own_portal: DemoPortal, own_sql: Sql
) -> None:
    answer = await writing.ask("write_items", **CHANGE)
    somebody_changes(own_portal, statement)
    before = amounts(own_sql)
    error = await writing.fail("write_items", confirm=answer["confirm"])

    assert error == {
        "code": "CHANGED_MEANWHILE",
        "message": "Meanwhile somebody changed deals 5. Nothing was written. Call again without confirm for a new "
        "preview.",
        "candidates": ["5"],
    }
    assert (amounts(own_sql), writes(own_portal)) == (before, [])
    assert await writing.fail("write_items", confirm=answer["confirm"]) == UNKNOWN


async def test_a_deletion_is_void_when_the_record_changed(
    writing: WritingAssistant, own_portal: DemoPortal, own_sql: Sql
) -> None:
    answer = await writing.ask("write_items", entity="deals", action="delete", ids=[5, 6])
    somebody_changes(own_portal, "update deals set title = 'Important' where id = 6")

    assert (await writing.fail("write_items", confirm=answer["confirm"]))["candidates"] == ["6"]
    assert len(amounts(own_sql)) == 2


async def test_a_code_is_good_once(writing: WritingAssistant, own_portal: DemoPortal) -> None:
    answer = await writing.ask("write_items", **CHANGE)
    await writing.ask("write_items", confirm=answer["confirm"])
    own_portal.requests.clear()

    assert await writing.fail("write_items", confirm=answer["confirm"]) == UNKNOWN
    assert list(own_portal.requests) == []


async def test_a_code_expires_after_ten_minutes(writing: WritingAssistant) -> None:
    first = await writing.ask("write_items", **CHANGE)
    writing.calendar.passes(seconds=599)
    second = await writing.ask("write_items", **CHANGE)
    writing.calendar.passes(seconds=1)

    assert await writing.fail("write_items", confirm=first["confirm"]) == UNKNOWN
    assert await writing.ask("write_items", confirm=second["confirm"]) == done(1, 5, 6)


@pytest.mark.parametrize("code", ["2222-2222", "x", "' or 1=1"])
async def test_a_code_that_was_never_given_is_unknown(code: str, writing: WritingAssistant) -> None:
    await writing.ask("write_items", **CHANGE)

    assert await writing.fail("write_items", confirm=code) == UNKNOWN


async def test_a_code_may_be_typed_as_people_do(writing: WritingAssistant) -> None:
    answer = await writing.ask("write_items", **CHANGE)

    assert await writing.ask("write_items", confirm=f" {answer['confirm'].lower()} ") == done(1, 5, 6)


async def test_a_code_of_another_tool_confirms_nothing_and_is_spent(
    writing: WritingAssistant, own_portal: DemoPortal
) -> None:
    answer = await writing.ask("write_items", **CHANGE)

    assert await writing.fail("add_comment", confirm=answer["confirm"]) == OF_OTHER
    assert await writing.fail("write_items", confirm=answer["confirm"]) == UNKNOWN
    assert writes(own_portal) == []


async def test_a_code_with_other_arguments_confirms_nothing(writing: WritingAssistant, own_portal: DemoPortal) -> None:
    """Else a model could have one thing confirmed and write another."""
    answer = await writing.ask("write_items", **CHANGE)
    other = {**CHANGE, "items": [{"id": 5, "amount": 1_000_000}]}

    assert await writing.fail("write_items", **other, confirm=answer["confirm"]) == OF_OTHER
    assert writes(own_portal) == []


async def test_a_code_with_the_same_arguments_confirms_them(writing: WritingAssistant, own_sql: Sql) -> None:
    answer = await writing.ask("write_items", **CHANGE)

    assert await writing.ask("write_items", **CHANGE, confirm=answer["confirm"]) == done(1, 5, 6)
    assert amounts(own_sql) == [3.0, 4.0]


async def test_several_previews_wait_side_by_side(writing: WritingAssistant, own_sql: Sql) -> None:
    first = await writing.ask("write_items", entity="deals", action="update", items=[{"id": 5, "amount": 1}])
    second = await writing.ask("write_items", entity="deals", action="update", items=[{"id": 6, "amount": 2}])
    assert first["confirm"] != second["confirm"]

    assert await writing.ask("write_items", confirm=second["confirm"]) == done(1, 6)
    assert await writing.ask("write_items", confirm=first["confirm"]) == done(2, 5)
    assert amounts(own_sql) == [1.0, 2.0]


async def test_of_two_previews_of_one_record_the_second_is_void(writing: WritingAssistant, own_sql: Sql) -> None:
    first = await writing.ask("write_items", entity="deals", action="update", items=[{"id": 5, "amount": 1}])
    second = await writing.ask("write_items", entity="deals", action="update", items=[{"id": 5, "amount": 2}])
    await writing.ask("write_items", confirm=first["confirm"])

    assert (await writing.fail("write_items", confirm=second["confirm"]))["code"] == "CHANGED_MEANWHILE"
    assert amounts(own_sql)[0] == 1.0


async def test_a_new_record_is_made_once_a_code(writing: WritingAssistant, own_sql: Sql) -> None:
    new = {"entity": "leads", "action": "create", "items": [{"title": "Twice"}]}
    first, second = [await writing.ask("write_items", **new) for _ in range(2)]
    await writing.ask("write_items", confirm=first["confirm"])
    await writing.fail("write_items", confirm=first["confirm"])
    assert own_sql("select count(*) from leads where title = 'Twice'") == [(1,)]

    await writing.ask("write_items", confirm=second["confirm"])
    assert own_sql("select count(*) from leads where title = 'Twice'") == [(2,)]


async def test_two_hundred_wait_and_the_oldest_makes_room(writing: WritingAssistant) -> None:
    codes = [(await writing.ask("add_comment", entity="deals", id=5, text=str(n)))["confirm"] for n in range(201)]

    assert await writing.fail("add_comment", confirm=codes[0]) == UNKNOWN
    assert (await writing.ask("add_comment", confirm=codes[1]))["done"] == 1


async def test_preview_only_looks_and_still_gives_a_code(writing: WritingAssistant, own_portal: DemoPortal) -> None:
    answer = await writing.ask("write_items", **CHANGE, preview=True)

    assert previewed(answer)["records"] == 2
    assert writes(own_portal) == []
    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, 5, 6)


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_preview_asks_nobody_and_gives_no_code_where_a_person_can_be_asked(
    mode: str, own_portal: DemoPortal, tmp_path: Path
) -> None:
    person = Asked()
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, person=person, mode=mode) as writing:
        answer = await writing.ask("write_items", **CHANGE, preview=True)

    assert answer == {"preview": answer["preview"], "note": ONLY_LOOKED}
    assert (person.questions, writes(own_portal)) == ([], [])


async def test_only_a_person_confirms_where_the_operator_wants_that(own_portal: DemoPortal, tmp_path: Path) -> None:
    """Without one nothing is written, whatever a model sends."""
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, BITRIX24_MCP_CONFIRM="person") as writing:
        assert await writing.fail("write_items", **CHANGE) == NOBODY
        assert await writing.fail("write_items", confirm="2222-2222") == UNKNOWN
        looked = await writing.ask("write_items", **CHANGE, preview=True)
    assert looked == {
        "preview": looked["preview"],
        "note": "This client cannot ask its user, and the operator lets only a person confirm.",
    }
    assert writes(own_portal) == []

    person = Asked()
    async with writing_assistant_for(
        "gateway", own_portal.url, tmp_path, person=person, BITRIX24_MCP_CONFIRM="person"
    ) as writing:
        assert await writing.ask("write_items", **CHANGE) == done(1, 5, 6)
    assert len(person.questions) == 1


async def test_where_only_deletions_are_confirmed_the_rest_runs_at_once(
    own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    start = {"action": "start", "template": 12, "entity": "deals", "id": 5}
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, BITRIX24_MCP_CONFIRM="deletes") as writing:
        made = await writing.ask("write_items", entity="leads", action="create", items=[{"title": "A"}])
        assert made == done(1, *made["ids"])
        assert await writing.ask("write_items", **CHANGE) == done(2, 5, 6)
        assert (await writing.ask("add_comment", entity="deals", id=5, text="A"))["done"] == 1
        started = await writing.ask("run_workflow", **start)
        assert (await writing.ask("undo", operation=2))["done"] == 2

        looked = await writing.ask("write_items", **CHANGE, preview=True)
        gone = await writing.ask("write_items", entity="deals", action="delete", ids=[7])
        ended = await writing.ask("run_workflow", action="terminate", workflow=started["ids"][0])
        undone = await writing.ask("undo", operation=1)

        assert [previewed(each)["action"] for each in (looked, gone, ended, undone)] == [
            "update", "delete", "terminate", "delete",
        ]  # fmt: skip
    assert own_sql("select count(*) from deals where id = 7") == [(1,)]
    assert own_sql("select count(*) from workflows where ID = ?", started["ids"][0]) == [(1,)]


async def test_a_person_is_asked_for_deletions_alone_where_the_operator_wants_that(
    own_portal: DemoPortal, tmp_path: Path
) -> None:
    person = Asked()
    async with writing_assistant_for(
        "gateway", own_portal.url, tmp_path, person=person, BITRIX24_MCP_CONFIRM="deletes"
    ) as writing:
        await writing.ask("write_items", **CHANGE)
        assert person.questions == []
        await writing.ask("write_items", entity="deals", action="delete", ids=[7])
    assert len(person.questions) == 1


@pytest.mark.parametrize("person", [None, Asked()], ids=["a code", "a person"])
async def test_nothing_is_deleted_unless_the_operator_allows_it(
    person: Asked | None, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    async with writing_assistant_for(
        "gateway", own_portal.url, tmp_path, person=person, BITRIX24_MCP_ALLOW_DELETES="false"
    ) as writing:
        error = await writing.fail("write_items", entity="deals", action="delete", ids=[5])

    assert error == {
        "code": "DELETES_NOT_ALLOWED",
        "message": "This server does not delete records. Its operator allows it with --allow-deletes. Nothing was "
        "deleted.",
    }
    assert (len(amounts(own_sql)), writes(own_portal)) == (2, [])
