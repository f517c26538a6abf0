"""Two replicas, many clients, and every kind of trouble once: the safety promises hold, whatever it costs in time."""

from pathlib import Path

import pytest

from replicas.judging import PROMISES
from replicas.parts import Plan
from replicas.running import played
from replicas.troubles import KINDS, each_once

pytestmark = pytest.mark.anyio

_CALM, _LASTS = 1.0, 0.9
"""Seconds between troubles, and of each."""


async def test_the_promises_hold_while_everything_fails_once(tmp_path: Path) -> None:
    run = await played(Plan(replicas=2, clients=16, people=4), 0, each_once(_CALM, _LASTS), tmp_path, rest=0.2)

    acknowledged = [each for each in run.evidence.ledgers for each in each.writes if each.fate == "acknowledged"]
    assert [each.trouble.kind for each in run.evidence.suffered] == list(KINDS)
    assert len(acknowledged) > len(KINDS)
    assert run.verdict == {promise: [] for promise in PROMISES}
