"""`add_comment` through both doors: where comments go, what is refused, and taking one back."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from previewing import done, previewed
from seen_writes import writes
from writing_assistants import Asked, Door, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

TEXT = "Звонил клиент.\n[b]Перезвонить[/b] до “пятницы”"
OWNERS = [
    ("deals", "deal", 5, "Поставка: фасадная сетка — Nordic Construction Ltd"),
    ("leads", "lead", 1, "Заявка: кирпич облицовочный"),
    ("contacts", "contact", 1, "Анна Морозова"),
    ("компании", "company", 7, "ООО «БетонИнвест»"),
    ("Contracts", "dynamic_174", 1, "Contract 0001"),
]


@pytest.mark.parametrize(("entity", "kind", "record", "name"), OWNERS, ids=[each[1] for each in OWNERS])
async def test_a_comment_is_added_as_it_was_written(
    entity: str, kind: str, record: int, name: str, writing: WritingAssistant, own_sql: Sql
) -> None:
    [(highest,)] = own_sql("select max(id) from timelines")
    answer = await writing.ask("add_comment", entity=entity, id=record, text=TEXT)

    shown = kind.upper() if kind.startswith("dynamic") else kind
    assert previewed(answer) == {
        "action": "create",
        "entity": "timelines",
        "records": 1,
        "changes": [
            {
                "called": f"comment on “{name}”",
                "after": {
                    "entityType": shown,
                    "entityId": record,
                    "comment": "Звонил клиент.⏎[b]Перезвонить[/b] до “пятницы”",
                },
            }
        ],
    }
    assert own_sql("select max(id) from timelines") == [(highest,)]

    assert await writing.ask("add_comment", confirm=answer["confirm"]) == done(1, highest + 1)
    kept = own_sql("select id, entityType, entityId, comment, authorId from timelines where id > ?", highest)
    assert kept == [(highest + 1, kind, record, TEXT, 1)]


async def test_a_comment_is_taken_back_by_undo(writing: WritingAssistant, own_sql: Sql) -> None:
    [(before,)] = own_sql("select count(*) from timelines")
    added = await writing.write("add_comment", entity="deals", id=5, text=TEXT)

    assert await writing.write("undo", operation=added["operation"]) == done(2, *added["ids"])
    assert own_sql("select count(*) from timelines") == [(before,)]


async def test_a_comment_that_somebody_edited_stays(writing: WritingAssistant, own_portal: DemoPortal) -> None:
    added = await writing.write("add_comment", entity="deals", id=5, text=TEXT)
    [number] = added["ids"]
    with sqlite3.connect(own_portal.database) as connection:
        connection.execute("update timelines set comment = 'other' where id = ?", (number,))
    connection.close()

    error = await writing.fail("undo", operation=1)
    assert error == {
        "code": "RECORD_MOVED_ON",
        "message": f"What operation 1 wrote has changed since: {number} (comment). Reversing it would overwrite that. "
        "Give ids to reverse only records that nobody touched, or write the fields that should change with "
        "write_items.",
    }


async def test_a_person_sees_the_comment_on_one_line(
    writing_door: Door, own_portal: DemoPortal, tmp_path: Path
) -> None:
    person = Asked()
    async with writing_assistant_for(writing_door, own_portal.url, tmp_path, person=person) as writing:
        await writing.ask("add_comment", entity="deals", id=5, text=TEXT)

    portal = own_portal.url.removeprefix("http://") if writing_door == "rest" else "demo.bitrix24.ru"
    [question] = person.questions
    assert question == (
        f"Create 1 timeline comment on {portal} as “Алексей Северов”:\n"
        '• new “comment on "Поставка: фасадная сетка — Nordic Construction Ltd"”: entityType: “deal”; entityId: 5; '
        'comment: “Звонил клиент.⏎[b]Перезвонить[/b] до "пятницы"”'
    )


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "nothing", {},
        {"code": "INVALID_ARGUMENT", "message": "Entity, id and text are missing. Give everything again, or confirm "
         "alone for what was previewed.", "candidates": ["entity", "id", "text"]},
    ),
    (
        "a task", {"entity": "tasks", "id": 1, "text": "A"},
        {"code": "NOT_WRITABLE", "message": "Tasks take no comments here. Comments go to deals, leads, contacts, "
         "companies and items of smart processes."},
    ),
    (
        "a deal that is not there", {"entity": "deals", "id": 987_654, "text": "A"},
        {"code": "NOT_FOUND", "message": "There is no deal 987654. Check the id."},
    ),
    (
        "blanks", {"entity": "deals", "id": 5, "text": " \n"},
        {"code": "INVALID_VALUE", "message": "A comment holds one to 60,000 characters. Give text."},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
async def test_what_takes_no_comment_is_refused(
    arguments: dict[str, Any], error: dict[str, Any], writing: WritingAssistant, own_portal: DemoPortal
) -> None:
    assert await writing.fail("add_comment", **arguments) == error
    assert writes(own_portal) == []


async def test_a_record_that_the_key_may_not_see_takes_none(own_portal: DemoPortal, tmp_path: Path) -> None:
    async with writing_assistant_for("rest", own_portal.url, tmp_path, key="57/demo-seller") as writing:
        error = await writing.fail("add_comment", entity="deals", id=5, text="A")

    assert error == {"code": "ACCESS_DENIED", "message": "This key may not see deal 5. Check the id."}
