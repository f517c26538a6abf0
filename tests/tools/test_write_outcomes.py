"""What `write_items` answers when the portal does not take what was sent, refuses it, or does not answer."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from previewing import done
from seen_writes import writes
from writing_assistants import Door, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
NOBODY = 99_999
SAID: Mapping[Door, tuple[str, str]] = {
    "gateway": ("BITRIX_ERROR", "“Field 'assignedById': User 99999 does not exist”"),
    "rest": ("CRM_FIELD_ERROR_VALUE_NOT_VALID", '“Invalid value for field "Ответственный"”'),
}
PATHS: Mapping[Door, Mapping[str, str]] = {
    "gateway": {"leads": "/v1/leads", "tasks": "/v1/tasks", "deal": "/v1/deals/5"},
    "rest": {"leads": "*/crm.item.add", "tasks": "*/tasks.task.add", "deal": "*/crm.item.update"},
}
"""Where single writes go, through each door."""
METHODS: Mapping[Door, Mapping[str, str]] = {
    "gateway": {"leads": "POST", "tasks": "POST", "deal": "PATCH"},
    "rest": {"leads": "POST", "tasks": "POST", "deal": "POST"},
}
LATER = "Look again in a few minutes, by undo without arguments, before repeating what is unknown."


async def test_a_single_refusal_is_the_calls_error(writing: WritingAssistant, writing_door: Door, own_sql: Sql) -> None:
    answer = await writing.ask(
        "write_items", entity="deals", action="update", items=[{"id": 5, "assignedById": NOBODY}]
    )
    error = await writing.fail("write_items", confirm=answer["confirm"])

    code, said = SAID[writing_door]
    assert error == {
        "code": code,
        "message": f"Bitrix24 refused the request. It says: {said} Change the arguments. The journal has it as "
        "operation 1.",
    }
    assert own_sql("select assignedById from deals where id = 5") == [(11,)]


async def test_refusals_of_some_records_stand_beside_what_was_done(
    writing: WritingAssistant, writing_door: Door, own_sql: Sql
) -> None:
    items = [{"id": 5, "assignedById": NOBODY}, {"id": 6, "title": "A"}, {"id": 7, "title": "B"}]
    answer = await writing.write("write_items", entity="deals", action="update", items=items)

    code, said = SAID[writing_door]
    why = f"Bitrix24 refused the request. It says: {said} Change the arguments. [{code}]"
    assert answer == {
        "operation": 1,
        "done": 2,
        "refused": 1,
        "ids": [6, 7],
        "problems": [{"id": 5, "what": "not done", "why": why}],
    }
    assert own_sql("select id, title from deals where id in (6, 7)") == [(6, "A"), (7, "B")]


async def test_new_records_that_are_refused_are_named_by_their_place(writing: WritingAssistant) -> None:
    items = [{"title": "A"}, {"title": "B", "assignedById": NOBODY}]
    answer = await writing.write("write_items", entity="deals", action="create", items=items)

    assert (answer["done"], answer["refused"], len(answer["ids"])) == (1, 1, 1)
    assert [(each["item"], each["what"]) for each in answer["problems"]] == [(2, "not done")]


async def test_one_reason_for_all_is_told_once(writing: WritingAssistant, writing_door: Door) -> None:
    items = [{"id": number, "assignedById": NOBODY} for number in (5, 6, 7)]
    answer = await writing.ask("write_items", entity="deals", action="update", items=items)
    error = await writing.fail("write_items", confirm=answer["confirm"])

    assert error["code"] == SAID[writing_door][0]
    assert "None of the 3 was written." in error["message"]


def overwritten(portal: DemoPortal, how: str) -> None:
    """Lets a robot of the portal do something after each change of a deal."""
    with sqlite3.connect(portal.database) as connection:
        connection.execute(f"create trigger robot after update on deals begin {how}; end")
    connection.close()


async def test_what_the_portal_does_not_take_is_reported(
    writing: WritingAssistant, own_portal: DemoPortal, own_sql: Sql
) -> None:
    """It answers with success. The fields that do not hold what was sent are sent once more, and then told."""
    overwritten(own_portal, "update deals set comments = 'robot', probability = 1 where id = new.id")
    items = [{"id": 5, "comments": "mine", "probability": 70, "amount": 3}, {"id": 6, "amount": 4}]
    answer = await writing.ask("write_items", entity="deals", action="update", items=items)
    own_portal.requests.clear()
    written = await writing.ask("write_items", confirm=answer["confirm"])

    assert written == done(
        1, 5, 6,
        problems=[{
            "id": 5,
            "what": "the portal reported success, but these do not hold what was sent",
            "fields": ["comments", "probability"],
        }],
    )  # fmt: skip
    assert len(writes(own_portal)) == 3
    assert own_sql("select comments, probability, amount from deals where id = 5") == [("robot", 1, 3.0)]


async def test_what_a_robot_changes_beside_it_is_no_problem(writing: WritingAssistant, own_portal: DemoPortal) -> None:
    overwritten(own_portal, "update deals set sourceDescription = 'robot' where id = new.id")

    answer = await writing.write("write_items", entity="deals", action="update", items=[{"id": 5, "amount": 3}])

    assert answer == done(1, 5)


async def test_a_change_without_an_answer_is_found_by_looking_it_up(
    writing: WritingAssistant, writing_door: Door, own_portal: DemoPortal, own_sql: Sql
) -> None:
    answer = await writing.ask("write_items", entity="deals", action="update", items=[{"id": 5, "amount": 3}])
    own_portal.inject(Fault("drop_after", PATHS[writing_door]["deal"], METHODS[writing_door]["deal"]))
    own_portal.requests.clear()

    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, 5)
    assert len(writes(own_portal)) == 1
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


LOOK = "Looked up: not in the portal yet, and it may still come; look again in 3 minutes before repeating it."
CANNOT = "No answer came, and the portal keeps nothing by which it could be told from others. Look for it there."
UNANSWERED: list[tuple[str, Json, FaultKind, str]] = [
    ("leads", {"title": "A"}, "drop", LOOK),
    ("tasks", {"title": "A", "responsibleId": "me"}, "drop_after", CANNOT),
]


@pytest.mark.parametrize(("entity", "item", "kind", "why"), UNANSWERED, ids=[each[0] for each in UNANSWERED])
async def test_what_stays_unknown_is_not_offered_again(
    entity: str, item: Json, kind: FaultKind, why: str, writing: WritingAssistant, writing_door: Door,
    own_portal: DemoPortal,
) -> None:  # fmt: skip
    answer = await writing.ask("write_items", entity=entity, action="create", items=[item])
    own_portal.inject(Fault(kind, PATHS[writing_door][entity], METHODS[writing_door][entity]))
    written = await writing.ask("write_items", confirm=answer["confirm"])
    again = await writing.fail("write_items", entity=entity, action="create", items=[item])

    assert written == {
        "operation": 1,
        "done": 0,
        "unknown": 1,
        "problems": [{"item": 1, "what": "unknown", "why": why}],
        "note": LATER,
    }
    assert again == {
        "code": "OUTCOME_UNKNOWN",
        "message": "The same was sent before as operation 1, and nobody knows yet what became of it. It may still "
        "come: look again in three minutes. If it stays unknown, look for it in the portal and settle it with "
        "`bitrix24-mcp journal 1 --settle done` or `not-done`.",
    }


async def test_after_three_minutes_what_is_not_there_may_be_repeated(
    writing: WritingAssistant, writing_door: Door, own_portal: DemoPortal, own_sql: Sql
) -> None:
    answer = await writing.ask("write_items", entity="leads", action="create", items=[{"title": "A"}])
    own_portal.inject(Fault("drop", PATHS[writing_door]["leads"], "POST"))
    await writing.ask("write_items", confirm=answer["confirm"])
    writing.calendar.passes(minutes=3, seconds=1)

    made = await writing.write("write_items", entity="leads", action="create", items=[{"title": "A"}])

    assert made == done(2, *made["ids"])
    assert own_sql("select count(*) from leads where title = 'A'") == [(1,)]


@pytest.mark.parametrize(
    ("kind", "door", "refused", "note"),
    [
        ("expired_key", "gateway", 50, "It stopped there: "),
        ("drop", "gateway", None, "It stopped there: nobody knows what became of some. 20 were not sent."),
        ("drop", "rest", None, "It stopped there: nobody knows what became of some. 20 were not sent."),
    ],
)
async def test_a_long_list_stops_where_going_on_makes_no_sense(
    kind: FaultKind, door: Door, refused: int | None, note: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    """120 records go out in three requests; the second one fails, so the third is never sent."""
    items = [{"title": f"Long {number}"} for number in range(120)]
    async with writing_assistant_for(door, own_portal.url, tmp_path) as writing:
        answer = await writing.ask("write_items", entity="deals", action="create", items=items)
        own_portal.inject(Fault(kind, "*batch", after=2))  # behind the first part, and reading it back
        written = await writing.ask("write_items", confirm=answer["confirm"])
        told = await writing.ask("undo")

    assert (written["done"], written.get("refused"), written.get("unknown")) == (50, refused, None if refused else 50)
    assert written["not_sent"] == 20
    assert written["note"].startswith(note)
    assert len(written["ids"]) == 50
    assert own_sql("select count(*) from deals where title like 'Long %'") == [(50,)]
    assert told["items"][0]["records"] == {"done": 50, "refused" if refused else "unknown": 50, "planned": 20}
