"""What a journal was given it gives back, exactly, in order, and fast at any size."""

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import get_args

import anyio
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Journal, Operation, State
from bitrix24_mcp.journal.store import StoredJournal
from bitrix24_mcp.storage.database import Place
from bitrix24_mcp.storage.sqlite import Folder
from connecting import Moment
from journalled import (
    CHANGED,
    ENTRIES,
    MADE_AT,
    OPERATIONS,
    PORTAL,
    Model,
    answers,
    in_states,
    kept,
    operation,
    states,
)
from postgres_places import emptied, replica

pytestmark = pytest.mark.anyio

Step = Operation | tuple[int, Mapping[int, Entry]] | None
"""An operation is begun; one is changed, at a number and places brought into range; the journal is opened anew."""
STEPS = st.lists(
    st.one_of(
        OPERATIONS,
        OPERATIONS,
        st.tuples(st.integers(0, 9), st.dictionaries(st.integers(0, 3), ENTRIES, max_size=3)),
        st.none(),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(deadline=None, max_examples=80)
def test_whatever_is_begun_changed_and_reopened_it_answers_like_a_journal_in_memory(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_play, Folder(Path(folder)), steps)


@given(steps=STEPS)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_so_it_does_where_replicas_share_it(address: str, steps: list[Step]) -> None:
    """But for the one character that PostgreSQL does not take, which stands there as its number."""
    assume("\\x00" not in repr(steps))
    emptied(address)
    anyio.run(_play_on_a_replica, address, steps)


async def _play_on_a_replica(address: str, steps: list[Step]) -> None:
    async with replica(address) as server:
        await _play(server, steps)


async def _play(place: Place, steps: list[Step]) -> None:
    journal = StoredJournal.kept_in(place)
    model, begun = Model(), list[Operation]()
    for step in steps:
        if step is None:
            journal = StoredJournal.kept_in(place)
        elif isinstance(step, Operation):
            assert await journal.begin(step) == model.begin(step)
            begun.append(step)
        elif begun:
            at = step[0] % len(begun)
            entries = {place: entry for place, entry in step[1].items() if place < len(begun[at].entries)}
            model.change(at + 1, entries)
            await journal.change(at + 1, entries)
        assert await answers(journal, len(begun)) == model.answers()


def test_it_is_a_journal(journal: StoredJournal, moment: Moment) -> None:
    as_the_crm_knows_it: Journal = journal

    assert as_the_crm_knows_it.now() == moment.now


async def test_a_moment_of_any_zone_is_kept_as_that_moment(journal: StoredJournal) -> None:
    there = MADE_AT.astimezone(timezone(timedelta(hours=5, minutes=45))) + timedelta(microseconds=7)

    number = await journal.begin(operation(replace(CHANGED, sent_at=there), made_at=there))

    found = await kept(journal, number)
    assert (found.made_at, found.entries[0].sent_at) == (there, there)
    assert found.made_at.utcoffset() == timedelta()


async def test_cyrillic_can_be_read_in_the_file_and_moments_have_their_offset(
    journal: StoredJournal, folder: Path
) -> None:
    await journal.begin(operation())

    with closing(sqlite3.connect(folder / "journal.sqlite3")) as database:
        [row] = database.execute("select sent_values, record_id, sent_at from entries").fetchall()
    assert row == ('{"title": "Кирпич", "opportunity": 100.5}', "5", "2026-07-15T09:00:00+00:00")


async def test_half_a_character_does_not_keep_a_write_from_being_noted(journal: StoredJournal) -> None:
    """JSON may bring one, and no file takes it."""
    entry = replace(CHANGED, values={"title \ud800": ["\\\udfff"]}, said="\ud800")

    number = await journal.begin(operation(entry, client="\udc00"))

    found = await kept(journal, number)
    assert found.entries[0].values == entry.values
    assert (found.client, found.entries[0].said) == ("\\udc00", "\\ud800")


@pytest.mark.parametrize("state", get_args(State))
async def test_an_operation_is_open_while_nobody_knows_whether_the_portal_did_it(
    state: State, journal: StoredJournal
) -> None:
    number = await journal.begin(operation(*in_states("done", state, "planned")))

    found = [*await journal.open(PORTAL), *await journal.latest_open(1)]

    assert [each.number for each in found] == ([number, number] if state in OPEN else [])


async def test_open_operations_come_oldest_first_and_the_latest_newest_first(journal: StoredJournal) -> None:
    for _ in range(3):
        await journal.begin(operation(*in_states("sent")))

    assert [each.number for each in await journal.open(PORTAL)] == [1, 2, 3]
    assert [each.number for each in await journal.latest(PORTAL, 2)] == [3, 2]
    assert [each.number for each in await journal.latest_open(2)] == [3, 2]


async def test_numbers_are_never_given_again_even_when_operations_were_taken_out(
    journal: StoredJournal, folder: Path
) -> None:
    await journal.begin(operation())
    await journal.begin(operation())
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as database, database:
        database.execute("delete from operations")

    assert await journal.begin(operation()) == 3


@pytest.mark.parametrize("number", [0, -1, 5, 2**63, 10**40])
async def test_there_is_no_operation_of_a_number_that_was_not_given(number: int, journal: StoredJournal) -> None:
    await journal.begin(operation())

    assert await journal.operation(number) is None


async def test_what_a_person_settles_is_only_what_was_open(journal: StoredJournal, moment: Moment) -> None:
    every = in_states(*get_args(State))
    number, other = await journal.begin(operation(*every)), await journal.begin(operation(*in_states("sent")))

    settled = await journal.settle(number, "not done", "Settled by hand.")

    found = await kept(journal, number)
    by_hand = {"state": "not done", "said": "Settled by hand.", "answered_at": moment.now}
    assert settled == 2
    assert found.entries == tuple(replace(each, **by_hand) if each.state in OPEN else each for each in every)
    assert states([await kept(journal, other)]) == [["sent"]]


class Counting(sqlite3.Connection):
    """Counts the steps of SQLite's machine, which is what finding something costs."""

    steps = 0

    @staticmethod
    def step() -> int:
        Counting.steps += 1
        return 0


async def cost(journal: StoredJournal) -> list[int]:
    """What each question costs."""
    costs: list[int] = []
    for ask in (
        lambda: journal.latest(PORTAL, 20),
        lambda: journal.latest_of_all(20),
        lambda: journal.open(PORTAL),
        lambda: journal.latest_open(20),
        lambda: journal.operation(3),
        lambda: journal.undone_by(3),
    ):
        Counting.steps = 0
        await ask()
        costs.append(Counting.steps)
    return costs


async def test_no_question_costs_more_when_there_are_many_operations(
    journal: StoredJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for portal in (PORTAL, "other.example"):
        for _ in range(20):
            await journal.begin(operation(*in_states("done", "refused"), portal=portal))
    await journal.begin(operation(*in_states("done", "unknown"), undoes=3))
    connect = sqlite3.connect

    def counting(path: Path, *, timeout: float, isolation_level: None) -> sqlite3.Connection:
        connection = connect(path, timeout=timeout, isolation_level=isolation_level, factory=Counting)
        connection.set_progress_handler(Counting.step, 1)
        return connection

    monkeypatch.setattr(sqlite3, "connect", counting)
    few = await cost(journal)
    with closing(connect(folder / "journal.sqlite3")) as database, database:
        database.executescript(MANY)
    many = await cost(journal)

    assert few == pytest.approx(many, rel=0.02)


MANY = """
create temp table numbers as
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) select i from n;
insert into operations (portal, user_id, client, tool, made_at, undoes)
  select portal, user_id, client, tool, made_at, undoes from operations cross join numbers where number < 41;
insert into entries
  select number, place, action, entity, record_id, sent_values, before, after, entries.mark, state, said, sent_at,
    answered_at
  from operations join entries on operation = 1 where number > 41;
"""
"""Twenty thousand more of those that are over."""
