"""`write_items` takes what people say: names of people, companies and values, labels of fields, dates in words."""

import json
from typing import Any

import pytest

from assistants import Sql
from previewing import done, previewed
from writing_assistants import WritingAssistant

pytestmark = pytest.mark.anyio

DEAL = 5
WRITTEN: list[tuple[str, Any, str, Any, Any]] = [
    # what is written into which field, the column, what is kept there, what the preview shows
    ("assignedById", "me", "assignedById", 1, "Алексей Северов"),
    ("Ответственный", "я", "assignedById", 1, "Алексей Северов"),
    ("responsible", "Emma Smith", "assignedById", 30, "Emma Smith"),
    ("assignedById", "smith john", "assignedById", 31, "John Smith"),
    ("assignedById", "Северов", "assignedById", 1, "Алексей Северов"),
    ("assignedById", "30", "assignedById", 30, "Emma Smith"),
    ("Куратор", "Emma Smith", "UF_CRM_1700000006", 30, "Emma Smith"),
    ("observers", ["me", "Emma Smith"], "observers", "[1, 30]", ["Алексей Северов", "Emma Smith"]),
    ("observers", "me", "observers", "[1]", ["Алексей Северов"]),
    ("companyId", "ООО «БетонИнвест»", "companyId", 7, "ООО «БетонИнвест»"),
    ("Компания", "7", "companyId", 7, "ООО «БетонИнвест»"),
    ("sourceId", "веб-сайт", "sourceId", "WEB", "Веб-сайт"),
    ("Тип", "Продажа товара", "typeId", "GOODS", "Продажа товара"),
    ("Отрасль клиента", "логистика", "UF_CRM_1700000013", "DELIVERY", "Логистика"),
    ("Приоритет", "высокий", "UF_CRM_1700000001", "202", "Высокий"),
    ("UF_CRM_1700000001", 203, "UF_CRM_1700000001", "203", "Средний"),
    ("ufCrm_1700000001", "203", "UF_CRM_1700000001", "203", "Средний"),
    ("Теги", ["VIP", "опт"], "UF_CRM_1700000004", '["302", "301"]', ["VIP", "Опт"]),
    ("Теги", "VIP", "UF_CRM_1700000004", '["302"]', ["VIP"]),
    ("currency", "eur", "currency", "EUR", None),
]
PLAIN: list[tuple[str, Any, str, Any, Any]] = [
    ("Сумма", "1500.50", "amount", 1500.5, 1500.5),
    ("opportunity", 12, "amount", 12.0, 12),
    ("Бюджет клиента", "1500|RUB", "UF_CRM_1700000003", "1500|RUB", "1500|RUB"),
    ("Бюджет клиента", {"amount": 1500.5, "currency": "EUR"}, "UF_CRM_1700000003", "1500.5|EUR", "1500.5|EUR"),
    ("Срочно", False, "UF_CRM_1700000009", 0, False),
    ("Количество этажей", "9", "UF_CRM_1700000005", 9, 9),
    ("Дата сдачи", "tomorrow", "UF_CRM_1700000007", "2026-07-16", "2026-07-16"),
    ("closedAt", "+7d", "closedAt", "2026-07-22", "2026-07-22"),
    ("closedAt", "вчера", "closedAt", "2026-07-14", "2026-07-14"),
    ("Выезд замерщика", "2026-07-20T18:00", "UF_CRM_1700000008", "2026-07-20T15:00:00Z", "2026-07-20T18:00:00+03:00"),
    ("Выезд замерщика", "2026-07-20T18:00Z", "UF_CRM_1700000008", "2026-07-20T18:00:00Z", "2026-07-20T21:00:00+03:00"),
    ("Выезд замерщика", "+2h", "UF_CRM_1700000008", "2026-07-15T11:00:00Z", "2026-07-15T14:00:00+03:00"),
    ("comments", "Раз\nдва", "comments", "Раз\nдва", "Раз⏎два"),
    ("comments", None, "comments", None, ""),
    ("comments", "", "comments", None, ""),
    ("observers", [], "observers", "[]", ""),
    ("companyId", None, "companyId", 0, ""),
    ("UF_CRM_1700000001", None, "UF_CRM_1700000001", None, ""),
    ("UF_CRM_1700000015", None, "UF_CRM_1700000015", None, ""),
]  # fmt: skip


def kept(sql: Sql, column: str) -> Any:
    return sql(f'select "{column}" from deals where id = ?', DEAL)[0][0]


