"""Random sequences of writes while everything goes wrong that can: database, journal and answers tell the same."""

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agreement.playing import Player
from agreement.steps import STEPS, Step
from agreement.trial import WAYS, Way, trial_of
from writing_assistants import WRITING_DOORS, Door

EXAMPLES = 40
"""Sequences for each door."""
SEQUENCES = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


@pytest.mark.parametrize("door", WRITING_DOORS)
@SEQUENCES
@given(way=st.sampled_from(WAYS), steps=st.lists(STEPS, min_size=4, max_size=9))
def test_database_journal_and_answers_agree(door: Door, way: Way, steps: list[Step]) -> None:
    anyio.run(played, door, way, steps)


async def played(door: Door, way: Way, steps: list[Step]) -> None:
    async with trial_of(door, way) as trial:
        player = Player(trial)
        for step in steps:
            await player.play(step)
        await player.settle()
