"""save_intake_rule: names become codes, a pasted rule is the same rule, and nothing that does not fit is kept."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bitrix24_mcp.demo import DemoPortal, RestSwitches
from oracle import change
from questionnaires import DEAL_CODES, DEAL_RULE, LEAD_RULE, QUIZ, WHOLE_RULE, intake_assistant, save
from writing_assistants import WRITING_DOORS, Door, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

MODE_UNKNOWN = "The gateway does not say whether the CRM works with leads"


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"responsible": "Никто Такой"}, "UNKNOWN_VALUE", "responsible: "),
    ({"responsible": 20}, "USER_DISMISSED", "User 20 was dismissed"),
    ({"responsible": 999_999}, "UNKNOWN_VALUE", "sees no user 999999"),
    ({"responsible": ""}, "REQUIRED_FIELD", "responsible: It is missing"),
    ({"funnel": "Нет такой"}, "UNKNOWN_VALUE", "Партнёры"),
    ({"stage": "NEW"}, "STAGE_OF_ANOTHER_FUNNEL", "C5:NEW"),
    ({"stage": "Нет такой"}, "UNKNOWN_VALUE", "C5:NEW"),
    ({"stage": ""}, "REQUIRED_FIELD", "stage: It is missing"),
    ({"type": "SALES"}, "UNKNOWN_VALUE", "SALE"),
    ({"type": ""}, "REQUIRED_FIELD", "type: It is missing"),
    ({"source": "Телепатия"}, "UNKNOWN_VALUE", "source: "),
    ({"source": ""}, "REQUIRED_FIELD", "source: It is missing"),
    ({"lead_status": "Нет такого"}, "UNKNOWN_VALUE", "lead_status: "),
    ({"lead": True, "tags": {}}, "REQUIRED_FIELD", "lead_status: It is missing"),
    ({"fields": {"deal": {"q": "Нет такого"}}}, "UNKNOWN_FIELD", "fields.deal.q: "),
    ({"fields": {"deal": {"q": "stageId"}}}, "INVALID_FIELD", "filled by the rule itself"),
    ({"fields": {"contact": {"q": "companyId"}}}, "INVALID_FIELD", "filled by the rule itself"),
    ({"fields": {"deal": {"q": "originId"}}}, "INVALID_FIELD", "filled by the rule itself"),
    ({"fields": {"deal": {"q": "createdBy"}}}, "READ_ONLY_FIELD", "fields.deal.q: "),
    ({"fields": {"deal": {"q": "Техническое задание"}}}, "INVALID_FIELD", "holds files"),
    ({"fields": {"deal": {"q": "Площадь", "r": "Площадь"}}}, "FIELD_TAKEN", "q and r go to it"),
    ({"fields": {"contact": {"q": "POST"}, "contact_names": {"job": "post"}}}, "FIELD_TAKEN", "q and job"),
    ({"fields": {"quote": {"q": "title"}}}, "INVALID_ARGUMENT", "lead, deal, company, contact"),
    ({"fields": {"deal": ["title"]}}, "INVALID_ARGUMENT", "fields.deal takes"),
    ({"fields": {"deal": {"q": 5}}}, "INVALID_ARGUMENT", "fields.deal takes"),
    ({"tags": {"Площадь": ["VIP"]}}, "INVALID_FIELD", "UF_CRM_1700000004"),
    ({"tags": {"observers": ["VIP"]}}, "INVALID_FIELD", "UF_CRM_1700000004"),
    ({"tags": {"Теги": ["Нет такого"]}}, "UNKNOWN_VALUE", "tags.Теги: "),
    ({"tags": {"Теги": [{}]}}, "INVALID_ARGUMENT", "a list of texts"),
    ({"rule": {"PerfomerID": "2"}}, "INVALID_ARGUMENT", "PerformerID"),
]
"""What is put in the place of a part, the code of the error, and words that it holds."""


@pytest.fixture(params=WRITING_DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    return request.param


@pytest.fixture
async def assistant(door: Door, portal: DemoPortal, tmp_path: Path) -> AsyncGenerator[WritingAssistant]:
    async with intake_assistant(door, portal.url, tmp_path) as ready:
        yield ready


def without(*names: str) -> dict[str, Any]:
    return {name: each for name, each in DEAL_RULE.items() if name not in names}


async def test_names_become_codes_and_come_back_as_names(assistant: WritingAssistant) -> None:
    assert await save(assistant) == {"saved": True, "rule": DEAL_CODES}
    assert (await assistant.ask("get_intake_rule", quiz=QUIZ))["rule"] == DEAL_CODES


async def test_a_rule_of_the_api_can_be_pasted_whole(assistant: WritingAssistant) -> None:
    saved = await assistant.ask("save_intake_rule", mode="create", quiz=QUIZ, rule=WHOLE_RULE)

    assert saved == {"saved": True, "rule": DEAL_CODES}


async def test_an_argument_wins_over_its_part_of_a_pasted_rule(assistant: WritingAssistant) -> None:
    saved = await assistant.ask(
        "save_intake_rule", mode="create", quiz=18, rule=WHOLE_RULE, source="WEB", tags={"Теги": ["Опт"]}
    )

    assert (saved["rule"]["quiz"], saved["rule"]["source"], saved["rule"]["tags"]) == (
        18,
        "WEB",
        {"UF_CRM_1700000004": ["Опт"]},
    )


async def test_what_is_shown_can_be_given_back(assistant: WritingAssistant) -> None:
    shown = (await save(assistant))["rule"]
    parts = {name: each for name, each in shown.items() if not name.endswith("_name") and name != "labels"}

    assert await assistant.ask("save_intake_rule", mode="change", **parts) == {"saved": True, "rule": shown}


async def test_a_rule_may_make_leads(assistant: WritingAssistant, door: Door) -> None:
    saved = await save(assistant, **LEAD_RULE)

    assert saved["rule"] == {
        "quiz": QUIZ,
        "lead": True,
        "responsible": 2,
        "responsible_name": "Ольга Иванова",
        "source": "WEB",
        "source_name": "Веб-сайт",
        "lead_status": "NEW",
        "lead_status_name": "Не обработан",
        "fields": {"lead": {"interest": "UF_CRM_1700000201", "call": "UF_CRM_1700000202"}},
        "labels": {"lead": {"UF_CRM_1700000201": "Интерес", "UF_CRM_1700000202": "Перезвонить"}},
    }
    assert [note.partition(":")[0] for note in saved.get("notes", [])] == ([MODE_UNKNOWN] * (door == "gateway"))


async def test_a_portal_without_leads_takes_no_rule_that_makes_them(tmp_path: Path) -> None:
    with DemoPortal.start(deals=100, limits=False, rest=RestSwitches(without_leads=True)) as simple:
        async with intake_assistant("rest", simple.url, tmp_path) as assistant:
            error = await assistant.fail("save_intake_rule", mode="create", quiz=QUIZ, **LEAD_RULE)
            await save(assistant)

    assert error["code"] == "LEADS_NOT_USED"


async def test_a_preview_keeps_nothing(assistant: WritingAssistant) -> None:
    shown = await assistant.ask("save_intake_rule", mode="create", quiz=QUIZ, preview=True, **DEAL_RULE)

    assert shown == {"saved": False, "rule": DEAL_CODES}
    assert (await assistant.fail("get_intake_rule", quiz=QUIZ))["code"] == "RULE_NOT_FOUND"


async def test_what_is_there_is_not_created_and_what_is_not_there_is_not_changed(assistant: WritingAssistant) -> None:
    changed = await assistant.fail("save_intake_rule", mode="change", quiz=QUIZ, **DEAL_RULE)
    await save(assistant)
    created = await assistant.fail("save_intake_rule", mode="create", quiz=QUIZ, **DEAL_RULE)

    assert (changed["code"], created["code"]) == ("RULE_NOT_FOUND", "ALREADY_EXISTS")


async def test_a_change_replaces_all_of_it(assistant: WritingAssistant) -> None:
    await save(assistant)
    partly = await assistant.fail("save_intake_rule", mode="change", quiz=QUIZ, **without("tags"))
    saved = await assistant.ask("save_intake_rule", mode="change", quiz=QUIZ, **{**DEAL_RULE, "fields": {}, "tags": {}})

    assert partly["code"] == "INVALID_ARGUMENT"
    assert saved["rule"] == {
        name: each for name, each in DEAL_CODES.items() if name not in {"fields", "tags", "labels"}
    }


@pytest.mark.parametrize("quiz", [0, -3, 1.5, "x", "", None, True, [1], 2**31])
async def test_a_questionnaire_has_a_whole_number_above_0(quiz: Any, assistant: WritingAssistant) -> None:
    error = await assistant.fail("save_intake_rule", mode="create", quiz=quiz, **DEAL_RULE)

    assert error["code"] == "INVALID_QUIZ"


async def test_a_number_may_come_as_a_text(assistant: WritingAssistant) -> None:
    saved = await assistant.ask("save_intake_rule", mode="create", quiz=" 17 ", **DEAL_RULE)

    assert saved["rule"]["quiz"] == QUIZ


@pytest.mark.parametrize(("parts", "code", "words"), WRONG, ids=str)
async def test_a_part_that_does_not_fit_is_an_error(
    parts: dict[str, Any], code: str, words: str, assistant: WritingAssistant
) -> None:
    error = await assistant.fail("save_intake_rule", mode="create", quiz=QUIZ, **{**DEAL_RULE, **parts})

    assert (error["code"], words in f"{error['message']} {error.get('candidates')}") == (code, True), error
    assert (await assistant.fail("get_intake_rule", quiz=QUIZ))["code"] == "RULE_NOT_FOUND"


async def test_everything_that_is_wrong_is_named_at_once(assistant: WritingAssistant) -> None:
    parts = {
        "responsible": 20, "source": "Телепатия", "funnel": 5, "stage": "NEW", "type": "SALES",
        "fields": {"deal": {"q": "Нет"}, "contact": {"r": "Нет"}}, "tags": {"Теги": ["Опт", "Нет"]},
    }  # fmt: skip

    error = await assistant.fail("save_intake_rule", mode="create", quiz=QUIZ, **parts)

    assert error["message"].startswith("Nothing was written: 7 problems.")
    assert error["code"] == "INVALID_RECORDS"
    named = ("responsible:", "source:", "stage:", "type:", "fields.deal.q:", "fields.contact.r:", "tags.Теги:")
    assert [part for part in named if part not in error["message"]] == []


async def test_each_portal_has_its_own_rules(
    assistant: WritingAssistant, own_portal: DemoPortal, tmp_path: Path
) -> None:
    async with intake_assistant("rest", own_portal.url, tmp_path / "other") as other:
        await save(assistant)

        assert (await other.fail("get_intake_rule", quiz=QUIZ))["code"] == "RULE_NOT_FOUND"


async def test_the_portal_is_only_read(own_portal: DemoPortal, tmp_path: Path, door: Door) -> None:
    change(own_portal.database, "create table touched (at text)")
    for table in ("deals", "leads", "contacts", "companies"):
        change(
            own_portal.database,
            f"create trigger touched_{table} after insert on {table} begin insert into touched values ('{table}'); end",
        )
    async with intake_assistant(door, own_portal.url, tmp_path) as assistant:
        await save(assistant)
        operations = (await assistant.ask("undo"))["items"]

    assert operations == []


@pytest.mark.parametrize(
    "settings",
    [{"BITRIX24_MCP_INTAKE": "false"}, {"BITRIX24_MCP_INTAKE": "true", "BITRIX24_MCP_ALLOW_WRITES": "false"}],
    ids=str,
)
async def test_the_tools_are_offered_only_where_the_operator_wants_them_and_writing(
    settings: dict[str, Any], portal: DemoPortal, tmp_path: Path, door: Door
) -> None:
    async with writing_assistant_for(door, portal.url, tmp_path, **settings) as assistant:
        names = {tool.name for tool in (await assistant.client.list_tools()).tools}

    assert names & {"save_intake_rule", "get_intake_rule", "submit_intake"} == set()
    assert not (tmp_path / "intake.sqlite3").exists()
