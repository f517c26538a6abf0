"""What is wrong with the journal's file is said, with what it means for the portal, and nothing is kept by halves."""

import json
import os
import sqlite3
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.crm.writing.journal import State
from bitrix24_mcp.journal.store import StoredJournal
from connecting import started
from journalled import PORTAL, in_states, kept, modes, operation, states
from waiting import settled

pytestmark = pytest.mark.anyio

ONLY_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes and limits")

ON_A_FULL_DISK = """
import json, pathlib, resource, sys, anyio
from datetime import UTC, datetime
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.writing.journal import Entry, Operation
from bitrix24_mcp.journal.store import StoredJournal

async def main(folder):
    journal = StoredJournal.in_folder(pathlib.Path(folder))
    entry = Entry("create", "deals", None, {"comments": "long " * 100})
    large = Operation("portal.example", 7, "", "", (entry,) * 200, datetime.now(UTC))
    small = Operation("portal.example", 7, "", "", (), datetime.now(UTC))
    size = (pathlib.Path(folder) / "journal.sqlite3").stat().st_size
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, most))
    try:
        await journal.begin(large)
    except PortalError as error:
        said = [error.message, error.code]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    print(json.dumps([said, await journal.begin(small)]))

anyio.run(main, sys.argv[1])
"""


def database_of(folder: Path) -> Path:
    return folder / "journal.sqlite3"


@contextmanager
def accepting_no(folder: Path, statement: str, when: str = "true") -> Generator[None]:
    """The journal refuses to take changes of one kind, as on a full disk."""
    with closing(sqlite3.connect(database_of(folder))) as database:
        database.execute(
            f"create trigger full before {statement} on entries when {when} begin select raise(abort, 'disk full'); end"
        )
        yield
        database.execute("drop trigger full")


async def test_an_operation_that_finds_no_room_is_not_kept_and_nothing_is_written_to_the_portal(
    journal: StoredJournal, folder: Path
) -> None:
    with accepting_no(folder, "insert", "new.place = 1"), pytest.raises(PortalUnavailable) as refused:
        await journal.begin(operation(*in_states("planned", "planned")))

    assert str(refused.value) == (
        f"The journal of changes in {database_of(folder)} cannot be used: disk full. Nothing was written to the "
        "portal. Check the rights on the folder and the room on the disk, or choose another folder with "
        "BITRIX24_MCP_DATA_DIR. [JOURNAL_UNUSABLE]"
    )
    assert await journal.latest_of_all(10) == []
    assert await journal.begin(operation()) == 1


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("sent", "Nothing more was written to the portal."),
        ("done", "The portal was asked, and the journal may lack what became of it"),
        ("refused", "The portal was asked, and the journal may lack what became of it"),
    ],
)
async def test_entries_that_find_no_room_are_all_as_they_were_and_what_that_means_is_said(
    state: State, meaning: str, journal: StoredJournal, folder: Path
) -> None:
    number = await journal.begin(operation(*in_states("planned", "planned")))
    changed = dict(enumerate(in_states(state, state)))

    with accepting_no(folder, "update", "new.place = 1"), pytest.raises(PortalUnavailable) as refused:
        await journal.change(number, changed)

    assert (meaning in refused.value.message, refused.value.code) == (True, "JOURNAL_UNUSABLE")
    assert states([await kept(journal, number)]) == [["planned", "planned"]]
    await journal.change(number, changed)
    assert states([await kept(journal, number)]) == [[state, state]]


@ONLY_POSIX
async def test_when_the_system_lets_a_file_grow_no_more_nothing_is_kept_and_later_it_goes_on(
    journal: StoredJournal, folder: Path
) -> None:
    output, errors = started(ON_A_FULL_DISK, str(folder)).communicate(timeout=60)

    assert errors == ""
    [[message, code], number] = json.loads(output)
    assert (message.endswith("Nothing was written to the portal."), code) == (True, "JOURNAL_UNUSABLE")
    assert [(each.number, each.entries) for each in await journal.latest_of_all(10)] == [(number, ())]


async def test_a_file_that_was_replaced_does_not_take_the_rest_of_an_operation_silently(
    journal: StoredJournal, folder: Path
) -> None:
    number = await journal.begin(operation(*in_states("sent", "sent")))
    database_of(folder).unlink()

    with pytest.raises(PortalUnavailable, match=r"does not hold .* operation 1.*JOURNAL_UNUSABLE"):
        await journal.change(number, {0: in_states("done")[0]})


async def test_a_place_that_an_operation_does_not_have_changes_nothing(journal: StoredJournal) -> None:
    number = await journal.begin(operation(*in_states("sent", "sent")))

    with pytest.raises(PortalUnavailable, match="JOURNAL_UNUSABLE"):
        await journal.change(number, {0: in_states("done")[0], 2: in_states("done")[0]})

    assert states([await kept(journal, number)]) == [["sent", "sent"]]


