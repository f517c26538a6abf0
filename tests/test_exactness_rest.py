"""Figures over Bitrix24's own REST: equal to plain Python over the same rows, or said not to be; and what they cost."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings

from assistants import Sql, sql_over
from bitrix24_mcp.demo import DemoPortal
from figuring.changes import Act, quiet, random_act
from figuring.direct import Direct, DirectWriter, before_each, direct
from figuring.family import Portal, questions
from figuring.judge import Verdict, verdict
from figuring.question import Narrowing, Question
from figuring.reference import Expected, expected
from figuring.tables import DEALS, REQUISITES

FAMILY = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
SUM = Question(DEALS, (("sum", "amount"),))


@pytest.fixture(scope="module")
def loop() -> Generator[BlockingPortal]:
    with start_blocking_portal() as started:
        yield started


@pytest.mark.parametrize(("deals", "page", "examples"), [(600, 120, 80), (5_200, 2_500, 25)])
def test_every_figure_is_exact(loop: BlockingPortal, deals: int, page: int, examples: int) -> None:
    """Read by batches of three answers from both ends, and by batches of fifty."""
    with (
        DemoPortal.start(deals=deals, limits=False) as portal,
        loop.wrap_async_context_manager(direct(portal.url, page)) as door,
    ):

        @settings(FAMILY, max_examples=examples)
        @given(questions(Portal(portal.database)))
        def check(question: Question) -> None:
            answer = loop.call(partial(_answer, door, question))
            right = expected(question, portal.database)
            assert verdict(question, answer, [right]) == "equal", (question.arguments(), answer, right.rows[:20])
            assert answer["complete"], (question.arguments(), answer)

        check()


async def _answer(door: Direct, question: Question) -> dict[str, Any]:
    return await door.assistant.ask("aggregate", **question.arguments())
