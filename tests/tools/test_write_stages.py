"""Stages and funnels that are written: by code, name or meaning, in the record's own funnel or another."""

from typing import Any

import pytest

from assistants import Sql
from previewing import done, previewed
from writing_assistants import WritingAssistant

pytestmark = pytest.mark.anyio

PARTNERS = 5
"""A deal that stands in the funnel Партнёры, on C5:APOLOGY."""
MOVED: list[tuple[dict[str, Any], dict[str, Any], tuple[int, str, str, int]]] = [
    # what is written; what the preview says will be; funnel, stage, outcome and closed afterwards
    ({"stageId": "C5:NEW"}, {"stageId": "C5:NEW", "stageId_name": "Новая"}, (5, "C5:NEW", "P", 0)),
    ({"stage": "совместный проект"}, {"stageId": "C5:EXECUTING", "stageId_name": "Совместный проект"},
     (5, "C5:EXECUTING", "P", 0)),
    ({"Стадия сделки": "Счет на предоплату"},
     {"stageId": "C5:PREPAYMENT_INVOICE", "stageId_name": "Счёт на предоплату"}, (5, "C5:PREPAYMENT_INVOICE", "P", 0)),
    ({"stage": "won"}, {"stageId": "C5:WON", "stageId_name": "Сделка успешна"}, (5, "C5:WON", "S", 1)),
    ({"stage": "выиграна"}, {"stageId": "C5:WON", "stageId_name": "Сделка успешна"}, (5, "C5:WON", "S", 1)),
    ({"stage": "won", "funnel": "Партнёры"}, {"stageId": "C5:WON", "stageId_name": "Сделка успешна"},
     (5, "C5:WON", "S", 1)),
    ({"funnel": "Export"},
     {"categoryId": 7, "categoryId_name": "Export", "stageId": "C7:NEW", "stageId_name": "New"}, (7, "C7:NEW", "P", 0)),
    ({"stage": "shipping", "funnel": 7},
     {"categoryId": 7, "categoryId_name": "Export", "stageId": "C7:EXECUTING", "stageId_name": "Shipping"},
     (7, "C7:EXECUTING", "P", 0)),
    ({"Воронка": "Общая", "stage": "won"},
     {"categoryId": 0, "categoryId_name": "Общая", "stageId": "WON", "stageId_name": "Сделка успешна"},
     (0, "WON", "S", 1)),
]  # fmt: skip


@pytest.mark.parametrize(("written", "shown", "kept"), MOVED, ids=str)
async def test_a_deal_moves_within_its_funnel_and_to_another(
    written: dict[str, Any],
    shown: dict[str, Any],
    kept: tuple[int, str, str, int],
    writing: WritingAssistant,
    own_sql: Sql,
) -> None:
    """A move without a stage is sent with the first one, so that it is seen before and can be reversed."""
    answer = await writing.ask("write_items", entity="deals", action="update", items=[{"id": PARTNERS, **written}])

    assert [change["after"] for change in previewed(answer)["changes"]] == [shown]
    assert await writing.ask("write_items", confirm=answer["confirm"]) == done(1, PARTNERS)
    assert own_sql("select categoryId, stageId, stageSemanticId, closed from deals where id = 5") == [kept]


async def test_moving_back_restores_the_day_that_closing_had_changed(writing: WritingAssistant, own_sql: Sql) -> None:
    """Closing a deal moves its closing date; the one it had is written again where the caller gives one."""
    items = [{"id": 5, "stage": "won", "closedAt": "2026-09-01"}]

    assert await writing.write("write_items", entity="deals", action="update", items=items) == done(1, 5)
    assert own_sql("select stageId, closedAt from deals where id = 5") == [("C5:WON", "2026-09-01")]


NEW: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({}, (0, "NEW")),
    ({"stage": "Новая"}, (0, "NEW")),
    ({"stage": "won"}, (0, "WON")),
    ({"stage": "Shipping"}, (7, "C7:EXECUTING")),
    ({"stageId": "C5:WON"}, (5, "C5:WON")),
    ({"funnel": "Партнёры"}, (5, "C5:NEW")),
    ({"funnel": "Партнёры", "stage": "Новая"}, (5, "C5:NEW")),
]


@pytest.mark.parametrize(("written", "kept"), NEW, ids=str)
async def test_the_stage_of_a_new_deal_decides_its_funnel(
    written: dict[str, Any], kept: tuple[int, str], writing: WritingAssistant, own_sql: Sql
) -> None:
    """Where several funnels have the stage, the default one is meant."""
    made = await writing.write("write_items", entity="deals", action="create", items=[{"title": "A", **written}])

    assert own_sql("select categoryId, stageId from deals where id = ?", *made["ids"]) == [kept]


OF_PARTNERS = (
    "C5:NEW (Новая, funnel Партнёры), C5:PREPARATION (Переговоры, funnel Партнёры), C5:PREPAYMENT_INVOICE (Счёт на "
    "предоплату, funnel Партнёры), C5:EXECUTING (Совместный проект, funnel Партнёры), C5:FINAL_INVOICE (Закрывающие "
    "документы, funnel Партнёры), C5:WON (Сделка успешна, funnel Партнёры), C5:LOSE (Отказ партнёра, funnel Партнёры), "
    "C5:APOLOGY (Анализ причины провала, funnel Партнёры)"
)
CODES = ["C5:NEW", "C5:PREPARATION", "C5:PREPAYMENT_INVOICE", "C5:EXECUTING", "C5:FINAL_INVOICE", "C5:WON", "C5:LOSE",
         "C5:APOLOGY"]  # fmt: skip
REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "deals", {"stage": "Shipping"},
        {
            "code": "STAGE_OF_ANOTHER_FUNNEL",
            "message": "stageId C7:EXECUTING (Shipping, funnel Export) is not in the record's funnel. That funnel's "
            f"stages are {OF_PARTNERS}. To move the record to another funnel, give categoryId as well.",
            "candidates": CODES,
        },
    ),
    (
        "deals", {"stage": "lost"},
        {
            "code": "AMBIGUOUS_VALUE",
            "message": "“lost” can be several values of stageId. Use the code: C5:LOSE (Отказ партнёра, funnel "
            "Партнёры), C5:APOLOGY (Анализ причины провала, funnel Партнёры).",
            "candidates": ["C5:LOSE", "C5:APOLOGY"],
        },
    ),
    (
        "deals", {"stage": "Nirvana"},
        {
            "code": "UNKNOWN_VALUE",
            "message": f"stageId has no value “Nirvana”. Its values are {OF_PARTNERS}.",
            "candidates": CODES,
        },
    ),
    (
        "deals", {"funnel": "Опт"},
        {
            "code": "UNKNOWN_VALUE",
            "message": "categoryId has no value “Опт”. Its values are 0 (Общая), 5 (Партнёры), 7 (Export).",
            "candidates": ["0", "5", "7"],
        },
    ),
    (
        "Оборудование", {"stage": "won"},
        {"code": "NO_STAGES", "message": "Оборудование have no stages, so stageId holds none. Leave it out."},
    ),
    (
        "Оборудование", {"funnel": 3},
        {"code": "NO_FUNNELS", "message": "Оборудование have no funnels, so categoryId holds none. Leave it out."},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "written", "error"), REFUSED, ids=lambda part: str(part)[:40])
async def test_a_stage_that_the_record_cannot_have_is_refused(
    entity: str, written: dict[str, Any], error: dict[str, Any], writing: WritingAssistant
) -> None:
    refusal = await writing.fail("write_items", entity=entity, action="update", items=[{"id": 5, **written}])

    assert refusal == error
