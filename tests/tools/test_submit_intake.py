"""submit_intake: what the portal holds afterwards, by SQL, and that nothing is made twice or changed."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anyio
import pytest

from assistants import Sql, sql_over
from bitrix24_mcp.crm.intake.rules import Answered
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.intake.store import StoredIntake
from oracle import change
from questionnaires import LEAD_RULE, QUIZ, intake_assistant, save
from writing_assistants import WRITING_DOORS, Asked, Door, WritingAssistant

pytestmark = pytest.mark.anyio

MARK = f"intake-{QUIZ}-a1"
PERSON = {"name": "Пётр", "last_name": "Новый", "phone": "8 (916) 000-11-22", "email": "New@client.example"}
ANSWERS: dict[str, Any] = {
    "priority": "высокий",
    "area": "1 120,5",
    "due": "1.08.2026",
    "budget": "12 500",
    "visit": "02.08.2026, 9:30",
    "urgent": "Да",
    "labels": ["Опт", "VIP"],
    "wishes": ["побыстрее", "подешевле"],
    "branches": "3",
    "segment": "B",
    "hobbies": ["лыжи", "сад"],
    "other": "без места",
    "nothing": "",
}
WHOLE: dict[str, Any] = {
    "quiz": QUIZ,
    "answer": "a1",
    "answers": ANSWERS,
    "contact": {**PERSON, "job": "директор", "telegram": "@new"},
    "company": "ООО Новое дело",
}


@pytest.fixture(params=WRITING_DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    return request.param


@pytest.fixture
async def assistant(door: Door, own_portal: DemoPortal, tmp_path: Path) -> AsyncGenerator[WritingAssistant]:
    """One behind which nobody can be asked, with the rule of deals."""
    async with intake_assistant(door, own_portal.url, tmp_path) as ready:
        await save(ready)
        yield ready


@pytest.fixture
def own_sql(own_portal: DemoPortal) -> Sql:
    return sql_over(own_portal.database)


def counts(sql: Sql) -> list[int]:
    return [sql(f"select count(*) from {table}")[0][0] for table in ("leads", "deals", "contacts", "companies")]


def values_of(multifield: str) -> list[str]:
    return [each["VALUE"] for each in json.loads(multifield)]


def ids(answer: dict[str, Any]) -> dict[str, int]:
    return {name: answer[name]["id"] for name in ("lead", "deal", "contact", "company") if name in answer}


async def test_everything_new_is_made_and_linked(assistant: WritingAssistant, own_sql: Sql, door: Door) -> None:
    before = counts(own_sql)

    answer = await assistant.write("submit_intake", **WHOLE)

    made = ids(answer)
    assert [after - earlier for after, earlier in zip(counts(own_sql), before, strict=True)] == [0, 1, 1, 1]
    assert own_sql(
        "select title, categoryId, stageId, typeId, sourceId, assignedById, contactId, companyId, originatorId,"
        " originId from deals where id = ?", made["deal"]
    ) == [
        ("Quiz 17: Пётр Новый", 5, "C5:NEW", "SALE", "CALL", 2, made["contact"], made["company"], "bitrix24-mcp", MARK)
    ]  # fmt: skip
    [(priority, area, due, budget, visit, urgent, labels, wishes)] = own_sql(
        "select UF_CRM_1700000001, UF_CRM_1700000002, UF_CRM_1700000007, UF_CRM_1700000003, UF_CRM_1700000008,"
        " UF_CRM_1700000009, UF_CRM_1700000004, comments from deals where id = ?",
        made["deal"],
    )
    assert (priority, area, due[:10], budget, visit) == (
        "202",
        1120.5,
        "2026-08-01",
        "12500|RUB",
        "2026-08-02T06:30:00Z",
    )
    assert (bool(urgent), json.loads(labels), wishes) == (True, ["301", "302"], "побыстрее, подешевле")
    [(name, last_name, phone, email, post, hobbies, *rest)] = own_sql(
        "select name, lastName, phone, email, post, UF_CRM_1700000212, companyId, assignedById, sourceId, originatorId,"
        " originId from contacts where id = ?",
        made["contact"],
    )
    assert (name, last_name, post, json.loads(hobbies)) == ("Пётр", "Новый", "директор", ["лыжи", "сад"])
    assert (values_of(phone), values_of(email)) == (["8 (916) 000-11-22"], ["New@client.example"])
    assert rest == [made["company"], 2, "CALL", "bitrix24-mcp", MARK]
    assert own_sql(
        "select title, UF_CRM_1700000221, UF_CRM_1700000222, assignedById, sourceId, originId from companies"
        " where id = ?",
        made["company"],
    ) == [("ООО Новое дело", 3, "412", 2, "CALL" if door == "gateway" else None, MARK)]


async def test_the_answer_names_each_record_with_its_card_and_its_operation(
    assistant: WritingAssistant, own_portal: DemoPortal, own_sql: Sql, door: Door
) -> None:
    answer = await assistant.write("submit_intake", **WHOLE)

    host = "demo.bitrix24.ru" if door == "gateway" else own_portal.url.removeprefix("http://")
    made = ids(answer)
    assert answer == {
        "deal": _record("deal", made["deal"], "Quiz 17: Пётр Новый", host),
        "contact": _record("contact", made["contact"], "Пётр Новый", host),
        "company": _record("company", made["company"], "ООО Новое дело", host),
        "operations": [3, 2, 1],
        "notes": ["The rule maps these nowhere: contact.telegram, other."],
    }
    operations = (await assistant.ask("undo"))["items"]
    assert [(each["tool"], each["entity"], each["ids"], each["records"]) for each in operations] == [
        ("submit_intake", "deals", [made["deal"]], {"done": 1}),
        ("submit_intake", "contacts", [made["contact"]], {"done": 1}),
        ("submit_intake", "companies", [made["company"]], {"done": 1}),
    ]
    before = counts(own_sql)
    for number in answer["operations"]:
        assert (await assistant.write("undo", operation=number))["done"] == 1
    assert [after - earlier for after, earlier in zip(counts(own_sql), before, strict=True)] == [0, -1, -1, -1]


def _record(kind: str, number: int, called: str, host: str) -> dict[str, Any]:
    return {"id": number, "called": called, "link": f"https://{host}/crm/{kind}/details/{number}/", "made": True}


async def test_the_same_answer_is_not_written_again(
    assistant: WritingAssistant, own_portal: DemoPortal, own_sql: Sql
) -> None:
    first = await assistant.write("submit_intake", **WHOLE)
    before, asked = counts(own_sql), len(own_portal.requests)

    again = await assistant.ask("submit_intake", quiz=QUIZ, answer="a1")

    assert (ids(again), again["already"], again["operations"]) == (ids(first), True, [3, 2, 1])
    assert counts(own_sql) == before
    assert len(own_portal.requests) - asked <= 2


async def test_nobody_needs_what_this_machine_kept_to_know_an_answer_again(
    assistant: WritingAssistant, own_portal: DemoPortal, tmp_path: Path, door: Door
) -> None:
    first = await assistant.write("submit_intake", **WHOLE)
    async with intake_assistant(door, own_portal.url, tmp_path / "new") as other:
        await save(other)
        again = await other.ask("submit_intake", quiz=QUIZ, answer="a1")

    assert (ids(again), again["already"]) == (ids(first), True)


async def test_an_answer_whose_deal_was_deleted_is_made_anew(assistant: WritingAssistant, own_sql: Sql) -> None:
    first = await assistant.write("submit_intake", **WHOLE)
    await assistant.write("undo", operation=first["operations"][0])

    again = await assistant.write("submit_intake", **WHOLE)

    assert (again["contact"]["made"], again["company"]["made"], again["deal"]["made"]) == (False, False, True)
    assert {**ids(first), "deal": 0} == {**ids(again), "deal": 0}
    assert own_sql("select count(*) from deals where originId = ?", MARK) == [(1,)]


async def test_another_kind_of_record_does_not_make_it_another_answer(
    assistant: WritingAssistant, own_sql: Sql
) -> None:
    first = await assistant.write("submit_intake", **WHOLE)
    await assistant.ask("save_intake_rule", mode="change", quiz=QUIZ, tags={}, **LEAD_RULE)

    again = await assistant.ask("submit_intake", quiz=QUIZ, answer="a1")

    assert (again["deal"]["id"], again["already"]) == (first["deal"]["id"], True)
    assert own_sql("select count(*) from leads where originId = ?", MARK) == [(0,)]


async def test_a_rule_may_make_leads(assistant: WritingAssistant, own_sql: Sql) -> None:
    await save(assistant, 18, **LEAD_RULE)

    answer = await assistant.write(
        "submit_intake", quiz=18, answer=512, contact=PERSON, title="Заявка 512",
        answers={"interest": "Подряд", "call": "нет", "priority": "Высокий"},
    )  # fmt: skip

    lead, contact = ids(answer)["lead"], ids(answer)["contact"]
    assert own_sql(
        "select title, statusId, sourceId, assignedById, contactId, companyId, UF_CRM_1700000201, UF_CRM_1700000202,"
        " originatorId, originId from leads where id = ?", lead
    ) == [("Заявка 512", "NEW", "WEB", 2, contact, 0, "403", 0, "bitrix24-mcp", "intake-18-512")]  # fmt: skip
    assert answer["notes"] == ["The rule maps these nowhere: priority."]
    assert set(ids(answer)) == {"lead", "contact"}


@pytest.mark.parametrize("phone", ["+79183839889", "8 (918) 383-98-89", "7 918 383 98 89", "8-918-383-98-89"])
async def test_a_contact_is_found_by_any_spelling_of_the_phone(
    phone: str, assistant: WritingAssistant, own_sql: Sql
) -> None:
    before = own_sql("select * from contacts order by id")

    answer = await assistant.write("submit_intake", quiz=QUIZ, answer="a1", contact={"name": "Анна", "phone": phone})

    assert (answer["contact"]["id"], answer["contact"]["made"]) == (1, False)
    assert own_sql("select contactId from deals where id = ?", answer["deal"]["id"]) == [(1,)]
    assert own_sql("select * from contacts order by id") == before


@pytest.mark.parametrize(
    "held", ["8 (912) 777-66-55", "+7 912 777 66 55", "79127776655", "8.912.777.66.55", "+7(912)777-6655 доб. 12"]
)
async def test_a_contact_is_found_however_the_portal_holds_the_phone(
    held: str, assistant: WritingAssistant, own_portal: DemoPortal
) -> None:
    kept = json.dumps([{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": held}], ensure_ascii=False)
    change(own_portal.database, "update contacts set phone = ? where id = 7", kept)

    answer = await assistant.write("submit_intake", quiz=QUIZ, answer="a1", contact={"phone": "+7 (912) 777-66-55"})

    assert (answer["contact"]["id"], answer["contact"]["made"]) == (7, False)


async def test_a_contact_is_found_by_an_address_whatever_its_capitals(assistant: WritingAssistant) -> None:
    answer = await assistant.write(
        "submit_intake", quiz=QUIZ, answer="a1", contact={"email": "Mail5049@CLIENT1.example"}
    )

    assert (answer["contact"]["id"], answer["contact"]["found"]) == (1, "has this phone or address")


async def test_nearly_the_same_phone_is_another_person(assistant: WritingAssistant) -> None:
    answer = await assistant.write("submit_intake", quiz=QUIZ, answer="a1", contact={"phone": "+79283839889"})

    assert answer["contact"]["made"]


async def test_of_several_the_oldest_is_taken(assistant: WritingAssistant, own_portal: DemoPortal) -> None:
    change(
        own_portal.database, "update contacts set phone = (select phone from contacts where id = 1) where id in (9, 4)"
    )
    change(own_portal.database, "update contacts set createdTime = '2020-01-01T00:00:00Z' where id = 9")

    answer = await assistant.write("submit_intake", quiz=QUIZ, answer="a1", contact={"phone": "+79183839889"})

    assert (answer["contact"]["id"], answer["notes"]) == (
        9,
        ["Several contacts have this phone or address (9, 1, 4): the oldest is taken."],
    )


async def test_who_is_known_is_linked_and_not_changed(assistant: WritingAssistant, own_sql: Sql) -> None:
    before = (own_sql("select * from contacts"), own_sql("select * from companies"))
    [(company, title)] = own_sql(
        "select c.id, c.title from companies c join contacts k on k.companyId = c.id where k.id = 1"
    )

    answer = await assistant.write(
        "submit_intake", quiz=QUIZ, answer="a1", company="ООО Совсем другое",
        contact={"name": "Анна", "last_name": "Иная", "phone": "+79183839889", "job": "директор"},
        answers={"hobbies": ["шахматы", "бокс"], "branches": 99},
    )  # fmt: skip

    assert (ids(answer)["contact"], ids(answer)["company"]) == (1, company)
    assert own_sql("select contactId, companyId from deals where id = ?", answer["deal"]["id"]) == [(1, company)]
    assert (own_sql("select * from contacts"), own_sql("select * from companies")) == before
    assert answer["notes"] == [
        f"The contact belongs to another company than the one that is named: “{title}” is taken.",
        f"The company {company} is there already and is not changed; not written: branches.",
        "The contact 1 is there already and is not changed; not written: contact.last_name, contact.job, hobbies.",
    ]


async def test_a_company_is_found_by_exactly_its_name(assistant: WritingAssistant, own_sql: Sql) -> None:
    [(title,)] = own_sql("select title from companies where id = 4")

    exact = await assistant.write("submit_intake", quiz=QUIZ, answer="a1", company=title, contact=PERSON)
    part = await assistant.write("submit_intake", quiz=QUIZ, answer="a2", company=title[:-1], contact={"name": "Яна"})

    assert (exact["company"]["id"], exact["company"]["found"]) == (4, "has exactly this name")
    assert own_sql("select companyId from contacts where id = ?", exact["contact"]["id"]) == [(4,)]
    assert part["company"]["made"]


async def test_a_known_contact_is_not_linked_to_a_new_company(assistant: WritingAssistant, own_sql: Sql) -> None:
    answer = await assistant.write(
        "submit_intake", quiz=QUIZ, answer="a1", company="ООО Новое дело", contact={"phone": "+79413763296"}
    )

    assert (answer["contact"]["id"], answer["company"]["made"]) == (2, True)
    assert own_sql("select companyId from contacts where id = 2") == [(0,)]
    assert "The contact 2 is not linked to the new company, because it is not changed." in answer["notes"]


async def test_without_a_person_and_a_company_only_the_deal_is_made(assistant: WritingAssistant, own_sql: Sql) -> None:
    answer = await assistant.write("submit_intake", quiz=QUIZ, answer="a1", answers={"area": 5})

    assert set(ids(answer)) == {"deal"}
    assert own_sql("select title, contactId, companyId from deals where id = ?", answer["deal"]["id"]) == [
        ("Quiz 17, answer a1", 0, 0)
    ]


async def test_a_person_without_a_name_is_called_by_the_answer(assistant: WritingAssistant, own_sql: Sql) -> None:
    answer = await assistant.write("submit_intake", quiz=QUIZ, answer="a1", contact={"phone": "+7 900 111 22 33"})

    assert own_sql("select name from contacts where id = ?", answer["contact"]["id"]) == [("Quiz 17, answer a1",)]


async def test_answers_that_do_not_fit_are_named_at_once_and_nothing_is_written(
    assistant: WritingAssistant, own_sql: Sql
) -> None:
    before = counts(own_sql)
    wrong = {
        "priority": "Срочнейший",
        "area": "много",
        "due": "когда-нибудь",
        "labels": ["Опт", "Нет"],
        "branches": [1, 2],
    }

    error = await assistant.fail(
        "submit_intake", quiz=QUIZ, answer="a1", answers=wrong, contact={"phone": "нет", "email": "нет"}
    )

    assert error["message"].startswith("Nothing was written: 7 problems.")
    assert [name for name in (*wrong, "contact.phone", "contact.email") if f"{name}: " not in error["message"]] == []
    assert counts(own_sql) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"quiz": 0, "answer": "a1"}, "INVALID_QUIZ"),
        ({"answer": "a1"}, "INVALID_QUIZ"),
        ({"quiz": QUIZ}, "INVALID_ARGUMENT"),
        ({"quiz": QUIZ, "answer": "x" * 101}, "INVALID_VALUE"),
        ({"quiz": QUIZ, "answer": "a\nb"}, "INVALID_VALUE"),
        ({"quiz": 404, "answer": "a1"}, "RULE_NOT_FOUND"),
    ],
    ids=str,
)
async def test_a_wrong_call_is_an_error(arguments: dict[str, Any], code: str, assistant: WritingAssistant) -> None:
    assert (await assistant.fail("submit_intake", **arguments))["code"] == code


async def test_a_rule_that_no_longer_fits_makes_nothing(
    assistant: WritingAssistant, own_portal: DemoPortal, tmp_path: Path, door: Door
) -> None:
    assert (await assistant.ask("get_intake_rule", quiz=QUIZ)).get("problems") is None
    change(own_portal.database, "update users set active = 0 where id = 2")
    async with intake_assistant(door, own_portal.url, tmp_path) as later:
        error = await later.fail("submit_intake", **WHOLE)

    assert (error["code"], "User 2 was dismissed" in error["message"]) == ("RULE_OUTDATED", True)


async def test_a_person_is_shown_every_step(door: Door, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path) -> None:
    person = Asked()
    async with intake_assistant(door, own_portal.url, tmp_path, person=person) as assistant:
        await save(assistant)
        answer = await assistant.ask("submit_intake", **{**WHOLE, "contact": {"phone": "+79413763296"}})

    [question] = person.questions
    lines = [line.partition(" on ")[0] for line in question.splitlines() if not line.startswith("•")]
    assert lines[:3] == [
        "Create 1 company",
        "Use contact 2 “Ольга Николаева”, which has this phone or address.",
        "Create 1 deal",
    ]
    assert "the new company above" in question
    assert own_sql("select companyId from deals where id = ?", answer["deal"]["id"]) == [(answer["company"]["id"],)]


async def test_a_preview_shows_what_does_not_exist_yet_by_its_place(assistant: WritingAssistant, own_sql: Sql) -> None:
    before = counts(own_sql)

    shown = await assistant.ask("submit_intake", preview=True, **WHOLE)

    company, contact, deal = shown["preview"]["steps"]
    assert [each["entity"] for each in (company, contact, deal)] == ["companies", "contacts", "deals"]
    assert contact["changes"][0]["after"]["companyId"] == "the new company above"
    assert {name: each for name, each in deal["changes"][0]["after"].items() if name in {"contactId", "companyId"}} == {
        "contactId": "the new contact above",
        "companyId": "the new company above",
    }
    assert counts(own_sql) == before


async def test_a_confirmation_does_not_hold_for_what_came_meanwhile(
    assistant: WritingAssistant, own_portal: DemoPortal, own_sql: Sql
) -> None:
    shown = await assistant.ask("submit_intake", **WHOLE)
    kept = json.dumps([{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "+79160001122"}])
    change(own_portal.database, "update contacts set phone = ? where id = 7", kept)
    before = counts(own_sql)

    error = await assistant.fail("submit_intake", confirm=shown["confirm"])

    assert error["code"] == "CHANGED_MEANWHILE"
    assert counts(own_sql) == before


async def test_what_another_call_submitted_meanwhile_is_the_answer(assistant: WritingAssistant, own_sql: Sql) -> None:
    shown = await assistant.ask("submit_intake", **WHOLE)
    first = await assistant.write("submit_intake", **WHOLE)
    before = counts(own_sql)

    answer = await assistant.ask("submit_intake", confirm=shown["confirm"])

    assert (ids(answer), answer["already"]) == (ids(first), True)
    assert counts(own_sql) == before


async def test_calls_at_once_make_one(assistant: WritingAssistant, own_sql: Sql) -> None:
    codes = [(await assistant.ask("submit_intake", **WHOLE))["confirm"] for _ in range(4)]
    results: list[Any] = []

    async def confirm(code: str) -> None:
        results.append((await assistant.raw("submit_intake", confirm=code)).structured_content)

    async with anyio.create_task_group() as group:
        for code in codes:
            group.start_soon(confirm, code)

    made = [each for each in results if each.get("deal", {}).get("made")]
    assert len(made) == 1
    others = [each for each in results if each not in made]
    assert {each["error"]["code"] if "error" in each else each["already"] for each in others} <= {
        "SUBMISSION_UNDER_WAY", "CHANGED_MEANWHILE", True,
    }  # fmt: skip
    for table in ("deals", "contacts", "companies"):
        assert own_sql(f"select count(*) from {table} where originId = ?", MARK) == [(1,)]


async def test_a_refused_step_stops_there_and_the_next_call_goes_on(
    assistant: WritingAssistant, own_portal: DemoPortal, own_sql: Sql, door: Door
) -> None:
    path = "/v1/contacts" if door == "gateway" else "*crm.item.add"
    own_portal.inject(Fault("access_denied", path=path, method="POST", after=0 if door == "gateway" else 1))

    first = await assistant.write("submit_intake", **WHOLE)
    again = await assistant.write("submit_intake", **WHOLE)

    assert set(ids(first)) == {"company"}
    assert first["stopped"].startswith("The contact was not made.")
    assert "After that the deal was not sent." in first["stopped"]
    assert (again["company"]["id"], again["company"]["made"]) == (first["company"]["id"], False)
    assert (again["contact"]["made"], again["deal"]["made"]) == (True, True)
    for table in ("deals", "contacts", "companies"):
        assert own_sql(f"select count(*) from {table} where originId = ?", MARK) == [(1,)]


async def test_a_refused_first_step_is_an_error(
    assistant: WritingAssistant, own_portal: DemoPortal, own_sql: Sql, door: Door
) -> None:
    before = counts(own_sql)
    shown = await assistant.ask("submit_intake", **WHOLE)
    own_portal.inject(Fault("access_denied", path="/v1/companies" if door == "gateway" else "*crm.item.add"))

    error = await assistant.fail("submit_intake", confirm=shown["confirm"])

    assert error["message"].startswith("The company was not made.")
    assert counts(own_sql) == before


async def test_an_unknown_step_blocks_until_it_is_known(
    assistant: WritingAssistant, own_portal: DemoPortal, own_sql: Sql, door: Door
) -> None:
    own_portal.inject(_of_third_record("drop", door))

    first = await assistant.write("submit_intake", **WHOLE)
    again = await assistant.fail("submit_intake", **WHOLE)
    assistant.calendar.passes(minutes=4)
    later = await assistant.write("submit_intake", **WHOLE)

    assert set(ids(first)) == {"company", "contact"}
    assert first["stopped"].startswith("Nobody knows whether the deal was made, operation 3.")
    assert again["code"] == "OUTCOME_UNKNOWN"
    assert (later["deal"]["made"], {**ids(later), "deal": 0}) == (True, {**ids(first), "deal": 0})
    for table in ("deals", "contacts", "companies"):
        assert own_sql(f"select count(*) from {table} where originId = ?", MARK) == [(1,)]


@pytest.mark.parametrize("lost", ["drop_after", "failed_after"])
async def test_a_step_whose_answer_is_lost_is_found_by_its_mark(
    lost: FaultKind, assistant: WritingAssistant, own_portal: DemoPortal, own_sql: Sql, door: Door
) -> None:
    own_portal.inject(_of_third_record(lost, door))

    answer = await assistant.write("submit_intake", **WHOLE)

    assert own_sql("select id from deals where originId = ?", MARK) == [(answer["deal"]["id"],)]
    assert "stopped" not in answer


def _of_third_record(kind: FaultKind, door: Door) -> Fault:
    """A fault that strikes the deal, which is made after the company and the contact."""
    if door == "gateway":
        return Fault(kind, path="/v1/deals", method="POST")
    return Fault(kind, path="*crm.item.add", after=2)


async def test_an_attempt_that_was_killed_holds_the_answer_for_ten_minutes_only(
    assistant: WritingAssistant, own_portal: DemoPortal, tmp_path: Path, door: Door
) -> None:
    portal = "demo.bitrix24.ru" if door == "gateway" else own_portal.url.removeprefix("http://")
    killed = StoredIntake.in_folder(tmp_path, now=assistant.calendar)
    assert await killed.claim(Answered(portal, QUIZ, "a1"))

    shown = await assistant.ask("submit_intake", **WHOLE)
    error = await assistant.fail("submit_intake", confirm=shown["confirm"])
    assistant.calendar.passes(minutes=10)
    answer = await assistant.write("submit_intake", **WHOLE)

    assert (error["code"], answer["deal"]["made"]) == ("SUBMISSION_UNDER_WAY", True)


async def test_what_the_key_may_not_see_any_more_is_not_made_again(
    own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    """A seller's records that belong to somebody else from the beginning cannot be found by their mark."""
    async with intake_assistant("rest", own_portal.url, tmp_path, key="57/demo-seller") as seller:
        await save(seller)
        error = await seller.fail("submit_intake", **WHOLE)
        assert "budget takes an amount with its currency" in error["message"].replace("UF_CRM_1700000003", "budget")
        first = await seller.write("submit_intake", **{**WHOLE, "answers": {**ANSWERS, "budget": "12 500|RUB"}})
        again = await seller.ask("submit_intake", quiz=QUIZ, answer="a1")

    assert (ids(again), again["already"]) == (ids(first), True)
    for table in ("deals", "contacts", "companies"):
        assert own_sql(f"select count(*) from {table} where originId = ?", MARK) == [(1,)]


