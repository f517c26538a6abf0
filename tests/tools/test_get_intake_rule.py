"""get_intake_rule: the rule as it is kept, and what of it the portal would not take any more."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bitrix24_mcp.demo import DemoPortal
from oracle import change
from questionnaires import DEAL_CODES, DEAL_RULE, LEAD_RULE, QUIZ, intake_assistant, save
from writing_assistants import WRITING_DOORS, Calendar, Door, WritingAssistant

pytestmark = pytest.mark.anyio


@pytest.fixture(params=WRITING_DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    return request.param


@pytest.fixture
async def assistant(door: Door, own_portal: DemoPortal, tmp_path: Path) -> AsyncGenerator[WritingAssistant]:
    async with intake_assistant(door, own_portal.url, tmp_path) as ready:
        yield ready


async def test_it_says_when_the_rule_was_made_and_changed(assistant: WritingAssistant) -> None:
    await save(assistant)
    assistant.calendar.passes(hours=2)
    await assistant.ask("save_intake_rule", mode="change", quiz=QUIZ, **DEAL_RULE)

    assert await assistant.ask("get_intake_rule", quiz=QUIZ) == {
        "rule": DEAL_CODES,
        "created_at": "2026-07-15T12:00:00+03:00",
        "changed_at": "2026-07-15T14:00:00+03:00",
    }


@pytest.mark.parametrize("quiz", [0, "x", 1.5, -1])
async def test_a_questionnaire_has_a_whole_number_above_0(quiz: Any, assistant: WritingAssistant) -> None:
    assert (await assistant.fail("get_intake_rule", quiz=quiz))["code"] == "INVALID_QUIZ"


async def test_a_questionnaire_without_a_rule_has_none(assistant: WritingAssistant) -> None:
    await save(assistant)

    assert (await assistant.fail("get_intake_rule", quiz=QUIZ + 1))["code"] == "RULE_NOT_FOUND"


async def test_what_has_changed_in_the_portal_is_named(
    door: Door, assistant: WritingAssistant, own_portal: DemoPortal, tmp_path: Path
) -> None:
    await save(assistant)
    change(own_portal.database, "update users set active = 0 where id = 2")
    change(own_portal.database, "delete from statuses where entityId = 'DEAL_STAGE_5' and statusId = 'C5:NEW'")
    change(own_portal.database, "update statuses set name = 'Телефон' where entityId = 'SOURCE' and statusId = 'CALL'")

    async with intake_assistant(door, own_portal.url, tmp_path) as later:
        answer = await later.ask("get_intake_rule", quiz=QUIZ)

    assert [problem.partition(":")[0] for problem in answer["problems"]] == ["stage", "responsible"]
    assert answer["rule"] == {
        **{name: each for name, each in DEAL_CODES.items() if name != "stage_name"},
        "source_name": "Телефон",
    }


async def test_a_rule_outlives_the_server(
    door: Door, assistant: WritingAssistant, own_portal: DemoPortal, tmp_path: Path
) -> None:
    await save(assistant, **LEAD_RULE)

    async with intake_assistant(door, own_portal.url, tmp_path, calendar=Calendar()) as later:
        answer = await later.ask("get_intake_rule", quiz=QUIZ)

    assert (answer["rule"]["lead_status"], answer.get("problems")) == ("NEW", None)
    assert len(answer.get("notes", [])) == (door == "gateway")
