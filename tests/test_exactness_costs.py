"""What a question for figures may cost, and that it can be watched and stopped."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from assistants import TestTime, sql_over
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.reading.spending import Spending
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.service import context_for
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools.aggregate import TOOL
from bitrix24_mcp.tools.declare import Context, run
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from figuring.changes import Writer
from figuring.judge import small_pages
from figuring.question import Period, Question
from figuring.tables import DEALS
from figuring.tampering import Tampering, tampered

pytestmark = pytest.mark.anyio

SUM = Question(DEALS, (("sum", "amount"),))
BY_STAGE = Question(DEALS, (), (("stageId", None),))
LATELY = Period(DEALS.by_name["createdAt"], date(2026, 7, 1), date(2026, 10, 1), "this_quarter")
YEAR = Period(DEALS.by_name["createdAt"], date(2025, 1, 1), date(2026, 1, 1), "2025")


@pytest.mark.parametrize(
    ("question", "page"),
    [
        (SUM, 10),
        (replace(SUM, period=LATELY, compare="previous"), 1),
        (replace(SUM, period=YEAR, compare="previous"), 13),
    ],
    ids=["one reading", "an earlier period that takes more", "two readings, each of which would do"],
)
async def test_what_costs_too_much_is_said_before_any_record_is_read(
    portal: DemoPortal, question: Question, page: int
) -> None:
    before, writer = len(portal.requests), Writer(portal.url)
    async with small_pages(portal.url, page, writer, BITRIX24_MCP_MAX_CALLS="22") as assistant:
        error = await assistant.fail("aggregate", **question.arguments())
    writer.close()

    assert error["code"] == "TOO_EXPENSIVE"
    assert [request.path for request in portal.requests[before:] if request.path.endswith("/search")] == []


@pytest.mark.parametrize(
    ("question", "page", "touched"),
    [
        (SUM, 300, 60),
        (Question(DEALS, (), (("sourceId", None),)), 34, 0),
        (replace(SUM, period=YEAR, compare="previous"), 15, 0),
        (replace(SUM, period=YEAR, compare="previous"), 150, 60),
        (BY_STAGE, 300, 60),
    ],
    ids=["a repeated reading", "counts that leave some out", "two periods", "two repeated readings", "groups"],
)
@pytest.mark.parametrize("allowed", [5, 6, 8, 10, 15, 20, 22, 25, 30, 35, 40])
async def test_a_question_takes_no_more_requests_than_allowed(
    own_portal: DemoPortal, question: Question, page: int, touched: int, allowed: int
) -> None:
    """Before each of the first requests a record is touched, so that short readings are repeated."""
    writer = Writer(own_portal.url)
    async with small_pages(own_portal.url, page, writer, BITRIX24_MCP_MAX_CALLS=str(allowed)) as assistant:
        await assistant.raw("aggregate", entity="deals")
        writer.ids = [row[0] for row in sql_over(own_portal.database)("select id from deals order by id desc limit 1")]
        acts = [(place, _touch) for place in range(touched)]
        writer.plan(acts, lambda: None)
        result = await assistant.raw("aggregate", **question.arguments())
    writer.close()

    assert writer.asked <= allowed, result.structured_content


@pytest.mark.parametrize(
    ("question", "page", "route", "calls"),
    [
        (Question(DEALS), 15, "count", 1),
        (BY_STAGE, 600, "native", 2),
        (Question(DEALS, (), (("currency", None),)), 15, "counts per value", 1 + 3 + 2),
        (Question(DEALS, (), (("createdAt", "month"),), period=YEAR), 5, "counts per value", 1 + 13 + 2),
        (Question(DEALS, (), (("assignedById", None),)), 60, "scan", 1 + 11 + 2),
        (SUM, 15, "scan", 1 + 41 + 2),
    ],
    ids=["a count", "the portal's own groups", "by currency", "by month", "by person", "a sum"],
)
async def test_the_cheapest_way_is_taken_and_its_price_kept(
    portal: DemoPortal, question: Question, page: int, route: str, calls: int
) -> None:
    """The first count, then the values or the pages, then a second look; two readers may ask for one page both."""
    writer = Writer(portal.url)
    async with small_pages(portal.url, page, writer) as assistant:
        plan = (await assistant.ask("aggregate", **question.arguments(), explain=True))["plan"]
        writer.asked = 0
        await assistant.ask("aggregate", **question.arguments())
    writer.close()

    assert (plan["route"], plan["calls_at_most"] <= calls) == (route, True)
    assert writer.asked <= plan["calls_at_most"]


def _touch(writer: Writer) -> None:
    writer.patch(f"deals/{writer.ids[0]}", {"comments": "seen"})


@pytest.mark.parametrize(
    "question",
    [
        SUM,
        replace(SUM, period=YEAR, compare="previous"),
        Question(DEALS, (), (("currency", None),)),
        Question(DEALS, (), (("sourceId", None),)),
    ],
    ids=["reading", "two readings", "counts", "counts that leave some out"],
)
async def test_progress_grows_with_every_report(portal: DemoPortal, question: Question) -> None:
    """As the specification demands, also where one way is left for another or a second period is read."""
    seen: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert message
        seen.append((progress, total))

    async with tampered(portal.url, Tampering(), 50) as assistant:
        await assistant.client.call_tool("aggregate", question.arguments(), progress_callback=note)

    done = [progress for progress, _ in seen]
    assert done
    assert done == sorted(set(done))
    assert all(total is None or progress <= total for progress, total in seen)


@dataclass
class Running:
    """A call of the tool without a client before it."""

    context: Context
    gateway: GatewayClient
    outcomes: list[Any] = field(default_factory=list[Any])

    async def ask(self) -> None:
        self.outcomes.append(await run(TOOL, SUM.arguments(), self.context))

    async def left_running(self, portal: DemoPortal) -> list[str]:
        """What is still asked; the first of two counts makes sure that what was under way has arrived."""
        count = self.context.portal.count
        assert await count(BY_NAME["deals"], ()) == 600
        seen = len(portal.requests)
        assert await count(BY_NAME["deals"], ()) == 600
        return [request.path for request in portal.requests[seen:] if request.path != "/v1/deals/aggregate"]


@asynccontextmanager
async def running(url: str, spending: Spending) -> AsyncGenerator[Running]:
    settings = Settings.of({"VIBECODE_BASE_URL": url, "VIBECODE_API_KEY": "vibe_api_demo"})
    async with GatewayClient(settings.credentials(), budget=Budget(clock=TestTime().clock)) as gateway:
        portal = GatewayPortal(gateway)
        portal.page_at_most = portal.piece_at_most = portal.figures_at_most = 50
        yield Running(replace(context_for(settings, portal), spending=spending), gateway)


async def test_what_takes_too_long_is_ended_and_said(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault(kind="slow", path="/v1/deals/search", times=None, after=4, seconds=30))

    async with running(own_portal.url, Spending(seconds=1)) as call:
        await call.ask()
        own_portal.clear_faults()
        left = await call.left_running(own_portal)

    assert call.outcomes[0].content["error"]["code"] == "TOO_SLOW"
    assert left == []


async def test_a_cancelled_question_leaves_no_request_behind(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault(kind="slow", path="/v1/deals/search", times=None, after=4, seconds=30))

    async with running(own_portal.url, Spending()) as call:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call.ask)
            while len([request for request in own_portal.requests if request.path == "/v1/deals/search"]) < 6:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        own_portal.clear_faults()
        left = await call.left_running(own_portal)

    assert call.outcomes == []
    assert left == []
