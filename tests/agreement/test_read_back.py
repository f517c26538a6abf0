"""What records hold after a write is read, now or later: fields not taken are named, what moved along goes back."""

from collections.abc import Mapping
from typing import Any

import pytest

from agreement.kinds import DEALS
from agreement.playing import Player
from agreement.steps import Create, LookUp, Undo, Update
from agreement.trial import Told, trial_of
from agreement.troubles import QUIET, Circumstances, Trouble
from writing_assistants import WRITING_DOORS, Door

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("door", WRITING_DOORS)]
WON, BY_RULE, CLOSING = {"stageId": "won"}, {"probability": 60}, {"closedAt": "2026-08-31"}
LOST = Trouble("drop_after")
SILENT = Trouble("drop", "afterwards", lasting=True)
"""Nothing is heard of the portal any more."""


def fragments(*wanted: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(list(DEALS.fragments).index(each) for each in wanted)


async def updated(player: Player, *wanted: Mapping[str, Any], around: Circumstances = QUIET) -> Told:
    """A new deal that is changed; the sources are held against each other after both."""
    await player.play(Create(DEALS, 1, fragments({"amount": 1500.5})))
    told = await player.play(Update(DEALS, (0,), fragments(*wanted), around))
    assert told is not None
    return told


async def test_a_day_of_closing_that_moved_along_is_put_back(door: Door) -> None:
    """Sent together with the stage it is overwritten, and sent once more."""
    async with trial_of(door, "code") as trial:
        player = Player(trial)
        told = await updated(player, WON, CLOSING)
        undone = await player.play(Undo(0))

        assert (told.content, undone) == (
            {"operation": 2, "done": 1, "ids": [61]},
            Told({"operation": 3, "done": 1, "ids": [61]}),
        )


async def test_it_is_put_back_as_well_where_the_write_was_only_found_later(door: Door) -> None:
    async with trial_of(door, "code") as trial:
        player = Player(trial)
        told = await updated(player, WON, around=Circumstances((LOST, SILENT)))
        await player.play(LookUp())
        undone = await player.play(Undo(0))

        assert told.content["unknown"] == 1
        assert undone == Told({"operation": 3, "done": 1, "ids": [61]})


async def test_it_is_put_back_as_well_where_nothing_could_be_read_afterwards(door: Door) -> None:
    """The answer to the write has shown the record."""
    async with trial_of(door, "code") as trial:
        player = Player(trial)
        told = await updated(player, WON, around=Circumstances((SILENT,)))
        undone = await player.play(Undo(0))

        assert told.content == {"operation": 2, "done": 1, "ids": [61]}
        assert undone == Told({"operation": 3, "done": 1, "ids": [61]})


async def test_a_field_that_a_rule_of_the_portal_overwrites_is_named(door: Door) -> None:
    async with trial_of(door, "code") as trial:
        told = await updated(Player(trial), BY_RULE)

        what = "the portal reported success, but these do not hold what was sent"
        assert told.content["problems"] == [{"id": 61, "what": what, "fields": ["probability"]}]


async def test_a_field_that_was_taken_the_second_time_is_not_named_though_nobody_answered(door: Door) -> None:
    async with trial_of(door, "code") as trial:
        told = await updated(Player(trial), WON, CLOSING, around=Circumstances((Trouble("drop_after", after=1),)))

        assert told.content == {"operation": 2, "done": 1, "ids": [61]}


async def test_that_a_record_could_not_be_read_is_said(door: Door) -> None:
    """The first look shows that a field was not taken; it is sent once more, and then nothing is heard any more."""
    async with trial_of(door, "code") as trial:
        told = await updated(
            Player(trial), BY_RULE, around=Circumstances((Trouble("drop", "afterwards", 1, lasting=True),))
        )

        assert told.content == {
            "operation": 2,
            "done": 1,
            "ids": [61],
            "note": "It could not be read whether all that was sent stands in 61; the portal reported success.",
        }
