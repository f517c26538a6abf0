"""A database of ours: made once, brought up to date, for its owner alone, on the disk, explained when it fails."""

import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.storage.folder import prepare
from bitrix24_mcp.storage.sqlite import SqliteDatabase
from bitrix24_mcp.storage.words import Words
from connecting import started
from journalled import modes

pytestmark = pytest.mark.anyio

ONLY_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
WORDS = Words(
    code="NOTES_UNUSABLE",
    broken="The notes in {path} cannot be used: {reason}.",
    busy="Somebody writes notes.",
    newer="The notes are newer.",
    open_to_others="{path} is open to others.",
    closing="Run `chmod {mode} {path}`.",
)
FIRST = "create table notes (id integer primary key, text text);"
SECOND = "alter table notes add column colour text; update notes set colour = 'white';"
TOGETHER = """
import pathlib, sys
from bitrix24_mcp.storage.sqlite import SqliteDatabase
from bitrix24_mcp.storage.words import Words
words = Words("NOTES_UNUSABLE", "{path} {reason}", "", "", "", "")
sys.stdin.readline()
with SqliteDatabase(pathlib.Path(sys.argv[1]), sys.argv[2:], words).opened() as connection:
    print(connection.execute("select count(*) from pragma_table_info('notes')").fetchone()[0])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.sqlite3"


def notes(path: Path, *steps: str) -> SqliteDatabase:
    return SqliteDatabase(path, steps or [FIRST], WORDS)


async def write(database: SqliteDatabase, text: str) -> None:
    async with database.writing() as connection:
        await connection.change("insert into notes (text) values (:text)", {"text": text})


def read(database: SqliteDatabase, query: str = "select text from notes order by id") -> Sequence[Any]:
    with database.opened() as connection:
        return connection.execute(query).fetchall()


async def test_what_was_written_is_read_by_whoever_opens_the_file(path: Path) -> None:
    await write(notes(path), "one")
    await write(notes(path), "two")

    assert read(notes(path)) == [("one",), ("two",)]


async def test_an_older_file_is_brought_up_to_date_with_what_it_holds(path: Path) -> None:
    await write(notes(path, FIRST), "one")

    found = read(notes(path, FIRST, SECOND), "select text, colour from notes")

    assert found == [("one", "white")]
    assert read(notes(path, FIRST, SECOND), "pragma user_version") == [(2,)]


async def test_a_step_that_fails_leaves_the_file_at_the_version_it_had(path: Path) -> None:
    await write(notes(path), "one")

    with pytest.raises(PortalUnavailable, match="NOTES_UNUSABLE"):
        read(notes(path, FIRST, f"{SECOND} create table notes (id integer);"))

    assert read(notes(path), "select * from notes") == [(1, "one")]


@pytest.mark.parametrize("version", [3, 99])
def test_a_file_of_a_newer_version_is_left_alone(version: int, path: Path) -> None:
    anyio.run(write, notes(path), "one")
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"pragma user_version = {version}")
    before = path.read_bytes()

    with pytest.raises(PortalUnavailable, match="The notes are newer"):
        read(notes(path, FIRST, SECOND))
    assert path.read_bytes() == before


def test_a_file_with_a_version_that_no_program_of_ours_gives_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma user_version = -1")
    path.chmod(0o600)

    with pytest.raises(PortalUnavailable, match="no such table"):
        read(notes(path))


def test_processes_that_begin_together_make_the_tables_once(path: Path) -> None:
    processes = [started(TOGETHER, str(path), FIRST, SECOND) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    assert [process.communicate(timeout=60) for process in processes] == [("3\n", "")] * 4


async def test_a_commit_is_on_the_disk_when_it_returns(path: Path) -> None:
    """2 is full, and 3 is extra, which syncs the folder as well."""
    assert (read(notes(path), "pragma synchronous"), read(notes(path), "pragma journal_mode")) == (
        [(3,)],
        [("delete",)],
    )
    assert read(notes(path), "pragma fullfsync") == [(1,)]


async def test_an_error_within_undoes_all_of_it(path: Path) -> None:
    async def fail() -> None:
        async with notes(path).writing() as connection:
            await connection.change("insert into notes (text) values ('lost')")
            raise NotImplementedError

    with pytest.raises(NotImplementedError):
        await fail()

    assert read(notes(path)) == []


async def test_only_one_writes_at_a_time_and_readers_go_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await write(notes(path), "one")
    monkeypatch.setattr("bitrix24_mcp.storage.sqlite._PATIENCE", 0.0)
    with notes(path).alone():
        with pytest.raises(PortalUnavailable, match="Somebody writes notes"):
            await write(notes(path), "two")
        assert read(notes(path)) == [("one",)]

    await write(notes(path), "three")
    assert read(notes(path)) == [("one",), ("three",)]


@ONLY_POSIX
async def test_folder_and_files_are_for_their_owner_alone_also_while_something_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "further" / "data"
    before = os.umask(0)
    try:
        prepare(folder, WORDS)
        async with notes(folder / "notes.sqlite3").writing() as connection:
            await connection.change("insert into notes (text) values ('one')")
            during = modes(folder)
    finally:
        os.umask(before)

    assert during == {"data": 0o700, "notes.sqlite3": 0o600, "notes.sqlite3-journal": 0o600}


@ONLY_POSIX
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_change_is_refused(mode: int, path: Path) -> None:
    anyio.run(write, notes(path), "one")
    path.chmod(mode)

    with pytest.raises(PortalUnavailable) as refused:
        read(notes(path))

    assert str(refused.value) == f"{path} is open to others. Run `chmod 600 {path}`. [NOTES_UNUSABLE]"


@ONLY_POSIX
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)

    with pytest.raises(PortalUnavailable, match=f"Run `chmod 700 {tmp_path}`"):
        prepare(tmp_path, WORDS)


def test_what_sqlite_has_against_the_file_is_said_with_what_to_do(path: Path) -> None:
    path.write_bytes(b"something else, long enough to be looked at" * 100)
    path.chmod(0o600)

    with pytest.raises(PortalUnavailable) as refused:
        read(notes(path))

    assert str(refused.value) == (
        f"The notes in {path} cannot be used: file is not a database. Check the rights on the folder and the room on "
        "the disk, or choose another folder with BITRIX24_MCP_DATA_DIR. [NOTES_UNUSABLE]"
    )


async def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(PortalUnavailable, match="No such file or directory"):
        await write(notes(tmp_path / "gone" / "notes.sqlite3"), "one")
