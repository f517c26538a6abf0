"""`funnel_report`: what it costs, what it proves, and what it says when it can do neither."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio.lowlevel
import pytest
from mcp import Client

from assistants import Assistant, Sql, TestTime, assistant_for, sql_over
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_values import Record, RecordPage, RecordQuery
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from oracle import change, moment

pytestmark = pytest.mark.anyio

QUARTER: dict[str, Any] = {"entity": "deals", "funnel": "Партнёры", "created": "2026-Q2"}
YEAR: dict[str, Any] = {"entity": "deals", "created": "2026"}
IN_QUARTER = "createdAt >= '2026-03-31T21:00:00Z' and createdAt < '2026-06-30T21:00:00Z' and categoryId = 5"
IN_YEAR = "createdAt >= '2025-12-31T21:00:00Z'"


class Watched(GatewayPortal):
    """The gateway with smaller pages; `between` is called with the number of each page or history that was read."""

    def __init__(self, client: GatewayClient, page: int, between: Callable[[int], None]) -> None:
        super().__init__(client)
        self.page_at_most = self.piece_at_most = page
        self.between = between
        self.read = 0
        self.at_once = 0
        self.most_at_once = 0

    async def search(self, query: RecordQuery) -> RecordPage:
        page = await super().search(query)
        self.read += 1
        self.between(self.read)
        return page

    async def stage_history(self, entity: Entity, owner_id: int) -> tuple[Record, ...]:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await anyio.lowlevel.checkpoint()
        rows = await super().stage_history(entity, owner_id)
        self.at_once -= 1
        self.read += 1
        self.between(self.read)
        return rows


@asynccontextmanager
async def watched(
    portal: DemoPortal, page: int, between: Callable[[int], None] = lambda _: None, **settings: str
) -> AsyncGenerator[tuple[Assistant, Watched]]:
    chosen = Settings.of({"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo", **settings})
    async with GatewayClient(chosen.credentials(), budget=Budget(clock=TestTime().clock)) as gateway:
        backend = Watched(gateway, page, between)
        async with Client(build_server(chosen, backend)) as client:
            yield Assistant(client), backend


def move(portal: DemoPortal, deal: int) -> None:
    """Somebody wins a deal, behind everybody's back."""
    change(
        portal.database,
        "update deals set stageId = 'C5:WON', stageSemanticId = 'S', movedTime = ?, updatedAt = ? where id = ?",
        *["2026-07-15T09:00:00Z"] * 2,
        deal,
    )


def open_deal(sql: Sql) -> int:
    return sql(f"select id from deals where {IN_QUARTER} and stageSemanticId = 'P' order by id")[0][0]


def asked(portal: DemoPortal) -> list[str]:
    """What was asked for besides metadata."""
    ends = ("/search", "/aggregate", "/stage-history")
    return [request.path for request in portal.requests if request.path.endswith(ends) and "users" not in request.path]


