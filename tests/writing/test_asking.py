"""The person behind the client is asked: what they see, and what each of their answers does."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, ErrorData

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from previewing import DECLINED, done, previewed
from seen_writes import writes
from writing_assistants import Asked, Calendar, Door, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

MODES = ["legacy", "2026-07-28"]
CHANGE: dict[str, Any] = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]}
AMOUNT = 2242916.03


def host(portal: DemoPortal, door: Door) -> str:
    """What each door calls the demo portal."""
    return portal.url.removeprefix("http://") if door == "rest" else "demo.bitrix24.ru"


def amount(sql: Sql) -> float:
    return sql("select amount from deals where id = 5")[0][0]


@pytest.mark.parametrize("mode", MODES)
async def test_the_question_shows_everything_that_would_be_written(
    mode: str, writing_door: Door, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    person = Asked()
    change = {
        "stage": "won", "amount": 777, "Приоритет": "Высокий", "Теги": ["VIP", "Опт"], "responsible": "Егор Никитин",
        "observers": None, "comments": "Раз\nдва", "Срочно": False, "closedAt": "+7d",
    }  # fmt: skip
    async with writing_assistant_for(writing_door, own_portal.url, tmp_path, person=person, mode=mode) as writing:
        assert await writing.ask("write_items", **{**CHANGE, "items": [{"id": 5, **change}]}) == done(1, 5)

    [question] = person.questions
    assert question == (
        f"Change 1 deal on {host(own_portal, writing_door)} as “Алексей Северов”:\n"
        "• deal 5 “Поставка: фасадная сетка — Nordic Construction Ltd”: amount: 2242916.03 → 777; “Приоритет” "
        "(UF_CRM_1700000001): “Низкий” (204) → “Высокий” (202); “Теги” (UF_CRM_1700000004): empty → [“VIP” (302), "
        "“Опт” (301)]; assignedById: “Наталья Орлова” (11) → “Егор Никитин” (20); observers: [“Вера Павлова” (19)] → "
        "empty; comments: “Согласовано с бухгалтерией.” → “Раз⏎два”; “Срочно” (UF_CRM_1700000009): yes → no; closedAt: "
        "“2023-07-30” → “2026-07-22”; stageId: “Анализ причины провала” (C5:APOLOGY) → “Сделка успешна” (C5:WON)\n"
        "assignedById: “Егор Никитин” (20) is dismissed."
    )
    assert amount(own_sql) == 777.0


async def test_a_question_on_new_records_and_one_on_deletions(
    writing_door: Door, own_portal: DemoPortal, tmp_path: Path
) -> None:
    person = Asked()
    new = {"title": "Договор", "funnel": "Renewals", "Вид договора": "Подряд"}
    async with writing_assistant_for(writing_door, own_portal.url, tmp_path, person=person) as writing:
        await writing.ask("write_items", entity="contracts", action="create", items=[new, {"title": "Ещё"}])
        await writing.ask("write_items", entity="contacts", action="delete", ids=[2, 3])
        await writing.ask("undo", operation=1)

    portal = host(own_portal, writing_door)
    creating, deleting, undoing = person.questions
    assert creating == (
        f"Create 2 items of “Contracts” on {portal} as “Алексей Северов”:\n"
        "• new “Договор”: title: “Договор”; categoryId: “Renewals” (9); “Вид договора” (ufCrm3_1700000101): “Подряд” "
        "(502)\n"
        "• new “Ещё”: title: “Ещё”\n"
        "xmlId will hold a mark by which each can be found again."
    )
    assert deleting == (
        f"Delete for good 2 contacts on {portal} as “Алексей Северов”:\n"
        "• contact 2 “Ольга Николаева”\n"
        "• contact 3 “Егор Лебедев”"
    )
    assert undoing == (
        f"Delete for good 2 items of “Contracts” on {portal} as “Алексей Северов”, which reverses operation 1:\n"
        "• item 91 “Договор”\n"
        "• item 92 “Ещё”"
    )


async def test_of_many_records_twenty_are_shown_and_the_rest_is_counted(
    own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    person = Asked()
    items = [{"id": number, "amount": 3, "Приоритет": "Высокий"} for number in range(1, 24)]
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, person=person) as writing:
        assert (await writing.ask("write_items", entity="deals", action="update", items=items))["done"] == 23

    lines = person.questions[0].split("\n")
    assert (lines[0], len(lines)) == ("Change 23 deals on demo.bitrix24.ru as “Алексей Северов”:", 22)
    assert [line.split()[2] for line in lines[1:21]] == [str(number) for number in range(1, 21)]
    [(high,)] = own_sql("select count(*) from deals where id < 24 and UF_CRM_1700000001 = '202'")
    assert (high, lines[21].split(": ", 1)[0]) == (23, "… and 3 more. In all")
    assert "amount: 3 (23)" in lines[21]


ANSWERS: list[tuple[str, ElicitResult]] = [
    ("not ticked", ElicitResult(action="accept", content={"confirm": False})),
    ("no content", ElicitResult(action="accept")),
    ("nothing of it", ElicitResult(action="accept", content={})),
    ("a word for yes", ElicitResult(action="accept", content={"confirm": "true"})),
    ("another field", ElicitResult(action="accept", content={"yes": True})),
    ("declined", ElicitResult(action="decline")),
    ("declined though ticked", ElicitResult(action="decline", content={"confirm": True})),
    ("closed", ElicitResult(action="cancel")),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answer", [each[1] for each in ANSWERS], ids=[each[0] for each in ANSWERS])
async def test_whatever_is_no_clear_yes_writes_nothing(
    answer: ElicitResult, mode: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    person = Asked(answer)
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, person=person, mode=mode) as writing:
        assert await writing.ask("write_items", **CHANGE) == {"done": 0, "note": DECLINED}
        assert await writing.journal.latest_of_all(5) == []

    assert len(person.questions) == 1
    assert (amount(own_sql), writes(own_portal)) == (AMOUNT, [])


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_without_a_form_gets_a_code(mode: str, own_portal: DemoPortal, tmp_path: Path) -> None:
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, mode=mode) as writing:
        answer = await writing.ask("write_items", **CHANGE)

        assert previewed(answer)["records"] == 1
        assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, 5)


@pytest.mark.parametrize("mode", MODES)
async def test_what_changes_while_the_person_thinks_is_not_overwritten(
    mode: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    def meanwhile() -> None:
        with sqlite3.connect(own_portal.database) as connection:
            connection.execute("update deals set comments = 'called' where id = 5")
        connection.close()

    person = Asked(meanwhile=meanwhile)
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, person=person, mode=mode) as writing:
        error = await writing.fail("write_items", **CHANGE)

    assert error["code"] == "CHANGED_MEANWHILE"
    assert (amount(own_sql), writes(own_portal)) == (AMOUNT, [])


@pytest.mark.parametrize("mode", MODES)
async def test_a_yes_after_ten_minutes_is_too_late(
    mode: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    calendar = Calendar()
    person = Asked(meanwhile=lambda: calendar.passes(minutes=10))
    async with writing_assistant_for(
        "gateway", own_portal.url, tmp_path, person=person, mode=mode, calendar=calendar
    ) as writing:
        error = await writing.fail("write_items", **CHANGE)

    assert error["code"] == "CONFIRMATION_UNKNOWN"
    assert (amount(own_sql), writes(own_portal)) == (AMOUNT, [])


class Unwilling(Asked):
    """A client that says it can ask, and then answers with an error."""

    async def __call__(self, _: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.questions.append(params.message)
        return ErrorData(code=-1, message="the window was closed")  # pyright: ignore[reportReturnType] - the SDK takes it


async def test_a_client_that_fails_to_ask_writes_nothing(own_portal: DemoPortal, tmp_path: Path) -> None:
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, person=Unwilling()) as writing:
        error = await writing.fail("write_items", **CHANGE)

    assert error == {
        "code": "NOT_ASKED",
        "message": "The client did not bring an answer from its user. Nothing was written. Ask the user whether to try "
        "again.",
    }
    assert writes(own_portal) == []


@pytest.mark.parametrize("mode", MODES)
async def test_the_journal_names_the_client(mode: str, own_portal: DemoPortal, tmp_path: Path) -> None:
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, person=Asked(), mode=mode) as writing:
        await writing.ask("write_items", **CHANGE)
        [operation] = await writing.journal.latest_of_all(5)

    assert (operation.tool, operation.client, operation.user_id) == ("write_items", "mcp 0.1.0", 1)


async def test_a_person_who_can_be_asked_is_asked_each_time(
    writing_door: Door, own_portal: DemoPortal, tmp_path: Path
) -> None:
    """No code is given that a model could use in their place."""
    person = Asked()
    async with writing_assistant_for(writing_door, own_portal.url, tmp_path, person=person) as writing:
        first = await writing.ask("write_items", **CHANGE)
        await undone_and_done_again(writing)

    assert "confirm" not in first
    assert len(person.questions) == 3


async def undone_and_done_again(writing: WritingAssistant) -> None:
    assert (await writing.ask("undo", operation=1))["done"] == 1
    assert (await writing.ask("write_items", **CHANGE))["done"] == 1
