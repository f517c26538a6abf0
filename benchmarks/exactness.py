"""The large family of questions for figures: how many answers are equal, honestly incomplete, or wrong.

    python benchmarks/exactness.py --examples 500 --seed 7 --deals 200000
    python benchmarks/exactness.py --examples 500 --changing      # while somebody works on the records
    python benchmarks/exactness.py --examples 300 --door rest     # through Bitrix24's own REST

Ends with 1 when an answer was wrong. With --changing the portal is small and its pages are too; over REST records
change between the calls of a batch as well.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, seed, settings

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket, Capacity
from bitrix24_mcp.pacing.budget import Budget, Limits
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.service import context_for
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools.aggregate import TOOL
from bitrix24_mcp.tools.declare import run
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from measuring import HERE, Figure, show

sys.path.insert(0, str(HERE.parent / "tests"))  # the reference and the family are the tests' own

from assistants import DOORS, Assistant, TestTime, sql_over
from figuring.changes import Writer, quiet, random_act
from figuring.direct import DirectWriter, before_each, direct
from figuring.family import Portal, questions
from figuring.judge import small_pages, verdict
from figuring.question import Question
from figuring.reference import Expected, expected
from figuring.tables import DEALS, TABLES_OVER_REST, Table
from oracle import MOST_TOKENS

SCANNED = 100_000
MANY_CALLS = {"BITRIX24_MCP_MAX_CALLS": "1000"}
"""A scan of 200,000 records over REST takes eighty batches, and a comparison reads twice."""
SUM = {"entity": "deals", "measures": [{"function": "sum", "field": "amount"}]}


Ask = Callable[[Question, int], dict[str, Any]]


class Count:
    """What came out; the first wrong answers are shown."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def take(self, question: Question, answer: dict[str, Any], moments: list[Expected]) -> None:
        if "error" in answer:
            self.found[f"refused {answer['error']['code']}"] += 1
            return
        what = verdict(question, answer, moments)
        self.found[what] += 1
        if what == "wrong" and self.found[what] <= 5:
            asked = json.dumps(question.arguments(), ensure_ascii=False)
            sys.stdout.write(f"wrong: {asked}\n  got {answer}\n  right {moments[0].rows[:5]}\n")


async def answered(assistant: Assistant, question: Question) -> dict[str, Any]:
    return dict((await assistant.raw("aggregate", **question.arguments())).structured_content or {})


