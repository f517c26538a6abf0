"""What happens at the same time as a write: other servers, other previews, callers who do not wait any more."""

from collections.abc import Callable
from functools import partial

import anyio
import pytest

from agreement.demanded import demanded
from agreement.judge import Judge
from agreement.noted import noted
from agreement.trial import Told, Trial, trial_of
from agreement.troubles import QUIET, Circumstances, Trouble
from bitrix24_mcp.demo import Fault
from bitrix24_mcp.demo.faults import FaultKind
from writing_assistants import WRITING_DOORS, Door, writing_assistant_for

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("door", WRITING_DOORS)]
NEW = {"entity": "deals", "action": "create", "items": [{"title": "Agreement 1"}]}
MANY = {"entity": "deals", "action": "create", "items": [{"title": f"Agreement {place}"} for place in range(120)]}


def states(trial: Trial) -> list[str]:
    return [each.state for each in noted(trial.folder)]


def titled(trial: Trial) -> int:
    """How many deals these tests have made."""
    return sum(str(row["title"]).startswith("Agreement ") for row in trial.witness.rows("deals").values())


async def lost_answer(trial: Trial, kind: FaultKind = "drop_after") -> Told:
    """A new deal that is asked for without an answer, and nothing can be read then."""
    around = Circumstances((Trouble(kind), Trouble("drop", "afterwards", lasting=True)))
    return await trial.write("write_items", around, nobody, **NEW)


def nobody() -> None:
    """Nobody else changes anything."""


async def test_what_came_through_after_all_is_not_made_again(door: Door) -> None:
    """The caller asks for the same once more because nobody could tell; only a third time is taken for a wish."""
    async with trial_of(door, "code") as trial:
        lost = await lost_answer(trial)
        again = await trial.ask("write_items", **NEW)
        wished = await trial.write("write_items", QUIET, nobody, **NEW)

        assert (lost.content["unknown"], again.code, wished.content["done"], titled(trial)) == (1, "ALREADY_DONE", 1, 2)


async def test_what_may_still_come_is_not_made_again(door: Door) -> None:
    async with trial_of(door, "code") as trial:
        lost = await lost_answer(trial, "drop")
        again = await trial.ask("write_items", **NEW)
        trial.calendar.passes(minutes=4)
        later = await trial.write("write_items", QUIET, nobody, **NEW)

        assert (lost.content["unknown"], again.code, later.content["done"]) == (1, "OUTCOME_UNKNOWN", 1)
        assert (states(trial), titled(trial)) == (["not done", "done"], 1)


@pytest.mark.parametrize(("kind", "code"), [("drop_after", "ALREADY_DONE"), ("drop", "OUTCOME_UNKNOWN")])
async def test_a_second_preview_of_the_same_is_not_confirmed_either(kind: FaultKind, code: str, door: Door) -> None:
    """It was made before anything was sent, so that only its confirmation comes afterwards."""
    async with trial_of(door, "code") as trial:
        second = await trial.ask("write_items", **NEW)
        await lost_answer(trial, kind)

        assert (await trial.ask("write_items", confirm=second.content["confirm"])).code == code
        assert titled(trial) == (kind == "drop_after")


async def test_another_server_that_looks_up_a_write_under_way_does_not_change_what_came_of_it(door: Door) -> None:
    """A comment has no mark: once it were noted as unknown, nobody could ever tell."""
    async with trial_of(door, "code") as trial:
        judge = Judge(trial)
        told = await trial.write(
            "add_comment", Circumstances(looked_up=True), nobody, entity="deals", id=1, text="Agreement 1"
        )

        assert (told.content["done"], states(trial)) == (1, ["done"])
        judge.look(told, QUIET)


async def test_a_look_that_ends_after_the_write_does_not_change_what_came_of_it(door: Door) -> None:
    """The other server asks the portal while the write is under way, and hears of it when that is done and noted."""
    async with (
        trial_of(door, "code") as trial,
        writing_assistant_for(door, trial.portal.url, trial.folder, calendar=trial.calendar) as other,
    ):
        previewed = await trial.ask("write_items", **NEW)
        trial.portal.inject(Fault("slow", "/v1/deals", "POST", seconds=0.2))
        trial.portal.inject(Fault("slow", "/rest/*/crm.item.add", seconds=0.2))
        trial.portal.inject(Fault("slow_after", "/v1/deals/search", seconds=0.4))
        trial.portal.inject(Fault("slow_after", "/rest/*/crm.item.list", seconds=0.4))
        async with anyio.create_task_group() as calls:
            calls.start_soon(partial(trial.ask, "write_items", confirm=previewed.content["confirm"]))
            await until(lambda: bool(demanded(trial.requests[-1])))
            calls.start_soon(other.raw, "undo")

        assert (states(trial), titled(trial)) == (["done"], 1)


@pytest.mark.parametrize("request_number", range(4))
async def test_a_call_that_is_cancelled_ends_with_the_part_that_is_under_way(request_number: int, door: Door) -> None:
    """Of 120 records, fifty are in a part: what was sent is noted with its fate, what was not sent is not."""
    async with trial_of(door, "code") as trial:
        judge = Judge(trial)
        around = Circumstances(given_up=request_number)
        told = await trial.write("write_items", around, nobody, **MANY)

        entries = judge.look(told, around)
        made = [each.state for each in entries].count("done")
        assert told.given_up
        assert made % 50 == 0
        assert [each.state for each in entries] == ["done"] * made + ["planned"] * (len(entries) - made)


async def test_records_that_have_several_contacts_lose_them_only_after_it_was_said(door: Door) -> None:
    async with trial_of(door, "code") as trial:
        [(number,)] = trial.witness.sql("select min(id) from deals where json_array_length(contactIds) = 2")
        item = {"id": number, "contactId": 12}
        told = await trial.ask("write_items", entity="deals", action="update", items=[item])

        assert told.content["preview"]["notes"] == [
            f"Deal {number} has 2 contacts, which give way to this one; undo brings back only the first."
        ]


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not true():  # noqa: ASYNC110 - the portal is another thread, and has no event to wait for
            await anyio.sleep(0.001)