async def test_what_one_answer_holds_takes_a_count_and_a_search_and_the_count_of_the_stuck(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    await own_assistant.ask("funnel_report", **YEAR)

    assert asked(own_portal) == ["/v1/deals/aggregate", "/v1/deals/search", "/v1/deals/aggregate"]


async def test_records_of_several_pages_are_those_of_one_moment(portal: DemoPortal) -> None:
    async with assistant_for(portal.url) as assistant:
        at_once = await assistant.ask("funnel_report", **YEAR)
    async with watched(portal, 25) as (assistant, backend):
        answer = await assistant.ask("funnel_report", **YEAR)

    assert backend.read > 4
    assert answer == {**at_once, "as_of": "2026-07-15T12:00:00+03:00"}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
async def test_a_short_reading_that_was_disturbed_is_made_once_more(
    own_portal: DemoPortal, lasting: Literal[False, True]
) -> None:
    """The last deal goes while the first of two pages is read, at every reading or at the first."""

    def goes(page: int) -> None:
        if page == 1 or (lasting and page == 3):
            change(own_portal.database, "delete from deals where id = (select max(id) from deals)")

    async with watched(own_portal, 60, goes) as (assistant, backend):
        answer = await assistant.ask("funnel_report", **YEAR)
        assert backend.read == 4
        afterwards = await assistant.ask("funnel_report", **YEAR)

    if lasting:
        assert (answer["complete"], answer["total"]) == (False, afterwards["total"] + 1)
        assert "INCOMPLETE: 106 records were counted and 105 read" in answer["note"]
    else:
        assert answer == afterwards
        assert (answer["complete"], answer["total"]) == (True, 106)


async def test_a_record_that_moves_while_many_are_read_makes_the_figures_incomplete(own_portal: DemoPortal) -> None:
    deal = open_deal(sql_over(own_portal.database))

    async with watched(own_portal, 25, lambda _: move(own_portal, deal)) as (assistant, _):
        answer = await assistant.ask("funnel_report", **YEAR)

    assert answer["complete"] is False
    assert answer["note"] == (
        "INCOMPLETE: 1 of the records changed or went while they were read, so these figures may mix two moments; ask "
        "again, or narrow the filter."
    )


async def test_a_record_that_moves_while_histories_are_read_makes_them_incomplete(own_portal: DemoPortal) -> None:
    deal = open_deal(sql_over(own_portal.database))

    async with watched(own_portal, 5_000, lambda _: move(own_portal, deal)) as (assistant, _):
        plain = await assistant.ask("funnel_report", **QUARTER)
        answer = await assistant.ask("funnel_report", **QUARTER, history=True)

    assert plain["complete"] is True
    assert answer["complete"] is False
    assert answer["note"].startswith("INCOMPLETE: 1 of the records changed or went while they were read, so")


async def test_a_record_that_comes_while_histories_are_read_is_noticed(own_portal: DemoPortal) -> None:
    def comes(read: int) -> None:
        if read == 3:
            change(
                own_portal.database,
                "insert into deals (id, title, amount, currency, categoryId, stageId, stageSemanticId, createdAt,"
                " updatedAt, movedTime) values (100000, 'New', 1, 'RUB', 5, 'C5:NEW', 'P', ?, ?, ?)",
                *["2026-06-30T09:00:00Z"] * 3,
            )

    async with watched(own_portal, 5_000, comes) as (assistant, _):
        answer = await assistant.ask("funnel_report", **QUARTER, history=True)

    assert answer["complete"] is False
    assert "INCOMPLETE: 12 records matched at the end and 11 at first" in answer["note"]


async def test_histories_are_read_two_at_a_time(portal: DemoPortal) -> None:
    async with watched(portal, 5_000) as (assistant, backend):
        answer = await assistant.ask("funnel_report", **QUARTER, history=True)

    assert (backend.most_at_once, backend.read) == (2, 1 + answer["total"])


@pytest.mark.parametrize(("calls", "read"), [(14, "all"), (13, "none")])
async def test_histories_are_read_of_all_records_or_of_none(own_portal: DemoPortal, calls: int, read: str) -> None:
    """Eleven histories beside a count, a search and the count that proves that nothing moved."""
    async with assistant_for(own_portal.url, BITRIX24_MCP_MAX_CALLS=str(calls)) as assistant:
        without = await assistant.ask("funnel_report", **QUARTER)
        own_portal.requests.clear()
        answer = await assistant.ask("funnel_report", **QUARTER, history=True)

    histories = asked(own_portal).count("/v1/stage-history")
    assert len(asked(own_portal)) <= calls
    if read == "all":
        assert histories == answer["total"] == 11
        assert "reached" in answer["funnels"][0]["stages"][0]
    else:
        assert histories == 0
        assert answer == {
            **without,
            "note": "Stage history was not read: it takes 11 requests, and 10 are left for it; "
            "ask for a shorter period or one funnel.",
        }


@pytest.mark.parametrize(
    ("entity", "note"),
    [
        ("156", "The portal gives no stage history of items of Закупки."),
        ("invoices", "The portal has no stage history of these invoices."),
    ],
)
async def test_a_history_that_the_portal_does_not_give_is_said(assistant: Assistant, entity: str, note: str) -> None:
    without = await assistant.ask("funnel_report", entity=entity, created="2026")

    answer = await assistant.ask("funnel_report", entity=entity, created="2026", history=True)

    answer.pop("as_of", None)
    assert answer == {**without, "note": " ".join(filter(None, [without.get("note"), note]))}


async def test_a_history_that_is_refused_leaves_the_rest_of_the_report(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    without = await own_assistant.ask("funnel_report", **QUARTER)
    own_portal.inject(Fault(kind="access_denied", path="/v1/stage-history", times=None, after=3))

    answer = await own_assistant.ask("funnel_report", **QUARTER, history=True)

    assert answer == {
        **without,
        "note": "Stage history could not be read: Bitrix24 does not let this user see or do that. "
        "[BITRIX_ACCESS_DENIED]",
        "as_of": "2026-07-15T12:00:00+03:00",
    }


async def test_a_portal_that_fails_while_histories_are_read_is_an_error(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    own_portal.inject(Fault(kind="bad_gateway", path="/v1/stage-history", times=None, after=3))

    error = await own_assistant.fail("funnel_report", **QUARTER, history=True)

    assert error["code"] == "BITRIX_UNAVAILABLE"


async def test_a_history_with_gaps_is_said(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    first, second, *_ = [row[0] for row in sql_over(own_portal.database)(f"select id from deals where {IN_QUARTER}")]
    change(own_portal.database, "delete from stage_history where ownerId = ?", first)
    change(
        own_portal.database,
        "update stage_history set categoryId = 0, stageId = 'NEW' where ownerId = ? and typeId = 1",
        second,
    )

    answer = await own_assistant.ask("funnel_report", **QUARTER, history=True)

    stages = answer["funnels"][0]["stages"]
    assert answer["note"] == (
        "Records whose stage history is empty or does not end at their present stage, so that reached and stays miss "
        "steps of theirs: 1. Records that were in another funnel before, whose steps there are not counted: 1."
    )
    assert stages[0]["reached"] == answer["total"] - 2


async def test_a_question_that_costs_too_much_is_refused_before_records_are_read(portal: DemoPortal) -> None:
    async with watched(portal, 25, BITRIX24_MCP_MAX_CALLS="5") as (assistant, backend):
        error = await assistant.fail("funnel_report", **YEAR)

    assert (error["code"], backend.read) == ("TOO_EXPENSIVE", 0)
    assert "107 matching records" in error["message"]


async def test_a_plan_says_what_it_would_cost_and_reads_no_record(
    own_portal: DemoPortal, own_assistant: Assistant, sql: Sql
) -> None:
    total = sql(f"select count(*) from deals where {IN_QUARTER}")[0][0]

    answer = await own_assistant.ask("funnel_report", **QUARTER, history=True, stuck_days=10, explain=True)

    assert answer == {
        "plan": {
            "entity": "deals",
            "filter": {
                "categoryId": 5,
                "createdAt": {"$gte": moment("2026-03-31T21:00:00Z"), "$lt": moment("2026-06-30T21:00:00Z")},
            },
            "funnels": [{"id": 5, "name": "Партнёры"}],
            "stuck_before": "2026-07-05T12:00:00+03:00",
            "total": total,
            "calls_at_most": 4 + total,
            "calls_allowed": 100,
            "time_zone": "Europe/Moscow",
        }
    }
    assert asked(own_portal) == ["/v1/deals/aggregate"]
    own_portal.requests.clear()
    await own_assistant.ask("funnel_report", **QUARTER, history=True)
    assert len(asked(own_portal)) == answer["plan"]["calls_at_most"]


@pytest.mark.parametrize(("budget", "funnels"), [("300", [0]), ("1400", [0, 5])])
async def test_a_report_keeps_within_the_token_budget_and_says_what_is_missing(
    portal: DemoPortal, assistant: Assistant, budget: str, funnels: Sequence[int]
) -> None:
    whole = await assistant.ask("funnel_report", **YEAR)
    async with assistant_for(portal.url, BITRIX24_MCP_MAX_TOKENS=budget) as short:
        answer = await short.ask("funnel_report", **YEAR)

    hidden = [each for each in whole["funnels"] if each["id"] not in funnels]
    kept = [
        {**each, "stages": [stage for stage in each["stages"] if stage["records"]]}
        for each in whole["funnels"]
        if each["id"] in funnels
    ]
    assert answer == {
        **whole,
        "funnels": kept,
        "note": "Stages without records are left out to keep within the token budget. Not shown: "
        f"{', '.join(each['name'] for each in hidden)}, with {sum(each['entered'] for each in hidden)} records; ask "
        "for one with funnel.",
    }
    assert len(funnels) == 1 or tokens(compact(answer)) <= int(budget)
