"""What cannot be written is refused before anything is sent, with everything that is wrong in one error."""

from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from previewing import done, previewed
from seen_writes import writes
from writing_assistants import WritingAssistant

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
AGAIN = "Give everything again, or confirm alone for what was previewed."
TAKES = (
    "write_items takes deals, leads, contacts, companies, quotes, invoices, tasks, products and smart processes; "
    "comments are written with add_comment."
)


def refused(code: str, message: str, **more: Any) -> Json:
    return {"code": code, "message": message, **more}


def update(**item: Any) -> Json:
    return {"entity": "deals", "action": "update", "items": [{"id": 5, **item}]}


def create(entity: str = "deals", **item: Any) -> Json:
    return {"entity": entity, "action": "create", "items": [item]}


WRONG: list[tuple[str, Json, Json]] = [
    ("nothing given", {},
     refused("INVALID_ARGUMENT", f"Entity and action are missing. {AGAIN}", candidates=["entity", "action"])),
    ("no action", {"entity": "deals"},
     refused("INVALID_ARGUMENT", f"Action is missing. {AGAIN}", candidates=["action"])),
    ("no items", {"entity": "deals", "action": "update"},
     refused("INVALID_ARGUMENT", "There are no items. Give one to 500.")),
    ("no ids", {"entity": "deals", "action": "delete"},
     refused("INVALID_ARGUMENT", "There are no ids. Give one to 500.")),
    ("ids to change", {"entity": "deals", "action": "update", "ids": [5]},
     refused("INVALID_ARGUMENT",
             "ids belong to delete. Records are created and changed by items, deleted by ids.")),
    ("items to delete", {"entity": "deals", "action": "delete", "items": [{"id": 5}]},
     refused("INVALID_ARGUMENT",
             "items belong to create and update. Records are created and changed by items, deleted by ids.")),
    ("an item without an id", {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 1}, {"amount": 1}]},
     refused("INVALID_ARGUMENT", "Item 2 has no id. To change a deal, give its id and the new values.")),
    ("an id that is none", {"entity": "deals", "action": "delete", "ids": ["Склад"]},
     refused("INVALID_VALUE", "“Склад” is no id of a deal. Give whole numbers above 0; search_items finds the ids.")),
    ("an id twice", {"entity": "deals", "action": "delete", "ids": [5, "5", 6]},
     refused("INVALID_ARGUMENT",
             "5: named more than once. Put all that is to change of a record into one item.")),
    ("a record that is not there", {"entity": "deals", "action": "delete", "ids": [987_654]},
     refused("NOT_FOUND", "There is no deal 987654. Check the id.")),
    ("people", create("users", name="A"), refused("NOT_WRITABLE", f"Users cannot be written here. {TAKES}")),
    ("comments", create("timelines", comment="A"),
     refused("NOT_WRITABLE", f"Timeline comments cannot be written here. {TAKES}")),
    ("an unknown field", update(stge="won"),
     refused("UNKNOWN_FIELD", "Deals have no field “stge”. The nearest are stageId (Стадия сделки).",
             candidates=["stageId"])),
    ("a field that the portal writes", update(createdAt="today"),
     refused("READ_ONLY_FIELD", "createdAt cannot be written. The portal writes it itself; leave it out.")),
    ("a field that follows from the stage", update(Закрыта=True),
     refused("READ_ONLY_FIELD", "closed cannot be written. It follows from the stage: write stageId.")),
    ("an id for a new record", create(id=7, title="A"),
     refused("READ_ONLY_FIELD", "id cannot be written. The portal writes it itself; leave it out.")),
    ("a field twice", update(amount=1, Сумма=2),
     refused("INVALID_ARGUMENT", "amount is given twice. Name it once.")),
    ("a file", update(UF_CRM_1700000014="plan.pdf"),
     refused("INVALID_VALUE", "UF_CRM_1700000014 holds files, which cannot be written here. Leave it out, and attach "
             "the file in the portal.")),
    ("nothing to change", update(),
     refused("INVALID_ARGUMENT", "Nothing is to be changed. Give the fields to change.")),
    ("a new deal without a title", create(amount=5),
     refused("REQUIRED_FIELD", "title (Название) is missing. The portal requires it.")),
    ("a title that is emptied", update(title=None),
     refused("REQUIRED_FIELD", "title must not be empty. Give it a value, or leave it out.")),
    ("a list for one value", update(amount=[1, 2]),
     refused("INVALID_VALUE", "amount takes one value, not a list. Write it so and call again.")),
    ("a text for a number", update(amount="much"),
     refused("INVALID_VALUE", "amount takes a number, not “much”. Write a number and ask again.")),
    ("two people of one name", update(responsible="Smith"),
     refused("AMBIGUOUS_VALUE", "assignedById: “Smith” can be several people. Use the id: 30 (Emma Smith), 31 (John "
             "Smith).", candidates=["30", "31"])),
    ("nobody's name", update(responsible="John Smit"),
     refused("UNKNOWN_VALUE", "assignedById: this key sees nobody called “John Smit”. The nearest are 31 (John Smith), "
             "40 (Mary Johnson), 30 (Emma Smith).", candidates=["31", "40", "30"],
             next_call={"tool": "search_items", "arguments": {"entity": "users", "sort": "lastName"}})),
    ("a company that nobody knows", update(companyId="Ромашка-Плюс"),
     refused("UNKNOWN_VALUE", "No company that this key can see is called “Ромашка-Плюс”. Look for it by a part of the "
             "name with search_items, then give its id as companyId.",
             next_call={"tool": "search_items",
                        "arguments": {"entity": "companies", "filter": {"title": {"$contains": "Ромашка-"}}}})),
    ("an option that is none", update(Приоритет="Срочный"),
     refused("UNKNOWN_VALUE", "UF_CRM_1700000001 has no value “Срочный”. Its values are 203 (Средний), 202 (Высокий), "
             "204 (Низкий).", candidates=["203", "202", "204"])),
    ("a period for a day", update(closedAt="next_month"),
     refused("INVALID_VALUE", "closedAt takes one day, such as 2026-07-01 or +7d, not a period. Write it so and call "
             "again.")),
    ("a day for a moment", update(UF_CRM_1700000008="2026-07-20"),
     refused("INVALID_VALUE", "UF_CRM_1700000008 takes a moment: give the time as well, such as 2026-07-01T18:00. "
             "Write it so and call again.")),
    ("an amount without its currency", update(UF_CRM_1700000003={"amount": 5}),
     refused("INVALID_VALUE", "UF_CRM_1700000003 takes an amount with its currency, such as 1500|RUB. Write it so and "
             "call again.")),
    ("half a phone", create("contacts", name="A", phone={"type": "WORK"}),
     refused("INVALID_VALUE", 'phone takes texts, or objects such as {"value": "+7 …", "type": "MOBILE"}. Write it so '
             "and call again.")),
    ("a text too long to keep", update(comments="x" * 60_001),
     refused("INVALID_VALUE", "comments takes a text of 60,000 characters at most. Write it so and call again.")),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
