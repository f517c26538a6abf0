"""Stays and stages reached, told from the steps of single records."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.funnel.history import Gaps, read_histories
from bitrix24_mcp.crm.funnel.question import Asked
from bitrix24_mcp.crm.funnel.tally import Tally
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal

pytestmark = pytest.mark.anyio

HOUR = 3_600


def step(number: int, hour: int, stage: str | None, funnel: object = 5, **more: Any) -> dict[str, Any]:
    """A step made on the first of July at that hour."""
    return {"id": number, "createdAt": f"2026-07-01T{hour:02}:00:00Z", "stageId": stage, "categoryId": funnel, **more}


class Histories:
    """A portal that knows histories and nothing else."""

    reads_at_once = 2

    def __init__(self, rows: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
        self.rows = rows

    async def stage_history(self, entity: Entity, owner_id: int) -> tuple[Mapping[str, Any], ...]:
        assert entity.name == "deals"
        return tuple(self.rows[owner_id])


async def told(
    deals: Fields, metadata: Metadata, rows: Mapping[int, Sequence[Mapping[str, Any]]], stage: str = "C5:PREPARATION"
) -> tuple[dict[str, tuple[int, list[int]]], Gaps | None, list[float]]:
    """By stage of funnel 5, who reached it and the stays in hours, of deals that are at `stage`; gaps; progress."""
    now = parse_moment("2026-07-15T12:00:00Z", await metadata.zone())
    assert now is not None
    stages = await metadata.stages(deals.entity)
    asked = Asked(deals, (), await metadata.funnels(deals.entity), stages, now, 30)
    tally = Tally(asked, keep_places=True)
    tally.add([{"id": number, "categoryId": 5, "stageId": stage} for number in rows])
    progress: list[float] = []

    async def report(done: float, total: float | None, _: str | None) -> None:
        assert total == 2 * len(rows)
        progress.append(done)

    gaps = await read_histories(deals.entity, tally, cast("Portal", Histories(rows)), report)
    reached = {
        code: (each.reached, [stay // HOUR for stay in each.stays]) for code, each in tally.funnels[5].stages.items()
    }
    return reached, gaps, progress


async def test_a_stay_lasts_until_the_next_stage(deals: Fields, metadata: Metadata) -> None:
    reached, gaps, progress = await told(
        deals,
        metadata,
        {
            1: [step(1, 2, "C5:NEW"), step(2, 5, "C5:PREPARATION")],
            2: [step(3, 1, "C5:NEW"), step(4, 8, "C5:PREPARATION")],
            3: [step(5, 1, "C5:PREPARATION")],
        },
    )

    assert reached == {"C5:PREPARATION": (3, []), "C5:NEW": (2, [3, 7])}
    assert (gaps, progress) == (Gaps(), [4, 5, 6])


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        (
            [step(1, 1, "C5:NEW"), step(2, 3, "C5:WON"), step(3, 7, "C5:NEW"), step(4, 9, "C5:PREPARATION")],
            {"C5:NEW": (1, [2, 2]), "C5:WON": (1, [4])},
        ),
        ([step(1, 1, "C5:NEW"), step(2, 3, "C5:NEW"), step(3, 7, "C5:PREPARATION")], {"C5:NEW": (1, [6])}),
        ([step(3, 7, "C5:PREPARATION"), step(1, 1, "C5:NEW")], {"C5:NEW": (1, [6])}),
        ([step(8, 4, "C5:PREPARATION"), step(7, 4, "C5:NEW")], {"C5:NEW": (1, [0])}),
        ([step(1, 1, "C5:GONE"), step(2, 3, "C5:PREPARATION")], {"C5:GONE": (1, [2])}),
        ([step(1, 1, "C5:NEW", None), step(2, 3, "C5:PREPARATION", "5")], {"C5:NEW": (1, [2])}),
    ],
    ids=["came back", "repeated", "in no order", "in one second", "a stage that is gone", "no funnel named"],
)
async def test_steps_are_read_as_they_were_made(
    deals: Fields, metadata: Metadata, steps: list[dict[str, Any]], wanted: dict[str, tuple[int, list[int]]]
) -> None:
    reached, gaps, _ = await told(deals, metadata, {1: steps})

    assert reached == {"C5:PREPARATION": (1, []), **wanted}
    assert gaps == Gaps()


@pytest.mark.parametrize("funnel", [0, "0", None], ids=["number", "text", "told by its stage"])
async def test_a_stay_in_another_funnel_counts_nowhere(deals: Fields, metadata: Metadata, funnel: object) -> None:
    steps = [step(1, 1, "NEW", funnel), step(2, 3, "C5:NEW"), step(3, 7, "C5:PREPARATION")]

    reached, gaps, _ = await told(deals, metadata, {1: steps})

    assert reached == {"C5:PREPARATION": (1, []), "C5:NEW": (1, [4])}
    assert gaps == Gaps(elsewhere=1)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [step(1, 1, "C5:NEW")],
        [step(1, 1, None), step(2, 3, "C5:PREPARATION")],
        [step(1, 1, "C5:NEW", createdAt="soon"), step(2, 3, "C5:PREPARATION")],
    ],
    ids=["none", "ends elsewhere", "a step without a stage", "a step without a moment"],
)
async def test_a_history_with_gaps_is_counted(deals: Fields, metadata: Metadata, steps: list[dict[str, Any]]) -> None:
    whole = [step(8, 1, "C5:NEW"), step(9, 2, "C5:PREPARATION")]

    reached, gaps, _ = await told(deals, metadata, {1: steps, 2: whole})

    assert gaps == Gaps(broken=1)
    assert reached["C5:PREPARATION"] == (2, [])


async def test_the_history_of_another_record_is_no_answer(deals: Fields, metadata: Metadata) -> None:
    others = [step(1, 1, "C5:NEW", ownerId=1), step(2, 3, "C5:PREPARATION", ownerId=2)]

    with pytest.raises(UnexpectedAnswer, match="of another record"):
        await told(deals, metadata, {1: others, 2: []})


async def test_no_history_at_all_is_none(deals: Fields, metadata: Metadata) -> None:
    reached, gaps, _ = await told(deals, metadata, {1: [], 2: []})

    assert (reached, gaps) == ({"C5:PREPARATION": (0, [])}, None)