@pytest.mark.parametrize("name", ["save_intake_rule", "get_intake_rule", "submit_intake"])
async def test_the_file_of_rules_that_cannot_be_used_is_an_error(
    name: str, assistant: WritingAssistant, tmp_path: Path, own_sql: Sql
) -> None:
    before = counts(own_sql)
    (tmp_path / "intake.sqlite3").write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    arguments = {"save_intake_rule": {"mode": "create", "quiz": QUIZ}, "submit_intake": {"quiz": QUIZ, "answer": "a1"}}

    error = await assistant.fail(name, **arguments.get(name, {"quiz": QUIZ}))

    assert (error["code"], counts(own_sql)) == ("INTAKE_UNUSABLE", before)


async def test_answers_are_taken_as_people_write_them(assistant: WritingAssistant) -> None:
    fields = {"area": 2, "urgent": 9, "due": 7, "visit": 8, "labels": 4, "budget": 3, "priority": 1}
    said: list[tuple[str, Any, Any]] = [
        ("area", "5", 5), ("area", 5.25, 5.25), ("area", "1 000", 1000), ("area", "-1,5", -1.5), ("area", [7], 7),
        ("urgent", "нет", False), ("urgent", "ДА", True), ("urgent", True, True), ("urgent", "1", True),
        ("due", "31.12.2026", "2026-12-31"), ("due", "2026-12-31", "2026-12-31"), ("due", "завтра", "2026-07-16"),
        ("visit", "1.2.2027 9:05", "2027-02-01T09:05:00+03:00"),
        ("labels", "опт", ["301", "302"]), ("labels", ["VIP", "VIP"], ["302"]), ("labels", "303", ["303", "302"]),
        ("budget", 10, "10|RUB"), ("budget", "10,5", "10.5|RUB"), ("budget", "1 000|USD", "1000|USD"),
        ("priority", 203, "203"), ("priority", " средний ", "203"),
    ]  # fmt: skip
    found: list[Any] = []
    for question, answer, _ in said:
        shown = await assistant.ask("submit_intake", quiz=QUIZ, answer="a1", answers={question: answer}, preview=True)
        found.append(shown["preview"]["steps"][-1]["changes"][0]["after"][f"UF_CRM_170000000{fields[question]}"])

    assert found == [expected for _, _, expected in said]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("area", "12 этаж"), ("area", True), ("area", [1, 2]), ("area", "1,000,000"), ("urgent", "может быть"),
        ("due", "31.02.2026"), ("due", "2026"), ("visit", "1.2.2027"), ("labels", ["Опт", "опти"]),
        ("budget", "дорого"), ("priority", ["Высокий", "Низкий"]), ("wishes", {"a": 1}),
    ],
    ids=str,
)  # fmt: skip
async def test_what_a_field_cannot_hold_is_an_error_by_its_question(
    question: str, answer: Any, assistant: WritingAssistant
) -> None:
    error = await assistant.fail("submit_intake", quiz=QUIZ, answer="a1", answers={question: answer})

    assert error["message"].startswith(f"{question}: ")
    assert error["code"] in {"INVALID_VALUE", "UNKNOWN_VALUE"}
