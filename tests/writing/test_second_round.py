"""Revision 2026-07-28: a call ends with a question, and the call that answers it must be the same one, once."""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult, ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from previewing import CODE, DECLINED, done
from seen_writes import writes
from writing_assistants import Asked, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
CHANGE: Json = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]}
YES: Mapping[str, ElicitResult] = {"confirmation": ElicitResult(action="accept", content={"confirm": True})}
SPENT, OTHER = "CONFIRMATION_UNKNOWN", "CONFIRMATION_OF_OTHER"


@pytest.fixture
async def modern(own_portal: DemoPortal, tmp_path: Path) -> AsyncGenerator[WritingAssistant]:
    """A client that asks its user, driven by hand: the SDK's own answers by itself."""
    person = Asked()
    async with writing_assistant_for("gateway", own_portal.url, tmp_path, person=person, mode="2026-07-28") as ready:
        yield ready


async def send(
    writing: WritingAssistant, tool: str, arguments: Json, state: str | None = None,
    answers: Mapping[str, ElicitResult] | None = None,
) -> CallToolResult | InputRequiredResult:  # fmt: skip
    return await writing.client.session.call_tool(
        tool,
        arguments,
        request_state=state,
        input_responses=None if answers is None else dict(answers),
        allow_input_required=True,
    )


async def first_round(writing: WritingAssistant, arguments: Json = CHANGE) -> InputRequiredResult:
    result = await send(writing, "write_items", arguments)
    assert isinstance(result, InputRequiredResult)
    return result


async def second_round(
    writing: WritingAssistant, state: str | None, arguments: Json = CHANGE, answers: Mapping[str, ElicitResult] = YES,
    tool: str = "write_items",
) -> Json:  # fmt: skip
    """The answer, or its error's code."""
    result = await send(writing, tool, arguments, state, answers)
    assert isinstance(result, CallToolResult)
    content: Json = result.structured_content or {}
    return {"error": content["error"]["code"]} if result.is_error else content


async def test_the_first_call_ends_with_the_question(modern: WritingAssistant, own_portal: DemoPortal) -> None:
    asked = await first_round(modern)

    question = ElicitRequest(
        params=ElicitRequestFormParams(
            message="Change 1 deal on demo.bitrix24.ru as “Алексей Северов”:\n"
            "• deal 5 “Поставка: фасадная сетка — Nordic Construction Ltd”: amount: 2242916.03 → 3",
            requested_schema={
                "type": "object",
                "properties": {
                    "confirm": {
                        "type": "boolean", "title": "Write this", "description": "Nothing is written otherwise",
                    },
                },
                "required": ["confirm"],
            },
        )
    )  # fmt: skip
    assert asked.input_requests == {"confirmation": question}
    assert CODE.fullmatch(asked.request_state or "")
    assert writes(own_portal) == []


async def test_the_same_call_with_a_yes_writes(modern: WritingAssistant, own_sql: Sql) -> None:
    asked = await first_round(modern)

    assert await second_round(modern, asked.request_state) == done(1, 5)
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


async def test_a_state_is_good_once(modern: WritingAssistant, own_portal: DemoPortal) -> None:
    asked = await first_round(modern)
    await second_round(modern, asked.request_state)
    own_portal.requests.clear()

    assert await second_round(modern, asked.request_state) == {"error": SPENT}
    assert writes(own_portal) == []


@pytest.mark.parametrize("state", ["2222-2222", "x", "{}", "0" * 5_000])
async def test_a_forged_state_writes_nothing(state: str, modern: WritingAssistant, own_portal: DemoPortal) -> None:
    await first_round(modern)

    assert await second_round(modern, state) == {"error": SPENT}
    assert writes(own_portal) == []


OTHERS: list[tuple[str, Json]] = [
    ("another value", {**CHANGE, "items": [{"id": 5, "amount": 4}]}),
    ("another record", {**CHANGE, "items": [{"id": 6, "amount": 3}]}),
    ("one more record", {**CHANGE, "items": [{"id": 5, "amount": 3}, {"id": 6, "amount": 3}]}),
    ("another entity", {**CHANGE, "entity": "leads"}),
    ("another action", {"entity": "deals", "action": "delete", "ids": [5]}),
]


