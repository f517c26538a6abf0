"""Every figure of a generated family equals plain Python over the same rows, or its answer says that it does not."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings

from assistants import Assistant, TestTime, assistant_for
from bitrix24_mcp.demo import DemoPortal
from figuring.changes import Writer
from figuring.family import Portal, questions
from figuring.judge import small_pages, verdict
from figuring.question import Bucket, Function, Period, Question
from figuring.reference import expected
from figuring.tables import DEALS, PRODUCTS
from oracle import MOST_TOKENS, change

FAMILY = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
PAGE = 15
"""Records in one answer of the portal with small pages: a scan of all deals takes forty requests."""


@dataclass(frozen=True)
class Asked:
    """A portal, what its records hold, and a way to ask for figures that waits for the answer."""

    portal: DemoPortal
    known: Portal
    ask: Callable[[Question], dict[str, Any]]

    def check(self, question: Question) -> None:
        answer = self.ask(question)
        right = expected(question, self.portal.database)
        assert verdict(question, answer, [right]) == "equal", (question.arguments(), answer, right.rows[:20])
        assert answer["complete"], (question.arguments(), answer)


@pytest.fixture(scope="module")
def large() -> Generator[Asked]:
    """200,000 deals behind the gateway's limits; time passes only where somebody waits."""
    time = TestTime()
    with (
        DemoPortal.start(deals=200_000, clock=lambda: time.now) as portal,
        start_blocking_portal() as loop,
        loop.wrap_async_context_manager(
            assistant_for(portal.url, clock=time.clock, BITRIX24_MCP_MAX_TOKENS=str(MOST_TOKENS))
        ) as assistant,
    ):
        yield Asked(portal, Portal(portal.database), lambda asked: loop.call(partial(_answer, assistant, asked)))


@pytest.fixture(scope="module", params=["Europe/Moscow", "Europe/Berlin", "America/Sao_Paulo"])
def zoned(request: pytest.FixtureRequest) -> Generator[tuple[Asked, ZoneInfo]]:
    """Small pages, so that few records go every way there is to figures; and deals made when clocks are changed."""
    with DemoPortal.start(deals=600, limits=False) as portal, start_blocking_portal() as loop:
        _make_at(portal, [*_around("2018-02-18T02:00"), *_around("2018-11-04T03:00"), *_around("2026-03-29T01:00")])
        writer = Writer(portal.url)
        opened = small_pages(portal.url, PAGE, writer, BITRIX24_MCP_TIME_ZONE=request.param)
        with loop.wrap_async_context_manager(opened) as assistant:
            asked = Asked(portal, Portal(portal.database), lambda asked: loop.call(partial(_answer, assistant, asked)))
            yield asked, ZoneInfo(request.param)
        writer.close()


async def _answer(assistant: Assistant, question: Question) -> dict[str, Any]:
    return await assistant.ask("aggregate", **question.arguments())


def _around(change_of_clocks: str) -> list[datetime]:
    """Moments on both sides of midnight and of a change of clocks, given in UTC."""
    moment = datetime.fromisoformat(change_of_clocks).replace(tzinfo=UTC)
    hours = (-27, -26, -25, -24, -3, -2, -1, 0, 1, 2, 21, 22, 23, 24)
    return [
        datetime.fromtimestamp(moment.timestamp() + 3600 * hour + second, UTC) for hour in hours for second in (-1, 0)
    ]


def _make_at(portal: DemoPortal, moments: list[datetime]) -> None:
    """Has the first deals created and moved at these moments, and last changed long ago."""
    for number, moment in enumerate(moments, start=1):
        stored = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        change(portal.database, "update deals set createdAt = ?, movedTime = ? where id = ?", stored, stored, number)


def test_every_figure_of_a_large_portal_is_exact(large: Asked) -> None:
    @settings(FAMILY, max_examples=60)
    @given(questions(large.known))
    def check(question: Question) -> None:
        large.check(question)

    check()


def test_every_way_to_a_figure_is_exact_in_every_zone(zoned: tuple[Asked, ZoneInfo]) -> None:
    asked, zone = zoned

    @settings(FAMILY, max_examples=150)
    @given(questions(asked.known))
    def check(question: Question) -> None:
        asked.check(replace(question, zone=zone))

    check()


@pytest.mark.parametrize(
    "question",
    [
        Question(PRODUCTS, (), (("active", None),)),
        Question(PRODUCTS, (("sum", "price"),), (("sectionId", None),)),
        Question(DEALS, (), (("closed", None), ("currency", None))),
        Question(DEALS, (), (("sourceId", None),)),
    ],
    ids=["counts of products", "products read", "counts of two groups", "counts that leave some out"],
)
def test_what_nobody_changes_is_complete(zoned: tuple[Asked, ZoneInfo], question: Question) -> None:
    """Also where the catalogue names no moment of the last change, as for products."""
    zoned[0].check(replace(question, zone=zoned[1]))


PERIODS = {
    "2018": (date(2018, 1, 1), date(2019, 1, 1)),
    "2018-Q4": (date(2018, 10, 1), date(2019, 1, 1)),
    "2018-11": (date(2018, 11, 1), date(2018, 12, 1)),
    "2018-02": (date(2018, 2, 1), date(2018, 3, 1)),
    "2026-03": (date(2026, 3, 1), date(2026, 4, 1)),
}
MEASURES: tuple[tuple[tuple[Function, str], ...], ...] = (
    (),
    (("sum", "amount"), ("min", "createdAt"), ("max", "movedTime")),
)


@pytest.mark.parametrize("measures", MEASURES, ids=["counted", "measured"])
@pytest.mark.parametrize("bucket", get_args(Bucket))
@pytest.mark.parametrize("written", PERIODS)
def test_moments_around_a_change_of_clocks_are_in_the_period_that_people_see(
    zoned: tuple[Asked, ZoneInfo], written: str, bucket: Bucket, measures: tuple[tuple[Function, str], ...]
) -> None:
    """By counts per period where nothing is measured and the filter names few, else by reading."""
    asked, zone = zoned
    period = Period(DEALS.by_name["createdAt"], *PERIODS[written], written)
    question = Question(DEALS, measures, (("createdAt", bucket),), period=period, zone=zone)

    asked.check(question)
    asked.check(replace(question, groups=(("movedTime", bucket),), compare="year_ago"))
