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
from figuring.changes import LOST, NEWS, RUBLES, Act, create, delete, patch, quiet, random_act
from figuring.direct import Direct, DirectWriter, before_each, direct
from figuring.family import Portal, questions
from figuring.judge import Verdict, verdict
from figuring.question import Narrowing, Question
from figuring.reference import Expected, expected
from figuring.tables import DEALS, REQUISITES, TABLES_OVER_REST, TASKS

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
        @given(questions(Portal(portal.database), [*TABLES_OVER_REST, *[TABLES_OVER_REST[0]] * 6]))
        def check(question: Question) -> None:
            answer = loop.call(partial(_answer, door, question))
            right = expected(question, portal.database)
            assert verdict(question, answer, [right]) == "equal", (question.arguments(), answer, right.rows[:20])
            assert answer["complete"], (question.arguments(), answer)

        check()


async def _answer(door: Direct, question: Question) -> dict[str, Any]:
    return await door.assistant.ask("aggregate", **question.arguments())


def among(column: str, *values: Any) -> Narrowing:
    marks = ", ".join("?" * len(values))
    return Narrowing(column, {"$in": list(values)}, f'"{column}" in ({marks})', values)


QUESTIONS = (
    SUM,
    replace(SUM, narrowings=(among("stageId", "NEW", "PREPARATION"),)),
    replace(SUM, groups=(("assignedById", None),), narrowings=(among("stageId", "WON", "NEW", "LOSE"),)),
    Question(DEALS, (("max", "closedAt"), ("count", "closedAt")), (("closedAt", "month"),)),
    Question(DEALS, (), (("stageId", None),)),
    Question(DEALS, (), (("currency", None),)),
    Question(DEALS, (), (("stageId", None),), (among("stageId", "NEW", "WON", "LOSE"),)),
    Question(DEALS, (), (("closedAt", "quarter"),)),
)
Plan = Callable[[int], Sequence[tuple[int, Act]]]


@dataclass(frozen=True)
class Busy:
    """A portal on which somebody works between any two calls, also those of one batch."""

    portal: DemoPortal
    loop: BlockingPortal
    sql: Sql

    def ask(
        self, question: Question, page: int, plan: Plan, *, method: str = "crm.item.list", changed: str = "updatedAt"
    ) -> tuple[Verdict, dict[str, Any]]:
        """The verdict on an answer during which `plan` happens; it is told how many calls there are otherwise."""
        name = question.table.name
        writer = DirectWriter(self.portal.url, database=self.portal.database, table=question.table, changed=changed)
        with ExitStack() as stack:
            stack.enter_context(before_each(method, writer.before_a_request))
            door = stack.enter_context(self.loop.wrap_async_context_manager(direct(self.portal.url, page)))
            answer = partial(self.loop.call, partial(_answer, door, question))
            answer()
            writer.ids = [row[0] for row in self.sql(f'select id from "{name}" order by id')]
            quiet(self.portal.database, name, changed)
            moments: list[Expected] = [self.expected(question)]
            writer.plan(plan(writer.asked), lambda: moments.append(self.expected(question)))
            found = answer()
        return verdict(question, found, moments), found

    def expected(self, question: Question) -> Expected:
        return expected(question, self.portal.database)


@pytest.fixture(scope="module")
def crowded(loop: BlockingPortal) -> Generator[Busy]:
    """A portal whose records get other ones with every example."""
    with DemoPortal.start(deals=300, limits=False) as portal:
        yield Busy(portal, loop, sql_over(portal.database))


@pytest.fixture
def busy(own_portal: DemoPortal, loop: BlockingPortal) -> Busy:
    return Busy(own_portal, loop, sql_over(own_portal.database))


@pytest.mark.parametrize("seed", range(80))
def test_changes_at_random_calls_never_make_a_wrong_answer(crowded: Busy, seed: int) -> None:
    """Up to five changes before, within and between the batches, and while it is looked at a second time."""
    dice = Random(seed)  # noqa: S311 - a schedule is no secret

    def plan(calls: int) -> list[tuple[int, Act]]:
        places = sorted(dice.randint(0, calls + 2) for _ in range(dice.choice((1, 2, 2, 3, 4, 5))))
        return [(place, random_act(dice)) for place in places]

    found, answer = crowded.ask(dice.choice(QUESTIONS), dice.choice((20, 60, 110, 160, 2_500)), plan)

    assert found != "wrong", answer