@pytest.mark.parametrize("arguments", [each[1] for each in OTHERS], ids=[each[0] for each in OTHERS])
async def test_an_answer_to_another_call_writes_nothing(
    arguments: Json, modern: WritingAssistant, own_portal: DemoPortal
) -> None:
    """The person agreed to one thing; a client that sends another with their answer gets nothing, and asks anew."""
    asked = await first_round(modern)

    assert await second_round(modern, asked.request_state, arguments) == {"error": OTHER}
    assert await second_round(modern, asked.request_state) == {"error": SPENT}
    assert writes(own_portal) == []


async def test_an_answer_for_another_tool_writes_nothing(modern: WritingAssistant, own_portal: DemoPortal) -> None:
    asked = await first_round(modern)
    comment = {"entity": "deals", "id": 5, "text": "A"}

    assert await second_round(modern, asked.request_state, comment, tool="add_comment") == {"error": OTHER}
    assert writes(own_portal) == []


async def test_a_call_that_gives_nothing_but_the_state_writes_nothing(
    modern: WritingAssistant, own_portal: DemoPortal
) -> None:
    asked = await first_round(modern)

    assert await second_round(modern, asked.request_state, {}) == {"error": "INVALID_ARGUMENT"}
    assert writes(own_portal) == []


ANSWERS: list[tuple[str, Mapping[str, ElicitResult]]] = [
    ("none", {}),
    ("to another question", {"other": ElicitResult(action="accept", content={"confirm": True})}),
    ("not ticked", {"confirmation": ElicitResult(action="accept", content={"confirm": False})}),
    ("declined", {"confirmation": ElicitResult(action="decline")}),
    ("closed", {"confirmation": ElicitResult(action="cancel")}),
]


@pytest.mark.parametrize("answers", [each[1] for each in ANSWERS], ids=[each[0] for each in ANSWERS])
async def test_a_second_call_without_a_clear_yes_writes_nothing_and_spends_the_state(
    answers: Mapping[str, ElicitResult], modern: WritingAssistant, own_portal: DemoPortal
) -> None:
    asked = await first_round(modern)

    assert await second_round(modern, asked.request_state, answers=answers) == {"done": 0, "note": DECLINED}
    assert await second_round(modern, asked.request_state) == {"error": SPENT}
    assert writes(own_portal) == []


async def test_a_state_alone_without_any_answer_is_no_yes(modern: WritingAssistant, own_portal: DemoPortal) -> None:
    asked = await first_round(modern)
    result = await send(modern, "write_items", CHANGE, asked.request_state)

    assert isinstance(result, CallToolResult)
    assert result.structured_content == {"done": 0, "note": DECLINED}
    assert writes(own_portal) == []


async def test_an_answer_without_a_state_is_asked_again(modern: WritingAssistant, own_portal: DemoPortal) -> None:
    result = await send(modern, "write_items", CHANGE, None, YES)

    assert isinstance(result, InputRequiredResult)
    assert writes(own_portal) == []


async def test_two_questions_wait_side_by_side(modern: WritingAssistant, own_sql: Sql) -> None:
    other: Json = {**CHANGE, "items": [{"id": 6, "amount": 4}]}
    first, second = await first_round(modern), await first_round(modern, other)

    assert await second_round(modern, second.request_state, other) == done(1, 6)
    assert await second_round(modern, first.request_state) == done(2, 5)
    assert own_sql("select amount from deals where id in (5, 6) order by id") == [(3.0,), (4.0,)]


async def test_a_state_means_nothing_in_earlier_revisions(own_portal: DemoPortal, tmp_path: Path) -> None:
    """There is no such field; the call is taken as what it is without it."""
    async with writing_assistant_for("gateway", own_portal.url, tmp_path) as legacy:
        answer = await legacy.ask("write_items", **CHANGE)
        result = await send(legacy, "write_items", CHANGE, answer["confirm"], YES)

    assert isinstance(result, CallToolResult)
    assert "confirm" in (result.structured_content or {})
    assert writes(own_portal) == []
