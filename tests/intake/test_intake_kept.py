"""What the file of rules was given it gives back, for all processes at once, and a broken file is said to be one."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.crm.intake.rule import IntakeRule, Target
from bitrix24_mcp.crm.intake.rules import LEASE, Answered, KeptRule, Made
from bitrix24_mcp.intake.store import StoredIntake
from bitrix24_mcp.storage.database import Place
from bitrix24_mcp.storage.sqlite import Folder
from postgres_places import emptied, replica
from writing_assistants import Calendar

pytestmark = pytest.mark.anyio

_NAMES = st.text(min_size=1, max_size=6)
_FIELDS = st.dictionaries(_NAMES, _NAMES, max_size=3)
_TARGETS: st.SearchStrategy[Target] = st.sampled_from(["lead", "deal", "company", "contact"])
_RULES = st.builds(
    IntakeRule,
    quiz=st.integers(1, 3),
    responsible=st.integers(1, 9),
    source=_NAMES,
    lead=st.booleans(),
    lead_status=st.text(max_size=4),
    funnel=st.none() | st.integers(0, 9),
    stage=st.text(max_size=4),
    type=st.text(max_size=4),
    fields=st.dictionaries(_TARGETS, _FIELDS, max_size=3),
    contact_names=_FIELDS,
    tags=st.dictionaries(_NAMES, st.lists(_NAMES, max_size=2).map(tuple), max_size=2),
)
RULE = IntakeRule(17, 2, "CALL", lead=False, funnel=5, stage="C5:NEW", type="SALE")
ANSWERED = Answered("portal.example", 17, "a1")


STEPS = st.lists(st.tuples(st.sampled_from(["a.example", "б.рф"]), st.booleans(), _RULES), max_size=8)


@given(steps=STEPS)
@settings(deadline=None, max_examples=40)
def test_it_holds_what_a_dictionary_would_hold(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool, IntakeRule]]
) -> None:
    anyio.run(_played, Folder(tmp_path_factory.mktemp("intake")), steps)


@given(steps=STEPS)
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_so_it_does_where_replicas_share_it(address: str, steps: list[tuple[str, bool, IntakeRule]]) -> None:
    emptied(address)
    anyio.run(_played_on_a_replica, address, steps)


async def _played_on_a_replica(address: str, steps: list[tuple[str, bool, IntakeRule]]) -> None:
    async with replica(address) as server:
        await _played(server, steps)


async def _played(place: Place, steps: list[tuple[str, bool, IntakeRule]]) -> None:
    calendar = Calendar()
    held: dict[tuple[str, int], KeptRule] = {}
    for portal, creates, rule in steps:
        intake: StoredIntake = StoredIntake.kept_in(place, now=calendar)
        calendar.passes(seconds=1)
        key = (portal, rule.quiz)
        there = key in held
        done = await (intake.create(portal, rule) if creates else intake.change(portal, rule))
        if done:
            held[key] = KeptRule(rule, held[key].created_at if there else calendar.now, calendar.now)
        assert done == (there != creates)
        assert {each: await intake.get(*each) for each in held} == held


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def intake(tmp_path: Path, calendar: Calendar) -> StoredIntake:
    return StoredIntake.in_folder(tmp_path, now=calendar)


async def test_one_attempt_at_a_time_has_an_answer(intake: StoredIntake, tmp_path: Path, calendar: Calendar) -> None:
    other: StoredIntake = StoredIntake.in_folder(tmp_path, now=calendar)

    mine = await intake.claim(ANSWERED)
    refused = await other.claim(ANSWERED)
    another = await other.claim(replace(ANSWERED, answer="a2"))
    assert mine
    await intake.release(ANSWERED, mine)
    theirs = await other.claim(ANSWERED)

    assert (refused, bool(another), bool(theirs), mine == theirs) == (None, True, True, False)


async def test_an_attempt_without_a_sign_of_life_loses_the_answer(intake: StoredIntake, calendar: Calendar) -> None:
    first = await intake.claim(ANSWERED)
    assert first
    calendar.now += LEASE / 2
    await intake.note(ANSWERED, first, "contact", Made(5, 1))
    calendar.now += LEASE / 2
    kept = await intake.claim(ANSWERED)
    calendar.now += LEASE / 2
    second = await intake.claim(ANSWERED)
    await intake.release(ANSWERED, first)
    third = await intake.claim(ANSWERED)

    assert (kept, bool(second), third) == (None, True, None)


async def test_what_was_made_is_kept_by_kind_whoever_has_the_answer(intake: StoredIntake) -> None:
    await intake.note(ANSWERED, "nobody", "contact", Made(5, 1))
    await intake.note(ANSWERED, "nobody", "deal", Made(7, 2))
    await intake.note(ANSWERED, "nobody", "deal", Made(8, 3))

    assert await intake.made(ANSWERED) == {"contact": Made(5, 1), "deal": Made(8, 3)}
    assert await intake.made(replace(ANSWERED, quiz=18)) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"quiz": 17}', "null", '{"quiz'])
async def test_a_rule_that_another_program_wrote_is_an_error(text: str, intake: StoredIntake, tmp_path: Path) -> None:
    await intake.create("portal.example", RULE)
    with closing(sqlite3.connect(tmp_path / "intake.sqlite3")) as connection:
        connection.execute("update rules set rule = ?", [text])
        connection.commit()

    with pytest.raises(PortalUnavailable) as raised:
        await intake.get("portal.example", 17)
    assert raised.value.code == "INTAKE_UNUSABLE"


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be taken for one" * 20])
def test_a_file_that_is_no_database_is_an_error_at_once(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "intake.sqlite3").write_bytes(content)
    (tmp_path / "intake.sqlite3").chmod(0o600)

    with pytest.raises(PortalUnavailable) as raised:
        StoredIntake.in_folder(tmp_path)
    assert raised.value.code == "INTAKE_UNUSABLE"


def test_the_file_is_for_its_owner_alone(intake: StoredIntake, tmp_path: Path) -> None:
    del intake

    assert (tmp_path / "intake.sqlite3").stat().st_mode & 0o777 == 0o600