async def test_one_wrong_thing_is_named_by_itself(
    arguments: Json, error: Json, writing: WritingAssistant, own_portal: DemoPortal
) -> None:
    refusal = await writing.fail("write_items", **arguments)

    assert refusal == error
    assert writes(own_portal) == []
    assert await writing.journal.latest_of_all(5) == []


async def test_everything_that_is_wrong_is_named_at_once_with_record_and_field(
    writing: WritingAssistant, own_portal: DemoPortal
) -> None:
    items = [
        {"id": 5, "stge": "won", "amount": "much", "responsible": "Smith", "closed": True},
        {"id": 987_654, "title": "A"},
        {"id": 6},
        {"id": 7, "title": "B"},
    ]
    refusal = await writing.fail("write_items", entity="deals", action="update", items=items)

    assert refusal == {
        "code": "INVALID_RECORDS",
        "message": "Nothing was written: 6 problems. "
        "Deal 5: Deals have no field “stge”. The nearest are stageId (Стадия сделки). "
        "Deal 5: closed cannot be written. It follows from the stage: write stageId. "
        "Deal 5: amount takes a number, not “much”. Write a number and ask again. "
        "Deal 5: assignedById: “Smith” can be several people. Use the id: 30 (Emma Smith), 31 (John Smith). "
        "Deal 987654: There is no deal 987654. Check the id. "
        "Deal 6: Nothing is to be changed. Give the fields to change. "
        "Mend them and call again.",
    }
    assert writes(own_portal) == []


async def test_new_records_are_named_by_their_place(writing: WritingAssistant) -> None:
    items = [{"title": "A"}, {"amount": 5}, {"title": True, "categoryId": "Опт", "stageId": "won"}]
    refusal = await writing.fail("write_items", entity="deals", action="create", items=items)

    assert refusal == {
        "code": "INVALID_RECORDS",
        "message": "Nothing was written: 3 problems. "
        "Item 2: title (Название) is missing. The portal requires it. "
        "Item 3: title takes a text, not “True”. Write a text and ask again. "
        "Item 3: categoryId has no value “Опт”. Its values are 0 (Общая), 5 (Партнёры), 7 (Export). "
        "Mend them and call again.",
    }


async def test_the_same_mistake_of_many_is_told_for_the_first_and_counted(writing: WritingAssistant) -> None:
    items = [{"id": number, "amount": "much"} for number in range(1, 31)]
    refusal = await writing.fail("write_items", entity="deals", action="update", items=items)

    told = " ".join(f"Deal {n}: amount takes a number, not “much”. Write a number and ask again." for n in range(1, 13))
    assert refusal == {
        "code": "INVALID_VALUE",
        "message": f"Nothing was written: 30 problems. {told} And 18 more problems. Mend them and call again.",
    }


async def test_five_hundred_records_are_one_call_and_501_are_too_many(writing: WritingAssistant, own_sql: Sql) -> None:
    items = [{"title": f"Bulk {number}"} for number in range(501)]
    refusal = await writing.fail("write_items", entity="deals", action="create", items=items)
    assert refusal["code"] == "INVALID_ARGUMENT"
    assert "at most 500 items" in refusal["message"]

    answer = await writing.ask("write_items", entity="deals", action="create", items=items[:500])
    shown = previewed(answer)
    assert (shown["records"], len(shown["changes"]) + shown["not_shown"]) == (500, 500)
    made = await writing.ask("write_items", confirm=answer["confirm"])

    assert made == done(1, *range(made["ids"][0], made["ids"][0] + 500))
    kept = own_sql("select id, title from deals where title like 'Bulk %' order by id")
    assert kept == [(number, f"Bulk {place}") for place, number in enumerate(made["ids"])]


async def test_501_ids_are_too_many(writing: WritingAssistant) -> None:
    refusal = await writing.fail("write_items", entity="deals", action="delete", ids=list(range(1, 502)))

    assert refusal["code"] == "INVALID_ARGUMENT"
    assert "at most 500 items" in refusal["message"]
