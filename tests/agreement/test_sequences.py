"""Random sequences of writes while all goes wrong that can: database, journal and answers tell the same."""

from random import Random

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from agreement.drawing import Dice
from agreement.playing import Player
from agreement.trial import WAYS, trial_of
from writing_assistants import WRITING_DOORS, Door

EXAMPLES = 20
"""Sequences for each door."""


@pytest.mark.parametrize("door", WRITING_DOORS)
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=(HealthCheck.too_slow,),
)
@given(random=st.randoms(use_true_random=True))
def test_database_journal_and_answers_agree_whatever_goes_wrong(door: Door, random: Random) -> None:
    """What is held after each step is said where it is held: `judge.py`, `playing.py`, `reversal.py`, `watching.py`."""
    anyio.run(played, door, random)


async def played(door: Door, random: Random) -> None:
    way, steps = random.choice(WAYS), Dice(random).sequence()
    note("\n".join(map(str, [way, *steps])))
    async with trial_of(door, way) as trial:
        player = Player(trial)
        for step in steps:
            await player.play(step)
        await player.settle()
