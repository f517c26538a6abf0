"""Figures while records are made, changed and removed: those of one moment, or said not to be."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from assistants import Assistant, Sql, sql_over
from bitrix24_mcp.demo import DemoPortal
from figuring.changes import LOST, NEWS, RUBLES, Act, Writer, create, delete, patch, quiet, random_act
from figuring.judge import Verdict, small_pages, verdict
from figuring.question import Narrowing, Question
from figuring.reference import Expected, expected
from figuring.tables import DEALS, REQUISITES

SUM = Question(DEALS, (("sum", "amount"),))


def among(column: str, *values: Any) -> Narrowing:
    marks = ", ".join("?" * len(values))
    return Narrowing(column, {"$in": list(values)}, f'"{column}" in ({marks})', values)


QUESTIONS = (
    SUM,
    Question(DEALS, (("sum", "amount"),), narrowings=(among("stageId", "NEW", "PREPARATION"),)),
    Question(DEALS, (("sum", "amount"),), narrowings=(among("stageId", "WON"),)),
    Question(DEALS, (("sum", "amount"),), (("assignedById", None),), (among("stageId", "WON", "NEW", "LOSE"),)),
    Question(DEALS, (("max", "closedAt"), ("count", "closedAt")), (("closedAt", "month"),)),
    Question(DEALS, (("sum", "amount"),), (("stageId", None),), (among("categoryId", 0),)),
    Question(DEALS, (), (("stageId", None),)),
    Question(DEALS, (), (("currency", None),)),
    Question(DEALS, (), (("stageId", None),), (among("stageId", "NEW", "WON", "LOSE"),)),
)


@dataclass(frozen=True)
class Busy:
    """A portal on which somebody works while questions are asked."""

    portal: DemoPortal
    loop: BlockingPortal
    sql: Sql

    def ask(
        self, question: Question, page: int, plan: Callable[[int], Sequence[tuple[int, Act]]]
    ) -> tuple[Verdict, dict[str, Any]]:
        """The verdict on an answer during which `plan` happens; it is told how many requests there are otherwise."""
        table, writer = question.table, Writer(self.portal.url)
        with self.loop.wrap_async_context_manager(small_pages(self.portal.url, page, writer)) as assistant:
            answer = partial(self.loop.call, partial(_answer, assistant, question))
            answer()
            writer.ids = [row[0] for row in self.sql(f"select id from {table.name} order by id")]
            quiet(self.portal.database, table.name, "updatedAt")
            moments: list[Expected] = [self.expected(question)]
            writer.plan(plan(writer.asked), lambda: moments.append(self.expected(question)))
            found = answer()
        writer.close()
        return verdict(question, found, moments), found

    def expected(self, question: Question) -> Expected:
        return expected(question, self.portal.database)


async def _answer(assistant: Assistant, question: Question) -> dict[str, Any]:
    return await assistant.ask("aggregate", **question.arguments())


@pytest.fixture(scope="module")
def loop() -> Generator[BlockingPortal]:
    with start_blocking_portal() as started:
        yield started


@pytest.fixture(scope="module")
def crowded(loop: BlockingPortal) -> Generator[Busy]:
    """A portal whose records get other ones with every example."""
    with DemoPortal.start(deals=300, limits=False) as portal:
        yield Busy(portal, loop, sql_over(portal.database))


@pytest.fixture
def busy(own_portal: DemoPortal, loop: BlockingPortal) -> Busy:
    return Busy(own_portal, loop, sql_over(own_portal.database))


@pytest.mark.parametrize("seed", range(120))
def test_changes_at_random_moments_never_make_a_wrong_answer(crowded: Busy, seed: int) -> None:
    """Up to five changes before, during and after the reading, some of them while it is looked at a second time."""
    dice = Random(seed)  # noqa: S311 - a schedule is no secret

    def plan(requests: int) -> list[tuple[int, Act]]:
        places = sorted(dice.randint(0, requests + 2) for _ in range(dice.choice((1, 2, 2, 3, 4, 5))))
        return [(place, random_act(dice)) for place in places]

    found, answer = crowded.ask(dice.choice(QUESTIONS), dice.choice((7, 20, 40, 60, 110, 160)), plan)

    assert found != "wrong", answer


NEW = Question(DEALS, (("sum", "amount"),), narrowings=(among("stageId", "NEW"),))

SCHEDULES: dict[str, tuple[Question, int, list[tuple[int, Act]]]] = {
    "nothing": (SUM, 50, []),
    "a deletion made up for by a creation": (SUM, 50, [(5, delete(0)), (5, create(amount=1e6))]),
    "a creation made up for by a deletion": (SUM, 50, [(3, create(amount=1e6)), (9, delete(-2))]),
    "one moved out and one moved in": (NEW, 5, [(0, patch(0, **NEWS)), (0, patch(-1, **LOST)),
                                                (3, patch(0, **LOST)), (3, patch(-1, **NEWS))]),
    "another value on the first page": (SUM, 50, [(5, patch(0, amount=1e9, **RUBLES))]),
    "another value on the last page": (SUM, 50, [(5, patch(-1, amount=1e9, **RUBLES))]),
    "another value in the middle": (SUM, 50, [(4, patch(300, amount=1e9, **RUBLES))]),
    "two values, one read before and one after": (
        SUM, 300, [(2, patch(0, amount=1e6, **RUBLES)), (2, patch(-1, amount=2e6, **RUBLES))]),
    "a value while the short reading is repeated": (
        SUM, 300, [(2, patch(0, amount=1e6, **RUBLES)), (7, patch(0, amount=2e6, **RUBLES)),
                   (7, patch(-1, amount=2e6, **RUBLES))]),
    "both changed ones gone before it is asked what has changed": (
        SUM, 300, [(2, patch(0, amount=1e6, **RUBLES)), (2, patch(-1, amount=2e6, **RUBLES)),
                   (4, delete(0)), (4, delete(-1))]),
    "both changed ones gone before they are counted again, and others come": (
        SUM, 300, [(2, patch(0, amount=1e6, **RUBLES)), (2, patch(-1, amount=2e6, **RUBLES)),
                   (3, delete(0)), (3, delete(-1)), (3, create()), (3, create())]),
    "one more than fits into an answer, for a moment": (
        SUM, 600, [(1, create()), (1, patch(0, amount=7e6, **RUBLES)), (2, delete(0)), (2, delete(-1))]),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_changes_that_hide_each_other_never_make_a_wrong_answer(busy: Busy, name: str) -> None:
    """Requests of a short reading: 0 counts, 1 and 2 read, 3 and what follows look a second time."""
    question, page, schedule = SCHEDULES[name]

    found, answer = busy.ask(question, page, lambda _: schedule)

    assert found != "wrong", answer
    assert name != "nothing" or (found, answer["complete"]) == ("equal", True)


@pytest.mark.parametrize("before", [2, 3])
def test_values_that_change_are_noticed_where_the_catalogue_names_no_moment_of_the_last_change(
    busy: Busy, before: int
) -> None:
    """Requisites have `updatedAt` in the portal's own field list. Requests 2 and 3 read when 1 looks for the last."""
    found, answer = busy.ask(
        Question(REQUISITES, (("sum", "sort"),)),
        30,
        lambda _: [(before, _sort(0, 1_000_000)), (before, _sort(-1, 2_000_000))],
    )

    assert found != "wrong", answer


def _sort(place: int, value: int) -> Act:
    return lambda writer: writer.patch(f"requisites/{writer.ids[place]}", {"sort": value})


def test_a_deal_that_is_gone_again_does_not_disturb(busy: Busy) -> None:
    """Made and removed between two requests, so that nobody can have seen it."""
    found, answer = busy.ask(SUM, 50, lambda _: [(4, create(amount=1e9)), (4, delete(-1))])

    assert (found, answer["complete"]) == ("equal", True)
