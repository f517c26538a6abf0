"""However often an answer is submitted, and whatever goes wrong: it ends as one record, and nobody is doubled."""

import itertools
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistants import Sql, sql_over
from bitrix24_mcp.crm.writing.journal import OPEN
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from questionnaires import DEAL_RULE, LEAD_RULE, intake_assistant, save
from waiting import settled
from writing_assistants import WRITING_DOORS, Calendar, Door, WritingAssistant

EXAMPLES = 15
"""Answers for each door."""
LOSSES: tuple[FaultKind, ...] = ("drop", "drop_after", "failed_after", "drop_midway", "broken_json", "empty")
"""After which nobody knows whether a record was made."""
REFUSALS: tuple[FaultKind, ...] = ("rate_limit", "server_error", "bad_gateway", "access_denied", "html_502")
TABLES = ("leads", "deals", "contacts", "companies")
MOST_ATTEMPTS = 12
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in one attempt: a fault of what is written or of anything, after how many, and how often."""

    kind: FaultKind
    writes: bool
    after: int
    times: int


@dataclass(frozen=True)
class Try:
    """One attempt: what goes wrong, after how many records it is cancelled, how long nobody calls afterwards."""

    troubles: list[Trouble]
    cancelled_after: int | None
    minutes: int


@dataclass(frozen=True)
class Case:
    """What somebody answered: to the questionnaire for leads or for deals, as somebody known or new."""

    lead: bool
    known: bool
    company: bool
    answers: dict[str, Any]


_TROUBLES = st.builds(
    Trouble,
    kind=st.sampled_from(LOSSES) | st.sampled_from(REFUSALS),
    writes=st.sampled_from([True, True, True, False]),
    after=st.integers(0, 2),
    times=st.integers(1, 2),
)
_TRIES = st.builds(
    Try,
    troubles=st.lists(_TROUBLES, max_size=2),
    cancelled_after=st.none() | st.integers(1, 3),
    minutes=st.sampled_from([0, 0, 4]),
)
_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from(["Высокий", "Низкий", "203"]),
        "area": st.floats(0, 10_000).map(lambda area: round(area, 2)),
        "labels": st.lists(st.sampled_from(["Опт", "VIP", "Тендер"]), min_size=1, unique=True),
        "wishes": st.text("абв “”⏎\n", min_size=1, max_size=12).filter(str.strip),
        "interest": st.sampled_from(["Подряд", "Материалы"]),
        "hobbies": st.lists(st.sampled_from(["лыжи", "сад"]), min_size=1, unique=True),
        "branches": st.integers(0, 9),
    },
)
_CASES = st.builds(Case, lead=st.booleans(), known=st.booleans(), company=st.booleans(), answers=_ANSWERS)


@pytest.fixture(scope="module")
def busy_portal() -> Generator[DemoPortal]:
    """A portal for all answers of this file, each of which is about somebody else."""
    with DemoPortal.start(deals=100, limits=False) as started:
        yield started


def test_the_troubles_are_faults_of_the_portal() -> None:
    assert {*LOSSES, *REFUSALS} <= set(get_args(FaultKind))


@pytest.mark.parametrize("door", WRITING_DOORS)
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(case=_CASES, tries=st.lists(_TRIES, min_size=1, max_size=4), restarts=st.booleans())
def test_an_answer_ends_as_one_record(
    door: Door,
    busy_portal: DemoPortal,
    case: Case,
    tries: list[Try],
    restarts: bool,  # noqa: FBT001 - hypothesis gives it by name
) -> None:
    number = next(_NUMBERS)
    given: dict[str, Any] = {
        "quiz": 18 if case.lead else 17,
        "answer": f"{door}-{number}",
        "answers": case.answers,
        "contact": {"name": "Ян", "phone": _of_somebody(busy_portal, number) if case.known else f"+7900{number:07d}"},
        **({"company": f"ООО {door} {number}"} if case.company else {}),
    }
    # A program that is started anew for each attempt knows of the earlier ones only what it finds.
    runs = [[each] for each in tries] if restarts else [tries]
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_submitted, door, busy_portal, Path(folder), given, runs)


def _of_somebody(portal: DemoPortal, number: int) -> str:
    rows = sql_over(portal.database)(
        "select json_extract(phone, '$[0].VALUE') from contacts where phone <> '[]' and originId is null order by id"
    )
    return rows[number % len(rows)][0]


async def _submitted(
    door: Door, portal: DemoPortal, folder: Path, given: dict[str, Any], runs: list[list[Try]]
) -> None:
    calendar = Calendar()
    sql = sql_over(portal.database)
    before = {table: sql(f"select count(*) from {table}")[0][0] for table in TABLES}
    async with _assistant(door, portal, folder, calendar) as assistant:
        await save(assistant, 17, **DEAL_RULE)
        await save(assistant, 18, **LEAD_RULE)
    for run in runs:
        async with _assistant(door, portal, folder, calendar) as assistant:
            for attempt in run:
                for trouble in attempt.troubles:
                    portal.inject(_fault(trouble, door))
                await _try(assistant, given, attempt.cancelled_after)
                portal.clear_faults()
                calendar.passes(minutes=attempt.minutes)
    async with _assistant(door, portal, folder, calendar) as assistant:
        answer = await _in_the_end(assistant, given)
        _check_records(sql, before, given, answer)
        await _check_journal(sql, assistant, given)


def _assistant(door: Door, portal: DemoPortal, folder: Path, calendar: Calendar) -> Any:
    return intake_assistant(door, portal.url, folder, calendar=calendar, BITRIX24_MCP_CONFIRM="deletes")


def _fault(trouble: Trouble, door: Door) -> Fault:
    writes = "/v1/[cdl]*s" if door == "gateway" else "*crm.item.add"
    path = writes if trouble.writes else "*"
    return Fault(trouble.kind, path=path, method="POST", after=trouble.after, times=trouble.times)


async def _try(assistant: WritingAssistant, given: dict[str, Any], cancelled_after: int | None) -> None:
    """One attempt, whatever becomes of it."""
    with anyio.CancelScope() as scope:

        async def met(progress: float, total: float | None, message: str | None) -> None:
            del total, message
            if cancelled_after is not None and progress >= cancelled_after:
                scope.cancel()

        await assistant.client.call_tool("submit_intake", given, progress_callback=met)


async def _in_the_end(assistant: WritingAssistant, given: dict[str, Any]) -> dict[str, Any]:
    """The answer once nothing goes wrong any more."""
    for _ in range(MOST_ATTEMPTS):
        result = await assistant.raw("submit_intake", **given)
        if not result.is_error:
            break
        await settled()
        assistant.calendar.passes(minutes=4)
    return await assistant.ask("submit_intake", **given)


def _check_records(sql: Sql, before: dict[str, int], given: dict[str, Any], answer: dict[str, Any]) -> None:
    mark = f"intake-{given['quiz']}-{given['answer']}"
    made = {
        table: [number for (number,) in sql(f"select id from {table} where originId = ?", mark)] for table in TABLES
    }
    new = {table: sql(f"select count(*) from {table}")[0][0] - before[table] for table in TABLES}
    assert new == {table: len(marked) for table, marked in made.items()}
    record, other = ("leads", "deals") if given["quiz"] == 18 else ("deals", "leads")
    assert (len(made[record]), len(made[other])) == (1, 0)
    assert len(made["contacts"]) <= 1
    assert len(made["companies"]) <= 1
    [(contact, company)] = sql(f"select contactId, companyId from {record} where id = ?", made[record][0])
    assert answer["already"] is True
    assert answer[record.removesuffix("s")]["id"] == made[record][0]
    assert contact in (made["contacts"] or [number for (number,) in sql("select id from contacts")])
    assert made["companies"] in ([], [company])


async def _check_journal(sql: Sql, assistant: WritingAssistant, given: dict[str, Any]) -> None:
    """Nothing is open, and what it has as done is what the portal has."""
    mark = f"intake-{given['quiz']}-{given['answer']}"
    await assistant.ask("undo")  # looks up what is open
    operations = await assistant.journal.latest_of_all(100)
    entries = [entry for operation in operations for entry in operation.entries]
    assert [entry for entry in entries if entry.state in OPEN] == []
    done = {(entry.entity, entry.record_id) for entry in entries if entry.state == "done"}
    assert len(done) == sum(entry.state == "done" for entry in entries)
    assert done == {
        (table, number) for table in TABLES for (number,) in sql(f"select id from {table} where originId = ?", mark)
    }
