"""The installed command ends while it writes: what it left open is found, nothing is lost, nothing is made twice."""

import signal
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import anyio
import pytest

from agreement.demanded import demanded
from agreement.judge import Judge
from agreement.noted import noted
from agreement.process import Process
from agreement.trial import Trial
from bitrix24_mcp.demo import DemoPortal, Fault
from writing_assistants import WRITING_DOORS, Door

pytestmark = pytest.mark.parametrize("door", WRITING_DOORS)
SLOW = 0.3
"""Seconds that each request takes, so that there is something to interrupt."""
ENDS: Mapping[str, Callable[[Process], None]] = MappingProxyType(
    {
        "killed": lambda process: process.kill(signal.SIGKILL),
        "asked to end": lambda process: process.kill(signal.SIGTERM),
        "left alone": lambda process: process.hang_up(),
    }
)


@pytest.fixture
def trial(own_portal: DemoPortal, tmp_path: Path, door: Door) -> Trial:
    return Trial(door, "code", own_portal, tmp_path)


@pytest.mark.parametrize("run", range(3))
def test_a_server_that_is_killed_leaves_nothing_that_cannot_be_told(door: Door, run: int, trial: Trial) -> None:
    ended_while_writing("killed", Random(f"{door} {run}"), trial)  # noqa: S311 - a schedule is no secret


@pytest.mark.parametrize("how", ["asked to end", "left alone"])
def test_a_server_that_is_told_to_end_notes_what_came_of_the_part_under_way(door: Door, how: str, trial: Trial) -> None:
    ended_while_writing(how, Random(f"{door} {how}"), trial)  # noqa: S311 - a schedule is no secret


def test_a_call_that_is_cancelled_by_its_client_is_noted_to_the_end_of_its_part(door: Door, trial: Trial) -> None:
    """By `notifications/cancelled`; the server goes on, and takes the next call."""
    judge = Judge(trial)
    with Process.started(door, trial.portal, trial.folder) as process:
        number = confirm(process, trial, {"action": "create", "items": new(120)})
        process.tell("notifications/cancelled", {"requestId": number})
        until(lambda: [each.state for each in noted(trial.folder)] == ["done"] * 50 + ["planned"] * 70)
        trial.portal.clear_faults()
        [listed] = process.call("undo").content["items"]

    judge.look()
    assert listed["records"] == {"done": 50, "planned": 70}


def test_the_next_server_finds_by_itself_what_a_killed_one_left_open(door: Door, trial: Trial) -> None:
    """It is carried out while nobody is there to hear of it."""
    judge = Judge(trial)
    with Process.started(door, trial.portal, trial.folder) as process:
        confirm(process, trial, {"action": "create", "items": new(3)})
        process.kill(signal.SIGKILL)
    trial.portal.clear_faults()
    time.sleep(SLOW + 0.1)
    left = [each.state for each in noted(trial.folder)]
    with Process.started(door, trial.portal, trial.folder) as process:
        [listed] = process.call("undo").content["items"]

    judge.look()
    assert (left, listed["records"]) == (["sent"] * 3, {"done": 3})


def ended_while_writing(how: str, dice: Random, trial: Trial) -> None:
    """The server ends at some moment of a write, and another one looks up what became of it."""
    judge = Judge(trial)
    with Process.started(trial.door, trial.portal, trial.folder) as process:
        confirm(process, trial, some_write(dice))
        time.sleep(dice.uniform(0, 3 * SLOW))
        ENDS[how](process)
    trial.portal.clear_faults()
    time.sleep(SLOW + 0.1)  # until the portal has done what it was asked for

    entries = judge.look()
    assert how == "killed" or "sent" not in [each.state for each in entries]
    trial.calendar.now = datetime.now(UTC) + timedelta(minutes=4)
    anyio.run(looked_up, trial)
    judge.look()
    assert not [each for each in judge.entries if each.open]


async def looked_up(trial: Trial) -> None:
    """Another server looks up what is open, when nothing can come any more."""
    await trial.restart()
    await trial.end()


def confirm(process: Process, trial: Trial, write: Mapping[str, Any]) -> int:
    """Confirms a write; comes back as soon as the portal is asked for it."""
    previewed = process.call("write_items", entity="deals", **write)
    trial.portal.inject(Fault("slow", times=None, seconds=SLOW))
    arguments = {"confirm": previewed.content["confirm"]}
    number = process.ask("tools/call", {"name": "write_items", "arguments": arguments})
    until(lambda: any(map(demanded, trial.requests)))
    return number


def some_write(dice: Random) -> Mapping[str, Any]:
    """Of one record, of some, or of more than a part holds."""
    ids = dice.sample(range(1, 30), dice.choice((1, 3)))
    match dice.choice(("create", "create", "update", "delete")):
        case "create":
            return {"action": "create", "items": new(dice.choice((1, 3, 60)))}
        case "update":
            return {"action": "update", "items": [{"id": each, "amount": 7, "comments": "Agreed"} for each in ids]}
        case _:
            return {"action": "delete", "ids": ids}


def new(number: int) -> list[dict[str, str]]:
    return [{"title": f"Agreement {place}"} for place in range(number)]


def until(true: Callable[[], bool]) -> None:
    """Waits for the portal, which is another thread, and the server, which is another process."""
    for _ in range(10_000):
        if true():
            return
        time.sleep(0.001)
    raise AssertionError("it did not come to that")