@ONLY_POSIX
async def test_folder_and_files_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await StoredJournal.in_folder(tmp_path / "data").begin(operation())
    finally:
        os.umask(before)

    assert modes(tmp_path / "data") == {"data": 0o700, "journal.sqlite3": 0o600}


@ONLY_POSIX
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
async def test_a_file_that_others_may_change_is_refused_before_anything_is_written(
    mode: int, journal: StoredJournal, folder: Path
) -> None:
    database_of(folder).chmod(mode)

    with pytest.raises(PortalUnavailable, match="Nothing was written to the portal") as refused:
        await journal.begin(operation())

    assert (refused.value.advice, refused.value.code) == (
        f"Run `chmod 600 {database_of(folder)}`.",
        "JOURNAL_UNUSABLE",
    )


@ONLY_POSIX
def test_a_folder_that_others_may_write_to_is_refused(journal: StoredJournal, folder: Path) -> None:
    folder.chmod(0o770)

    with pytest.raises(PortalUnavailable, match=f"chmod 700 {folder}"):
        StoredJournal.in_folder(folder, now=journal.now)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(PortalUnavailable, match=r"BITRIX24_MCP_DATA_DIR.*JOURNAL_UNUSABLE"):
        StoredJournal.in_folder(tmp_path / "file" / "data")


async def test_the_journal_of_a_newer_version_is_left_alone(journal: StoredJournal, folder: Path) -> None:
    with closing(sqlite3.connect(database_of(folder))) as database:
        database.execute("pragma user_version = 3")

    with pytest.raises(PortalUnavailable, match="newer version"):
        StoredJournal.in_folder(folder)
    with pytest.raises(PortalUnavailable, match="newer version"):
        await journal.begin(operation())


@pytest.mark.parametrize("column", ["sent_values", "before", "after", "record_id", "sent_at"])
@pytest.mark.parametrize("content", ["5 bricks", "", 7])
async def test_what_another_program_wrote_into_it_is_said(
    column: str, content: str | int, journal: StoredJournal, folder: Path
) -> None:
    if (column, content) in {("record_id", 7), ("sent_at", "")}:
        return  # that is an id, and no moment
    number = await journal.begin(operation())
    with closing(sqlite3.connect(database_of(folder))) as database, database:
        database.execute(f"update entries set {column} = ?", [content])

    with pytest.raises(PortalUnavailable, match="did not write"):
        await journal.operation(number)


async def test_a_file_that_is_no_database_is_said_to_be_none(folder: Path, journal: StoredJournal) -> None:
    database_of(folder).write_bytes(b"something else, long enough to be looked at" * 100)

    with pytest.raises(PortalUnavailable, match="JOURNAL_UNUSABLE"):
        await journal.open(PORTAL)


@contextmanager
def held(folder: Path) -> Generator[sqlite3.Connection]:
    """Another process is writing."""
    with closing(sqlite3.connect(database_of(folder), isolation_level=None)) as other:
        other.execute("begin immediate")
        yield other


async def test_a_call_that_is_cancelled_while_another_process_writes_keeps_nothing(
    journal: StoredJournal, folder: Path
) -> None:
    number = await journal.begin(operation(*in_states("planned")))
    async with anyio.create_task_group() as group:
        with held(folder):
            group.start_soon(journal.begin, operation())
            group.start_soon(journal.change, number, {0: in_states("sent")[0]})
            await settled()
            group.cancel_scope.cancel()
            await settled()

    assert await journal.latest_of_all(10) == [operation(*in_states("planned"), number=number)]


async def test_a_call_that_is_cancelled_otherwise_is_kept_whole(journal: StoredJournal) -> None:
    entries = in_states("sent", "sent")
    with anyio.CancelScope() as scope:
        scope.cancel()
        number = await journal.begin(operation(*in_states("planned", "planned")))
        await journal.change(number, dict(enumerate(entries)))

    assert await journal.latest_of_all(10) == [operation(*entries, number=1)]


async def test_waiting_for_another_process_holds_up_nobody_else_and_ends_with_the_file(
    journal: StoredJournal, folder: Path
) -> None:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            with held(folder) as other:
                group.start_soon(journal.begin, operation())
                await settled()
                assert await journal.latest_of_all(10) == []
                other.execute("rollback")

    assert await journal.latest_of_all(10) == [operation(number=1)]


async def test_a_file_that_another_process_does_not_let_go_is_said_to_be_busy(
    journal: StoredJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitrix24_mcp.storage.sqlite._PATIENCE", 0.0)

    with held(folder), pytest.raises(PortalUnavailable, match=r"Another process.* Nothing was written to the portal\."):
        await journal.begin(operation())


async def test_what_is_no_json_is_an_error_of_the_caller_and_nothing_is_kept(journal: StoredJournal) -> None:
    entry = replace(in_states("planned")[0], values={"amount": 1j})

    with pytest.raises(TypeError):
        await journal.begin(operation(*in_states("planned"), entry))

    assert await journal.latest_of_all(10) == []
