"""What stands still whatever its age is counted beside the report, never at its cost."""

from collections.abc import Sequence
from typing import cast

import anyio
import pytest

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.funnel.question import Asked
from bitrix24_mcp.crm.funnel.stuck import Stuck, find_stuck
from bitrix24_mcp.crm.funnel.tally import Tally
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.crm.reading.spending import Purse, Spending

pytestmark = pytest.mark.anyio

CREATED = Condition("createdAt", "gte", "2026-07-01T00:00:00+03:00")
OTHER = Condition("currency", "eq", "EUR")
LONG_AGO = {"movedTime": {"$lt": "2026-06-15T12:30:00+02:00"}}


class Counting:
    """A portal that counts and nothing else, or never answers."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs
        self.asked: list[Sequence[Condition]] = []

    async def count(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        assert entity.name == "deals"
        self.asked.append(conditions)
        if self.hangs:
            await anyio.sleep_forever()
        return 7


async def stuck(deals: Fields, metadata: Metadata, portal: Counting, *conditions: Condition, until: float) -> Stuck:
    funnels, stages = await metadata.funnels(deals.entity), await metadata.stages(deals.entity)
    asked = Asked(deals, conditions, funnels, stages, await metadata.now(), 30)
    tally = Tally(asked, keep_places=False)
    return await find_stuck(asked, tally, cast("Portal", portal), Purse(Spending(calls=1)), until)


async def test_the_other_conditions_hold_for_records_of_any_age(deals: Fields, metadata: Metadata) -> None:
    found = await stuck(deals, metadata, Counting(), CREATED, OTHER, until=anyio.current_time() + 60)

    still_open = {"currency": "EUR", "stageSemanticId": "P", **LONG_AGO}
    assert found == Stuck(
        {
            "days": 30,
            "records": 0,
            "filter": {"createdAt": {"$gte": CREATED.value}, **still_open},
            "of_any_age": {"records": 7, "filter": still_open},
        }
    )


async def test_a_question_without_a_period_counts_nothing_twice(deals: Fields, metadata: Metadata) -> None:
    portal = Counting()

    found = await stuck(deals, metadata, portal, OTHER, until=anyio.current_time() + 60)

    assert found == Stuck({"days": 30, "records": 0, "filter": {"currency": "EUR", "stageSemanticId": "P", **LONG_AGO}})
    assert portal.asked == []


async def test_a_count_for_which_no_time_is_left_is_given_up(deals: Fields, metadata: Metadata) -> None:
    with anyio.fail_after(5):
        found = await stuck(deals, metadata, Counting(hangs=True), CREATED, until=anyio.current_time())

    assert found == Stuck(
        {
            "days": 30,
            "records": 0,
            "filter": {"createdAt": {"$gte": CREATED.value}, "stageSemanticId": "P", **LONG_AGO},
        },
        "How many are stuck of any age was not counted: no time was left for it.",
    )
