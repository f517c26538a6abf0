"""`undo` through both doors: what was written is put back, unless the records have moved on since."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.crm.writing.journal import Entry, Operation
from bitrix24_mcp.demo import DemoPortal
from previewing import done, previewed
from seen_writes import writes
from writing_assistants import WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
AGAIN = "Call undo without operation for the latest ones."
MOVED = (
    "Reversing it would overwrite that. Give ids to reverse only records that nobody touched, or write the fields that "
    "should change with write_items."
)
CHANGING = ("updatedAt", "updatedBy", "movedTime", "movedBy", "previousStageId")
"""What the portal notes of every change, whoever makes it."""


def deal(sql: Sql, number: int) -> Json:
    names = [name for (name,) in sql("select name from pragma_table_info('deals')")]
    [row] = sql("select * from deals where id = ?", number)
    return {name: value for name, value in zip(names, row, strict=True) if name not in CHANGING}


async def update(writing: WritingAssistant, *items: Json) -> Json:
    return await writing.write("write_items", entity="deals", action="update", items=list(items))


def touch(portal: DemoPortal, statement: str) -> None:
    """Somebody else changes something meanwhile."""
    with sqlite3.connect(portal.database) as connection:
        connection.execute(statement)
    connection.close()


async def test_an_update_is_put_back_field_by_field(writing: WritingAssistant, own_sql: Sql) -> None:
    before = [deal(own_sql, 5), deal(own_sql, 6)]
    change = {
        "stage": "won", "amount": 1, "currency": "EUR", "responsible": "me", "companyId": 7, "comments": "A",
        "Приоритет": "Высокий", "UF_CRM_1700000007": "today", "UF_CRM_1700000008": "+2h", "observers": ["me"],
        "UF_CRM_1700000003": "5|RUB", "UF_CRM_1700000009": False, "closedAt": "+7d",
        "Теги": ["VIP"],
    }  # fmt: skip
    await update(writing, {"id": 5, **change}, {"id": 6, "title": "B"})
    assert [deal(own_sql, 5), deal(own_sql, 6)] != before

    answer = await writing.ask("undo", operation=1)
    shown = previewed(answer)
    assert (shown["action"], shown["records"], shown["undoes"]) == ("update", 2, 1)
    assert shown["changes"][1] == {
        "id": 6,
        "called": "B",
        "before": {"title": "B"},
        "after": {"title": "Авторский надзор — ООО «ТандемСервис»"},
    }
    assert await writing.ask("undo", confirm=answer["confirm"]) == done(2, 5, 6)
    assert [deal(own_sql, 5), deal(own_sql, 6)] == before


async def test_a_closing_date_that_moved_along_with_the_stage_is_put_back_too(
    writing: WritingAssistant, own_sql: Sql
) -> None:
    before = deal(own_sql, 5)
    await update(writing, {"id": 5, "stage": "won"})
    assert deal(own_sql, 5)["closedAt"] == "2026-07-15"

    assert await writing.write("undo", operation=1) == done(2, 5)
    assert deal(own_sql, 5) == before


async def test_a_move_to_another_funnel_is_put_back(writing: WritingAssistant, own_sql: Sql) -> None:
    before = deal(own_sql, 5)
    await update(writing, {"id": 5, "funnel": "Export"})

    assert await writing.write("undo", operation=1) == done(2, 5)
    assert deal(own_sql, 5) == before


async def test_phones_are_put_back_with_what_they_are_for(writing: WritingAssistant, own_sql: Sql) -> None:
    items = [{"id": 1, "phone": ["+7 1", "+7 2"], "email": None, "post": "Директор"}]
    await writing.write("write_items", entity="contacts", action="update", items=items)

    assert await writing.write("undo", operation=1) == done(2, 1)
    [(phone, email)] = own_sql("select phone, email from contacts where id = 1")
    assert ("+79183839889" in phone, "MOBILE" in phone, "+7 1" in phone) == (True, True, False)
    assert "mail5049@client1.example" in email


async def test_what_was_created_is_deleted(writing: WritingAssistant, own_sql: Sql) -> None:
    [(before,)] = own_sql("select count(*) from leads")
    made = await writing.write("write_items", entity="leads", action="create", items=[{"title": "A"}, {"title": "B"}])

    answer = await writing.ask("undo", operation=1)
    shown = previewed(answer)
    assert (shown["action"], [each["called"] for each in shown["changes"]]) == ("delete", ["A", "B"])
    assert await writing.ask("undo", confirm=answer["confirm"]) == done(2, *made["ids"])
    assert own_sql("select count(*) from leads") == [(before,)]


async def test_creations_are_undone_though_deleting_is_not_allowed(own_portal: DemoPortal, tmp_path: Path) -> None:
    """What this server made it may take back; that is always confirmed."""
    async with writing_assistant_for(
        "gateway", own_portal.url, tmp_path, BITRIX24_MCP_ALLOW_DELETES="false", BITRIX24_MCP_CONFIRM="deletes"
    ) as writing:
        made = await writing.ask("write_items", entity="leads", action="create", items=[{"title": "A"}])
        answer = await writing.ask("undo", operation=1)

        assert previewed(answer)["action"] == "delete"
        assert await writing.ask("undo", confirm=answer["confirm"]) == done(2, *made["ids"])


async def test_a_part_is_undone_by_ids(writing: WritingAssistant, own_sql: Sql) -> None:
    before = [deal(own_sql, number) for number in (5, 6, 7)]
    await update(writing, *({"id": number, "title": "X"} for number in (5, 6, 7)))

    assert await writing.write("undo", operation=1, ids=[5, 7]) == done(2, 5, 7)
    assert [deal(own_sql, number)["title"] for number in (5, 6, 7)] == [before[0]["title"], "X", before[2]["title"]]

    refused = await writing.fail("undo", operation=1, ids=[6, 8])
    assert refused == {
        "code": "INVALID_ARGUMENT",
        "message": "Operation 1 did not write [8]. Leave ids out to reverse all of it.",
    }
    assert await writing.write("undo", operation=1, ids=[6]) == done(3, 6)
    assert [deal(own_sql, number) for number in (5, 6, 7)] == before


async def test_an_undo_is_undone(writing: WritingAssistant, own_sql: Sql) -> None:
    await update(writing, {"id": 5, "title": "X"})
    await writing.write("undo", operation=1)

    assert await writing.write("undo", operation=2) == done(3, 5)
    assert deal(own_sql, 5)["title"] == "X"


async def test_what_has_changed_since_is_not_overwritten(
    writing: WritingAssistant, own_portal: DemoPortal, own_sql: Sql
) -> None:
    await update(writing, {"id": 5, "title": "X", "amount": 1}, {"id": 6, "title": "X"}, {"id": 7, "title": "X"})
    touch(own_portal, "update deals set title = 'somebody', amount = 7 where id = 5")
    touch(own_portal, "delete from deals where id = 7")
    own_portal.requests.clear()

    refused = await writing.fail("undo", operation=1)
    assert refused == {
        "code": "RECORD_MOVED_ON",
        "message": f"What operation 1 wrote has changed since: 5 (title, amount); 7 is gone. {MOVED}",
    }
    assert writes(own_portal) == []
    assert await writing.write("undo", operation=1, ids=[6]) == done(2, 6)
    assert deal(own_sql, 5)["title"] == "somebody"


async def test_other_fields_that_changed_since_do_not_matter(
    writing: WritingAssistant, own_portal: DemoPortal, own_sql: Sql
) -> None:
    await update(writing, {"id": 5, "title": "X"})
    touch(own_portal, "update deals set amount = 7 where id = 5")

    assert await writing.write("undo", operation=1) == done(2, 5)
    assert deal(own_sql, 5)["amount"] == 7.0


async def test_a_new_record_that_somebody_worked_on_is_not_deleted(
    writing: WritingAssistant, own_portal: DemoPortal
) -> None:
    made = await writing.write("write_items", entity="deals", action="create", items=[{"title": "A"}])
    [number] = made["ids"]
    touch(own_portal, f"update deals set amount = 7 where id = {number}")

    refused = await writing.fail("undo", operation=1)
    assert refused["message"] == f"What operation 1 wrote has changed since: {number} (amount). {MOVED}"


async def test_nothing_is_undone_twice(writing: WritingAssistant) -> None:
    await update(writing, {"id": 5, "title": "X"})
    await writing.write("undo", operation=1)

    refused = await writing.fail("undo", operation=1)
    assert refused == {
        "code": "RECORD_MOVED_ON",
        "message": f"What operation 1 wrote has changed since: 5 (title). Operation 2 reversed it. {MOVED}",
    }


async def test_deletions_are_not_undone(writing: WritingAssistant) -> None:
    await writing.write("write_items", entity="deals", action="delete", ids=[5])

    assert await writing.fail("undo", operation=1) == {
        "code": "CANNOT_UNDO",
        "message": "Operation 1 cannot be reversed. What was deleted may still lie in the portal's recycle bin: "
        "restore it there.",
    }


async def test_an_operation_of_another_portal_is_unknown_here(writing: WritingAssistant) -> None:
    entry = Entry("update", "deals", 5, {"title": "X"}, {"title": "A"}, {"title": "X"}, state="done")
    elsewhere = Operation("other.bitrix24.ru", 1, "", "write_items", (entry,), writing.calendar.now)
    number = await writing.journal.begin(elsewhere)

    error = {"code": "UNKNOWN_OPERATION", "message": f"The journal holds no operation {number} on this portal. {AGAIN}"}
    assert await writing.fail("undo", operation=number) == error
    assert (await writing.ask("undo"))["items"] == []
    assert (await writing.fail("undo", operation=77))["code"] == "UNKNOWN_OPERATION"


async def test_what_was_refused_leaves_nothing_to_undo(writing: WritingAssistant) -> None:
    answer = await writing.ask("write_items", entity="deals", action="update", items=[{"id": 5, "assignedById": 99999}])
    await writing.fail("write_items", confirm=answer["confirm"])

    assert await writing.fail("undo", operation=1) == {
        "code": "CANNOT_UNDO",
        "message": "Nothing of operation 1 was carried out. There is nothing to reverse.",
    }


async def test_the_latest_operations_are_listed(writing: WritingAssistant) -> None:
    await update(writing, *({"id": number, "title": "X"} for number in range(1, 8)))
    writing.calendar.passes(minutes=1)
    made = await writing.write("write_items", entity="leads", action="create", items=[{"title": "A"}])
    writing.calendar.passes(minutes=1)
    await writing.write("undo", operation=2)

    assert await writing.ask("undo") == {
        "items": [
            {"operation": 3, "at": "2026-07-15T12:02:00+03:00", "tool": "undo", "action": "delete", "entity": "leads",
             "ids": made["ids"], "records": {"done": 1}, "undoes": 2},
            {"operation": 2, "at": "2026-07-15T12:01:00+03:00", "tool": "write_items", "action": "create",
             "entity": "leads", "ids": made["ids"], "records": {"done": 1}},
            {"operation": 1, "at": "2026-07-15T12:00:00+03:00", "tool": "write_items", "action": "update",
             "entity": "deals", "ids": [1, 2, 3, 4, 5, "…"], "records": {"done": 7}},
        ]
    }  # fmt: skip


async def test_ids_need_their_operation(writing: WritingAssistant) -> None:
    assert (await writing.fail("undo", ids=[5]))["code"] == "INVALID_ARGUMENT"
