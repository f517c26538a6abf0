"""Every task of evals/ is done and changes nothing else in the portal, and the judge there sees it."""

import shutil
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

import act
from act import done, judged
from bitrix24_mcp.demo import DemoPortal
from oracle import change
from states import verdict
from tasks import Task, tasks
from writing_assistants import WRITING_DOORS, Door, writing_assistant_for

TASKS = tasks()
BY_ID = {task.id: task for task in TASKS}
WAYS = [(task, door) for task in TASKS for door in WRITING_DOORS if door in task.doors]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the portal that the tasks are about, as it was."""
    copy = tmp_path_factory.mktemp("untouched") / "portal.sqlite3"
    with DemoPortal.start(limits=False) as portal:
        shutil.copyfile(portal.database, copy)
    return copy


@pytest.fixture
def full_portal() -> Generator[DemoPortal]:
    with DemoPortal.start(limits=False) as started:
        yield started


@pytest.mark.anyio
@pytest.mark.parametrize(("task", "door"), WAYS, ids=[f"{task.id}-{door}" for task, door in WAYS])
async def test_the_tools_do_what_was_asked_and_nothing_else(
    task: Task, door: Door, full_portal: DemoPortal, untouched: Path, tmp_path: Path
) -> None:
    async with writing_assistant_for(door, full_portal.url, tmp_path) as assistant:
        results = await done(task, assistant.client.call_tool)

    assert judged(task, results, untouched, full_portal) == ""


def test_the_tasks_are_many_in_both_languages() -> None:
    languages = [task.lang for task in TASKS]

    assert len(BY_ID) == len({task.ask for task in TASKS}) == len(TASKS) >= 15
    assert 0.4 <= languages.count("ru") / len(TASKS) <= 0.6


def test_doing_nothing_is_not_doing_a_task(untouched: Path) -> None:
    still_right = [task.id for task in TASKS if verdict(task, untouched, untouched) == ""]

    assert still_right == [task.id for task in TASKS if not task.expected]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "update deals set amount = 1 where id = 11995",
            "change deals 11995: holds {'amount': 1.0, 'assignedById': 22}, ",
        ),
        (
            "update deals set amount = 2400000, assignedById = 11, title = 'x' where id = 11995",
            "change deals 11995: changed as well: ['title']",
        ),
        (
            "update deals set amount = 2400000, assignedById = 11 where id in (11995, 11990)",
            "also changed: deals 11990: {'amount': 2400000.0, 'assignedById': 11}",
        ),
        ("delete from deals where id = 11995", "change deals 11995: holds {'amount': None, 'assignedById': None}, "),
    ],
)
def test_the_judge_names_what_is_wrong(statement: str, problem: str, full_portal: DemoPortal, untouched: Path) -> None:
    change(full_portal.database, statement)

    assert verdict(BY_ID["deal-amount-and-person"], untouched, full_portal.database).startswith(problem)


def test_the_program_does_a_task_over_stdio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["act.py", "--only", "taken-back", "--door", "both"])

    status = act.main()

    lines = capsys.readouterr().out.splitlines()
    assert (status, lines[0], lines[-1]) == (0, "| id | door | calls | requests | |", "2 of 2 right")
    assert [line.split(" | ")[-1] for line in lines[2:-1]] == ["ok |", "ok |"]


def test_the_program_knows_its_tasks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["act.py", "wait", "the-weather"])

    assert act.main() == 1
    assert capsys.readouterr().err == "no task has the id the-weather\n"