def tables_of(door: str) -> Sequence[Table]:
    """What is asked about; () = everything. A third are deals, as in the whole family."""
    rest, deals = TABLES_OVER_REST, [TABLES_OVER_REST[0]]
    return () if door == "gateway" else [*rest, *deals * (len(rest) // 2)]


def family(
    known: Portal, examples: int, start: int, check: Callable[[Question], None], tables: Sequence[Table]
) -> None:
    chosen = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
    )
    seed(start)(chosen(given(questions(known, tables))(check)))()


def steady(examples: int, start: int, deals: int, door: str) -> Counter[str]:
    """Nobody changes anything; the portal's limits are on, and waiting takes no time."""
    count, clock = Count(), TestTime()
    with (
        DemoPortal.start(deals=deals, clock=lambda: clock.now) as portal,
        start_blocking_portal() as loop,
        loop.wrap_async_context_manager(
            DOORS[door](portal.url, clock=clock.clock, BITRIX24_MCP_MAX_TOKENS=str(MOST_TOKENS), **MANY_CALLS)
        ) as assistant,
    ):

        def check(question: Question) -> None:
            answer = loop.call(partial(answered, assistant, question))
            count.take(question, answer, [expected(question, portal.database)])

        family(Portal(portal.database), examples, start, check, tables_of(door))
    return count.found


@contextmanager
def at_work(portal: DemoPortal, loop: BlockingPortal, door: str) -> Generator[tuple[Writer, Ask]]:
    """Somebody who works on the deals, and a way to ask a question with so many records in one answer."""
    if door == "rest":
        direct_writer = DirectWriter(portal.url, database=portal.database)

        def ask_rest(question: Question, page: int) -> dict[str, Any]:
            with loop.wrap_async_context_manager(direct(portal.url, page)) as opened:
                return loop.call(partial(answered, opened.assistant, question))

        with before_each("crm.item.list", direct_writer.before_a_request):
            yield direct_writer, ask_rest
        return
    writer = Writer(portal.url)

    def ask(question: Question, page: int) -> dict[str, Any]:
        with loop.wrap_async_context_manager(small_pages(portal.url, page, writer)) as assistant:
            return loop.call(partial(answered, assistant, question))

    yield writer, ask
    writer.close()


def changing(examples: int, start: int, deals: int, door: str) -> Counter[str]:
    """Before requests that chance chooses, deals are made, changed and removed."""
    count, dice = Count(), Random(start)  # noqa: S311 - a schedule is no secret
    with (
        DemoPortal.start(deals=deals, limits=False) as portal,
        start_blocking_portal() as loop,
        at_work(portal, loop, door) as (writer, ask),
    ):
        sql = sql_over(portal.database)

        def check(question: Question) -> None:
            page = dice.choice((7, 20, 40, 60, 110, 160))
            writer.plan((), lambda: None)
            ask(question, page)
            writer.ids = [row[0] for row in sql("select id from deals order by id")]
            quiet(portal.database, "deals", "updatedAt")
            moments = [expected(question, portal.database)]
            places = sorted(dice.randint(0, writer.asked + 2) for _ in range(dice.choice((1, 2, 2, 3, 4, 5))))
            acts = [(place, random_act(dice)) for place in places]
            writer.plan(acts, lambda: moments.append(expected(question, portal.database)))
            count.take(question, ask(question, page), moments)

        family(Portal(portal.database), examples, start, check, [DEALS if door == "gateway" else TABLES_OVER_REST[0]])
    return count.found


async def _pace(portal: DemoPortal) -> tuple[int, float]:
    """Requests of one scan with the gateway's limits on, and the seconds from the first to the last of them."""
    chosen = Settings.of({"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"})
    async with GatewayClient(chosen.credentials(), budget=Budget()) as client:
        context = context_for(chosen, GatewayPortal(client))
        await run(TOOL, {"entity": "deals", "filter": {"id": 1}}, context)
        await anyio.sleep(1.5)  # the limits start anew
        before = client.budget.spent
        started = time.perf_counter()
        outcome = await run(TOOL, SUM, context)
        elapsed = time.perf_counter() - started
        assert outcome.content.get("total") == SCANNED, outcome.content
        return client.budget.spent - before, elapsed


async def _pace_over_rest(portal: DemoPortal) -> tuple[int, float]:
    """The same over REST."""
    chosen = Settings.of({"BITRIX24_WEBHOOK_URL": f"{portal.url}/rest/1/demo-admin/"})
    async with RestClient(chosen.webhook(), budget=Bucket()) as client:
        context = context_for(chosen, RestPortal(client))
        await run(TOOL, {"entity": "deals", "filter": {"id": 1}}, context)
        before = client.budget.spent
        started = time.perf_counter()
        outcome = await run(TOOL, SUM, context)
        elapsed = time.perf_counter() - started
        assert outcome.content.get("total") == SCANNED, outcome.content
        return client.budget.spent - before, elapsed


def measure() -> list[Figure]:
    """How much of what pacing allows a scan of 100,000 records uses, and what it takes over REST."""
    with DemoPortal.start(deals=SCANNED) as portal:
        requests, elapsed = anyio.run(_pace, portal)
        over_rest, took = anyio.run(_pace_over_rest, portal)
        refused = sum(request.status == 503 for request in portal.requests)
    allowed = 1 + int(elapsed * Limits().per_second)
    share = requests / allowed
    full = -(-SCANNED // RestPortal.page_at_most)
    return [
        Figure(
            f"scan of {SCANNED:,} records",
            f"{requests} requests in {elapsed:.1f} s",
            f"{allowed} requests that pacing allows in that time ({share:.0%})",
            ">= 90 % of what pacing allows",
            share >= 0.9,
        ),
        Figure(
            f"scan of {SCANNED:,} records over REST",
            f"{over_rest} requests in {took:.1f} s, {refused} refused",
            f"{full} batches of {RestPortal.page_at_most:,} records, a count and a proof; a burst is {Capacity().size}",
            "<= those and 2, none refused",
            over_rest <= full + 4 and not refused,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deals", type=int, help="200,000 by default, over REST 20,000, 300 with --changing")
    parser.add_argument("--door", choices=[*DOORS], default="gateway", help="the way to the portal (gateway)")
    parser.add_argument("--changing", action="store_true")
    given_ = parser.parse_args()
    many = 200_000 if given_.door == "gateway" else 20_000
    asks, deals = (changing, given_.deals or 300) if given_.changing else (steady, given_.deals or many)
    started = time.perf_counter()
    found = asks(given_.examples, given_.seed, deals, given_.door)
    sys.stdout.write(f"{deals:,} deals, {given_.door}, seed {given_.seed}, {time.perf_counter() - started:.0f} s\n")
    sys.stdout.writelines(f"{number:6} {what}\n" for what, number in sorted(found.items()))
    if not given_.changing:
        show(measure())
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