NEW = replace(SUM, narrowings=(among("stageId", "NEW"),))


SCHEDULES: dict[str, tuple[Question, int, list[tuple[int, Act]]]] = {
    "nothing": (SUM, 2_500, []),
    "nothing, by batches of two": (SUM, 60, []),
    "the row behind which a page begins goes": (SUM, 2_500, [(2, delete(49))]),
    "it goes, and one comes at the end": (SUM, 2_500, [(2, delete(49)), (2, create(amount=1e6))]),
    "a row of a page that was read goes, and one comes": (SUM, 2_500, [(5, delete(0)), (6, create(amount=1e6))]),
    "one comes behind the last full page": (SUM, 2_500, [(13, create(amount=1e6))]),
    "one comes while the last page is read": (SUM, 2_500, [(12, create(amount=1e6)), (13, delete(0))]),
    "another value on a page read and on one not read": (
        SUM, 2_500, [(4, patch(0, amount=1e6, **RUBLES)), (4, patch(-1, amount=2e6, **RUBLES))]),
    "the same, and both are gone before it is looked at again": (
        SUM, 2_500, [(4, patch(0, amount=1e6, **RUBLES)), (4, patch(-1, amount=2e6, **RUBLES)),
                     (13, delete(0)), (13, delete(-1)), (13, create()), (13, create())]),
    "one moved out and one moved in within a batch": (
        NEW, 2_500, [(0, patch(0, **NEWS)), (0, patch(-1, **LOST)), (2, patch(0, **LOST)), (2, patch(-1, **NEWS))]),
    "one of a single answer goes and one comes": (
        replace(NEW, narrowings=(among("id", *range(1, 40)),)), 2_500, [(1, delete(0)), (1, patch(5, amount=1e7))]),
    "both ends at work, a value between them": (SUM, 120, [(9, patch(300, amount=1e9, **RUBLES))]),
    "both ends at work, the row that parts them goes": (SUM, 120, [(12, delete(300)), (12, create(amount=1e6))]),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_changes_within_a_batch_never_make_a_wrong_answer(busy: Busy, name: str) -> None:
    """Of 600 deals in one batch: call 0 counts, 1 to 12 read fifty each, 13 looks a second time."""
    question, page, schedule = SCHEDULES[name]

    found, answer = busy.ask(question, page, lambda _: schedule)

    assert found != "wrong", answer
    assert not name.startswith("nothing") or (found, answer["complete"]) == ("equal", True)


def set_to(path: str, **values: Any) -> Act:
    return lambda writer: writer.patch(path, values)


def test_values_that_change_are_noticed_where_the_catalogue_names_no_moment_of_the_last_change(busy: Busy) -> None:
    """Requisites have `updatedAt` in the portal's own field list. Call 0 counts, 1 and 2 read."""
    maker = DirectWriter(busy.portal.url, database=busy.portal.database, table=REQUISITES)
    made = [maker.post("requisites", {"sort": 7}) for _ in range(60)]
    first, last = (set_to(f"requisites/{number}", sort=1_000_000 + number) for number in (1, made[-1]))

    found, answer = busy.ask(
        Question(REQUISITES, (("sum", "sort"),)), 2_500, lambda _: [(2, first), (2, last)], method="crm.requisite.list"
    )

    assert (found == "wrong", answer["complete"]) == (False, False)


def test_values_that_change_are_noticed_where_all_records_are_looked_through(busy: Busy) -> None:
    """Tasks cannot be chosen by the time planned for them, so that finding a few of them takes several answers."""
    planned = Narrowing("timeEstimate", {"$gt": 0}, "timeEstimate > 0")
    numbers = [row[0] for row in busy.sql("select id from tasks where timeEstimate > 0 order by id")]
    first, last = (set_to(f"tasks/{number}", timeEstimate=9_000_000) for number in (numbers[0], numbers[-1]))

    found, answer = busy.ask(
        Question(TASKS, (("sum", "timeEstimate"),), narrowings=(planned,)),
        2_500,
        lambda calls: [(calls // 2, first), (calls // 2, last)],
        method="tasks.task.list",
        changed="changedDate",
    )

    assert (found == "wrong", answer["complete"]) == (False, False)
