"""`write_items` through both doors: every kind of record created, changed and deleted, held against plain SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from previewing import done, mark_note, previewed
from writing_assistants import WritingAssistant

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
ORIGIN = ("originatorId", "originId")


@dataclass(frozen=True)
class Kind:
    """One kind of record: its table, a new one as a caller writes it, and as it stands in the table and the preview."""

    entity: str
    table: str
    origin: tuple[str, ...]
    written: Json
    shown: Json
    kept: Json
    changed: Json
    changed_kept: Json


KINDS = [
    Kind(
        "deals", "deals", ORIGIN,
        {"title": "Склад", "funnel": "Партнёры", "amount": 1500.5, "currency": "RUB", "responsible": "me"},
        {"title": "Склад", "categoryId": 5, "categoryId_name": "Партнёры", "amount": 1500.5, "currency": "RUB",
         "assignedById": 1, "assignedById_name": "Алексей Северов"},
        {"title": "Склад", "categoryId": 5, "stageId": "C5:NEW", "amount": 1500.5, "assignedById": 1},
        {"title": "Склад 2"}, {"title": "Склад 2"},
    ),
    Kind(
        "leads", "leads", ORIGIN,
        {"Название лида": "Звонок", "stage": "В работе", "Источник": "Веб-сайт"},
        {"title": "Звонок", "statusId": "IN_PROCESS", "statusId_name": "В работе",
         "sourceId": "WEB", "sourceId_name": "Веб-сайт"},
        {"title": "Звонок", "statusId": "IN_PROCESS", "sourceId": "WEB"},
        {"statusId": "won"}, {"statusId": "CONVERTED"},
    ),
    Kind(
        "contacts", "contacts", ORIGIN,
        {"name": "Анна", "lastName": "Ёлкина", "companyId": "ООО «БетонИнвест»", "typeId": "Клиенты"},
        {"name": "Анна", "lastName": "Ёлкина", "companyId": 7, "companyId_name": "ООО «БетонИнвест»",
         "typeId": "CLIENT", "typeId_name": "Клиенты"},
        {"name": "Анна", "lastName": "Ёлкина", "companyId": 7, "typeId": "CLIENT"},
        {"post": "Директор"}, {"post": "Директор"},
    ),
    Kind(
        "companies", "companies", ORIGIN,
        {"title": "АО «Север»", "industry": "Строительство", "revenue": 5, "opened": False},
        {"title": "АО «Север»", "industry": "CONSTRUCTION", "industry_name": "Строительство", "revenue": 5,
         "opened": False},
        {"title": "АО «Север»", "industry": "CONSTRUCTION", "revenue": 5.0, "opened": 0},
        {"comments": "Б/у"}, {"comments": "Б/у"},
    ),
    Kind(
        "quotes", "quotes", (),
        {"title": "КП", "dealId": 7, "amount": "12.5"},
        {"title": "КП", "dealId": 7, "dealId_name": "Export batch: ООО «АрхиИнвест»", "amount": 12.5},
        {"title": "КП", "dealId": 7, "amount": 12.5},
        {"closeDate": "2026-07-31"}, {"closeDate": "2026-07-31"},
    ),
    Kind(
        "invoices", "invoices", ("xmlId",),
        {"title": "Счёт", "opportunity": 100, "closedate": "+7d"},
        {"title": "Счёт", "opportunity": 100, "closedate": "2026-07-22"},
        {"title": "Счёт", "opportunity": 100.0, "closedate": "2026-07-22"},
        {"opportunity": 90}, {"opportunity": 90.0},
    ),
    Kind(
        "tasks", "tasks", (),
        {"title": "Позвонить", "responsibleId": "Наталья Орлова", "deadline": "2026-07-20T18:00"},
        {"title": "Позвонить", "responsibleId": 11, "responsibleId_name": "Наталья Орлова",
         "deadline": "2026-07-20T18:00:00+03:00"},
        {"title": "Позвонить", "responsibleId": 11, "deadline": "2026-07-20T15:00:00Z"},
        {"status": "done"}, {"status": 5},
    ),
    Kind(
        "products", "products", ("xmlId",),
        {"name": "Кирпич", "price": 15.2, "currency": "RUB"},
        {"name": "Кирпич", "price": 15.2, "currency": "RUB"},
        {"name": "Кирпич", "price": 15.2, "currency": "RUB"},
        {"active": False}, {"active": 0},
    ),
    Kind(
        "contracts", "items_174", ("xmlId",),
        {"title": "Договор", "Вид договора": "Подряд", "funnel": "Renewals", "companyId": 7},
        {"title": "Договор", "ufCrm3_1700000101": "502", "ufCrm3_1700000101_name": "Подряд", "categoryId": 9,
         "categoryId_name": "Renewals", "companyId": 7, "companyId_name": "ООО «БетонИнвест»"},
        {"title": "Договор", "ufCrm3_1700000101": 502, "categoryId": 9, "stageId": "DT174_9:NEW", "companyId": 7},
        {"Автопродление": True}, {"ufCrm3_1700000105": 1},
    ),
]  # fmt: skip


def row(sql: Sql, table: str, number: int, names: Mapping[str, Any]) -> Json:
    [found] = sql(f"select {', '.join(names)} from {table} where id = ?", number)
    return dict(zip(names, found, strict=True))


def count(sql: Sql, table: str) -> int:
    return sql(f"select count(*) from {table}")[0][0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.entity)
async def test_a_record_is_made_changed_and_deleted(kind: Kind, writing: WritingAssistant, own_sql: Sql) -> None:
    """What is previewed is what is then in the portal; nothing is there before it is confirmed."""
    before = count(own_sql, kind.table)
    highest = own_sql(f"select max(id) from {kind.table}")[0][0]

    first = await writing.ask("write_items", entity=kind.entity, action="create", items=[kind.written])
    told = previewed(first)
    told.pop("labels", None)
    assert [change["after"] for change in told["changes"]] == [kind.shown]
    assert told.get("notes") == ([mark_note(*kind.origin)] if kind.origin else None)
    assert count(own_sql, kind.table) == before

    made = await writing.ask("write_items", confirm=first["confirm"])
    number = highest + 1
    assert made == done(1, number)
    assert row(own_sql, kind.table, number, kind.kept) == kind.kept

    changed = await writing.write(
        "write_items", entity=kind.entity, action="update", items=[{"id": number, **kind.changed}]
    )
    assert changed == done(2, number)
    assert row(own_sql, kind.table, number, kind.changed_kept) == kind.changed_kept

    gone = await writing.write("write_items", entity=kind.entity, action="delete", ids=[number])
    assert gone == done(3, number)
    assert count(own_sql, kind.table) == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.origin], ids=lambda kind: kind.entity)
async def test_a_new_record_can_be_found_again_by_its_mark(kind: Kind, writing: WritingAssistant, own_sql: Sql) -> None:
    made = await writing.write("write_items", entity=kind.entity, action="create", items=[kind.written] * 2)

    operation = await writing.journal.operation(1)
    assert operation is not None
    marks = [entry.mark for entry in operation.entries]
    assert len(set(marks)) == 2
    [mark_field] = kind.origin[-1:]
    kept = own_sql(f"select {', '.join(kind.origin)} from {kind.table} where id in (?, ?) order by id", *made["ids"])
    assert kept == [("bitrix24-mcp", mark)[-len(kind.origin) :] for mark in marks]
    assert own_sql(f"select id from {kind.table} where {mark_field} = ?", marks[1]) == [(made["ids"][1],)]


async def test_an_origin_that_the_caller_writes_stays_the_callers(writing: WritingAssistant, own_sql: Sql) -> None:
    answer = await writing.ask(
        "write_items", entity="deals", action="create", items=[{"title": "A", "originatorId": "1C", "originId": "77"}]
    )
    assert previewed(answer) == {
        "action": "create",
        "entity": "deals",
        "records": 1,
        "changes": [{"called": "A", "after": {"title": "A", "originatorId": "1C", "originId": "77"}}],
    }

    made = await writing.ask("write_items", confirm=answer["confirm"])
    assert row(own_sql, "deals", made["ids"][0], dict.fromkeys(ORIGIN)) == {"originatorId": "1C", "originId": "77"}


async def test_a_preview_shows_before_and_after_by_name(writing: WritingAssistant) -> None:
    answer = await writing.ask(
        "write_items",
        entity="deals",
        action="update",
        items=[{"id": 5, "stage": "won", "amount": 777, "Приоритет": "высокий", "companyId": 7, "comments": None}],
    )

    assert previewed(answer) == {
        "action": "update",
        "entity": "deals",
        "records": 1,
        "labels": {"UF_CRM_1700000001": "Приоритет"},
        "changes": [
            {
                "id": 5,
                "called": "Поставка: фасадная сетка — Nordic Construction Ltd",
                "before": {
                    "amount": 2242916.03,
                    "UF_CRM_1700000001": "204",
                    "UF_CRM_1700000001_name": "Низкий",
                    "companyId": 40,
                    "companyId_name": "Nordic Construction Ltd",
                    "comments": "Согласовано с бухгалтерией.",
                    "stageId": "C5:APOLOGY",
                    "stageId_name": "Анализ причины провала",
                },
                "after": {
                    "amount": 777,
                    "UF_CRM_1700000001": "202",
                    "UF_CRM_1700000001_name": "Высокий",
                    "companyId": 7,
                    "companyId_name": "ООО «БетонИнвест»",
                    "comments": "",
                    "stageId": "C5:WON",
                    "stageId_name": "Сделка успешна",
                },
            }
        ],
    }


async def test_a_preview_of_a_deletion_shows_what_goes(writing: WritingAssistant) -> None:
    answer = await writing.ask("write_items", entity="contacts", action="delete", ids=["2", 3])

    shown = previewed(answer)
    assert {name: value for name, value in shown.items() if name != "changes"} == {
        "action": "delete", "entity": "contacts", "records": 2,
    }  # fmt: skip
    assert [(each["id"], each["called"], each["before"]["name"]) for each in shown["changes"]] == [
        (2, "Ольга Николаева", "Ольга"),
        (3, "Егор Лебедев", "Егор"),
    ]


async def test_a_smart_process_is_written_by_its_title(writing: WritingAssistant, own_sql: Sql) -> None:
    answer = await writing.write(
        "write_items", entity="Закупки", action="update", items=[{"id": 3, "stage": "Получено", "Поставщик": "ООО «А»"}]
    )

    assert answer == done(1, 3)
    assert own_sql("select stageId, ufCrm7_1652689362 from items_156 where id = 3") == [("DT156_41:SUCCESS", "ООО «А»")]


async def test_what_already_is_as_it_should_be_is_left_alone_and_counted(
    writing: WritingAssistant, own_sql: Sql, own_portal: DemoPortal
) -> None:
    (title,) = own_sql("select title from deals where id = 6")[0]
    items = [{"id": 5, "amount": 1}, {"id": 6, "title": title, "comments": None}, {"id": 7, "amount": 2}]
    own_sql_before = own_sql("select * from deals where id = 6")

    answer = await writing.ask("write_items", entity="deals", action="update", items=items)
    assert (previewed(answer)["records"], previewed(answer)["unchanged"]) == (2, [6])
    own_portal.requests.clear()
    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, 5, 7, unchanged=1)

    assert own_sql("select * from deals where id = 6") == own_sql_before


async def test_nothing_to_do_asks_nobody_and_notes_nothing(writing: WritingAssistant) -> None:
    answer = await writing.ask(
        "write_items", entity="deals", action="update", items=[{"id": 5, "amount": "2242916.03", "companyId": 40}]
    )

    assert answer == {
        "done": 0,
        "unchanged": 1,
        "note": "Nothing to write: everything is as it should be already.",
    }
    assert await writing.journal.latest_of_all(5) == []