@pytest.mark.parametrize(("field", "value", "column", "stored", "name"), WRITTEN)
async def test_a_name_is_written_as_its_code(
    field: str, value: Any, column: str, stored: Any, name: Any, writing: WritingAssistant, own_sql: Sql
) -> None:
    answer = await writing.ask("write_items", entity="deals", action="update", items=[{"id": DEAL, field: value}])

    [change] = previewed(answer)["changes"]
    assert change["after"].get(f"{column}_name") == name
    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, DEAL)
    assert kept(own_sql, column) == stored


@pytest.mark.parametrize(("field", "value", "column", "stored", "shown"), PLAIN)
async def test_a_value_is_written_in_the_portals_form(
    field: str, value: Any, column: str, stored: Any, shown: Any, writing: WritingAssistant, own_sql: Sql
) -> None:
    answer = await writing.ask("write_items", entity="deals", action="update", items=[{"id": DEAL, field: value}])

    [change] = previewed(answer)["changes"]
    assert change["after"] == {column: shown}
    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, DEAL)
    assert kept(own_sql, column) in {stored, "" if stored is None else stored}


PHONES: list[tuple[Any, list[tuple[str, str]]]] = [
    ("+7 495 1", [("+7 495 1", "WORK")]),
    (["+7 495 1", "+7 495 2"], [("+7 495 1", "WORK"), ("+7 495 2", "WORK")]),
    ({"value": "+7 495 1", "type": "mobile"}, [("+7 495 1", "MOBILE")]),
    ([{"VALUE": "+7 495 1", "VALUE_TYPE": "HOME"}, "+7 495 2"], [("+7 495 1", "HOME"), ("+7 495 2", "WORK")]),
    ({"value": "+7 495 1", "valueType": "fax"}, [("+7 495 1", "FAX")]),
    ([], []),
    (None, []),
]


@pytest.mark.parametrize(("written", "stored"), PHONES)
async def test_phones_come_as_texts_lists_and_objects(
    written: Any, stored: list[tuple[str, str]], writing: WritingAssistant, own_sql: Sql
) -> None:
    answer = await writing.ask("write_items", entity="contacts", action="update", items=[{"id": 1, "phone": written}])

    [change] = previewed(answer)["changes"]
    assert change["before"] == {"phone": ["+79183839889 (MOBILE)"]}
    assert change["after"] == {"phone": [f"{value} ({kind})" for value, kind in stored] or ""}
    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, 1)
    assert phones(own_sql) == stored


async def test_a_phone_that_stays_keeps_what_it_is_for(writing: WritingAssistant, own_sql: Sql) -> None:
    items = [{"id": 1, "phone": ["+7 495 1", "+79183839889"]}]
    assert await writing.write("write_items", entity="contacts", action="update", items=items) == done(1, 1)
    assert phones(own_sql) == [("+7 495 1", "WORK"), ("+79183839889", "MOBILE")]

    again = await writing.ask("write_items", entity="contacts", action="update", items=items)
    assert (again["done"], again["unchanged"]) == (0, 1)


async def test_what_a_phone_is_for_can_be_changed_alone(writing: WritingAssistant, own_sql: Sql) -> None:
    items = [{"id": 1, "phone": {"value": "+79183839889", "type": "HOME"}}]

    assert await writing.write("write_items", entity="contacts", action="update", items=items) == done(1, 1)
    assert phones(own_sql) == [("+79183839889", "HOME")]


def phones(sql: Sql) -> list[tuple[str, str]]:
    rows = json.loads(sql("select phone from contacts where id = 1")[0][0])
    return sorted((each["VALUE"], each["VALUE_TYPE"]) for each in rows)


async def test_somebody_who_is_dismissed_is_pointed_out(writing: WritingAssistant, own_sql: Sql) -> None:
    """The portal takes them without a word, and nobody would look after the record."""
    items = [{"id": 5, "responsible": "Егор Никитин"}, {"id": 6, "observers": [20, 30]}, {"id": 7, "assignedById": 30}]
    answer = await writing.ask("write_items", entity="deals", action="update", items=items)

    assert own_sql("select active from users where id = 20") == [(0,)]
    assert previewed(answer)["notes"] == ["assignedById, observers: “Егор Никитин” (20) is dismissed."]
    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, 5, 6, 7)


async def test_a_linked_record_that_is_not_there_is_pointed_out(writing: WritingAssistant) -> None:
    answer = await writing.ask(
        "write_items", entity="deals", action="update", items=[{"id": 5, "companyId": 987_654, "contactId": 3}]
    )

    assert previewed(answer)["notes"] == ["companyId: this key can see no record 987654."]
