"""Several processes at one journal, killed ones among them, lose nothing of what was kept."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bitrix24_mcp.journal.store import StoredJournal
from connecting import started
from journalled import CHANGED, PORTAL, in_states, kept, operation

pytestmark = pytest.mark.anyio

WRITER = """
import json, pathlib, sys, anyio
from dataclasses import replace
from bitrix24_mcp.journal.store import StoredJournal
from journalled import CHANGED, operation

async def main(folder, name):
    sys.stdin.readline()
    journal = StoredJournal.in_folder(pathlib.Path(folder))
    numbers = []
    for each in range(15):
        entry = replace(CHANGED, values={"title": f"{name} {each}"})
        number = await journal.begin(operation(entry, entry, client=name))
        await journal.change(number, {1: replace(entry, state="done")})
        await journal.change(1, {int(name): replace(entry, state="done", said=f"{name} {each}")})
        numbers.append(number)
    print(json.dumps(numbers))

anyio.run(main, *sys.argv[1:3])
"""
KILLED_BETWEEN = """
import pathlib, sys, anyio
from dataclasses import replace
from bitrix24_mcp.journal.store import StoredJournal
from journalled import in_states, operation

async def main(folder):
    journal = StoredJournal.in_folder(pathlib.Path(folder))
    number = await journal.begin(operation(*in_states("planned", "planned")))
    await journal.change(number, {0: in_states("sent")[0]})
    print(number, flush=True)
    sys.stdin.readline()

anyio.run(main, sys.argv[1])
"""
KILLED_WITHIN = """
import json, os, pathlib, signal, sqlite3, sys, anyio
from bitrix24_mcp.journal.store import StoredJournal
from journalled import in_states, operation

class Counting(sqlite3.Connection):
    left = 0

    def execute(self, *arguments):
        self.count()
        return super().execute(*arguments)

    def executescript(self, *arguments):
        self.count()
        return super().executescript(*arguments)

    def executemany(self, *arguments):
        self.count()
        return super().executemany(*arguments)

    def count(self):
        if not Counting.left:
            os.kill(os.getpid(), signal.SIGKILL)
        Counting.left -= 1

async def write(folder, statement):
    journal = StoredJournal.in_folder(folder)
    number = await journal.begin(operation(*in_states("planned", "planned"), client=str(statement)))
    await journal.change(number, {0: in_states("sent")[0], 1: in_states("sent")[0]})

def survives(folder, statement):
    child = os.fork()
    if not child:
        connect = sqlite3.connect
        sqlite3.connect = lambda *arguments, **how: connect(*arguments, **how, factory=Counting)
        Counting.left = statement
        anyio.run(write, folder, statement)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

statement = 0
while not survives(pathlib.Path(sys.argv[1]), statement):
    statement += 1
print(statement)
"""
"""Begins and changes an operation, again and again, each time killed before the next statement, until it survives."""


def running(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process with the same code, that can import what these tests do."""
    reach = "import sys; sys.path.insert(0, sys.argv[-1])"
    return started(reach + script, *arguments, str(Path(__file__).parents[1]))


def printed(*processes: subprocess.Popen[str]) -> list[Any]:
    """What processes that begin together print, as JSON."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in processes]
    assert [errors for _, errors in said] == [""] * len(processes)
    return [json.loads(output) for output, _ in said]


async def test_what_several_processes_write_at_once_is_all_kept(journal: StoredJournal, folder: Path) -> None:
    """Each has operations of its own, and all change one that they share, each its own entry."""
    shared = await journal.begin(operation(*[CHANGED] * 4))

    numbers = printed(*(running(WRITER, str(folder), str(name)) for name in range(4)))

    assert sorted(number for each in numbers for number in each) == list(range(2, 62))
    assert all(each == sorted(each) for each in numbers)
    for name, theirs in enumerate(numbers):
        for each, number in enumerate(theirs):
            entry = replace(CHANGED, values={"title": f"{name} {each}"})
            entries = (entry, replace(entry, state="done"))
            assert await kept(journal, number) == operation(*entries, client=str(name), number=number)
    assert [entry.said for entry in (await kept(journal, shared)).entries] == [f"{name} 14" for name in range(4)]


async def test_a_process_that_is_killed_leaves_what_was_kept(journal: StoredJournal, folder: Path) -> None:
    with running(KILLED_BETWEEN, str(folder)) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        process.kill()

    assert await journal.open(PORTAL) == [operation(*in_states("sent", "planned"), number=number)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
async def test_a_process_killed_before_any_statement_leaves_each_call_whole_or_undone_and_no_lock(
    journal: StoredJournal, folder: Path
) -> None:
    [survived] = printed(running(KILLED_WITHIN, str(folder)))

    left = {each.client: [entry.state for entry in each.entries] for each in await journal.latest_of_all(100)}

    seen = [left.get(str(statement), []) for statement in range(survived + 1)]
    steps = [[], ["planned", "planned"], ["sent", "sent"]]
    assert [step for step, before in zip(seen, [None, *seen], strict=False) if step != before] == steps
