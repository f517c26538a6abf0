"""`bitrix24-mcp journal` as people run it: what was written, nothing hidden and nothing pretended."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import anyio
import pytest

from bitrix24_mcp.crm.writing.journal import Entry, Operation, State
from bitrix24_mcp.journal.store import StoredJournal
from connecting import Moment
from installed import COMMAND
from journalled import MADE_AT, in_states, operation

MOSCOW = "Europe/Moscow"
ANSWERED = MADE_AT + timedelta(seconds=2)
BY = '2026-07-15 12:00:00+03:00  portal.example  user 7  "Claude Desktop"  update_items'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def keep(folder: Path, operations: Sequence[Operation]) -> None:
    journal = StoredJournal.in_folder(folder, now=Moment())
    for each in operations:
        anyio.run(journal.begin, each)


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command with nothing set but where files are and the zone: no portal."""
    env = {"HOME": str(folder), "BITRIX24_MCP_DATA_DIR": str(folder), "BITRIX24_MCP_TIME_ZONE": MOSCOW, **settings}
    return subprocess.run(
        [COMMAND, "journal", *arguments], env=env, capture_output=True, text=True, encoding="utf-8", check=False
    )


def printed(folder: Path, *arguments: str, **settings: str) -> list[str]:
    done = run(folder, *arguments, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_operations_are_listed_a_line_each_newest_first(folder: Path) -> None:
    by = "2026-07-15 12:00:00+03:00  other.example  user not stated  agent  undo"
    done = operation(*in_states("done"), portal="other.example", client="agent", undoes=1)
    other = replace(done, user_id=None, tool="undo")
    keep(folder, [operation(*in_states("done", "done", "refused", "unknown", "not done", "planned", "sent")), other])

    assert printed(folder) == [
        f"2  {by}  update deals  1 record: 1 done  undoes 1",
        f"1  {BY}  update deals  7 records: 1 planned, 1 sent, 2 done, 1 refused, 1 unknown, 1 not done  undone by 2",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another way to name the machine's zone")
def test_without_a_zone_moments_are_those_of_the_machine(folder: Path) -> None:
    keep(folder, [operation()])

    [line] = printed(folder, BITRIX24_MCP_TIME_ZONE="", TZ="Asia/Yekaterinburg")

    assert line.split("  ")[1] == "2026-07-15 14:00:00+05:00"


def test_the_latest_twenty_are_listed_or_as_many_as_are_asked_for(folder: Path) -> None:
    keep(folder, [operation()] * 25)

    listed = [[line.split()[0] for line in printed(folder, *how)] for how in ([], ["--limit", "2"], ["--limit", "30"])]

    assert listed == [[str(number) for number in range(25, last, -1)] for last in (5, 23, 0)]


def test_only_those_of_which_something_is_unknown_are_listed_when_asked_for(folder: Path) -> None:
    several: list[tuple[State, ...]] = [("unknown",), ("done",), ("done", "sent"), ("refused",), ("sent",)]
    keep(folder, [operation(*in_states(*states)) for states in several])

    assert [line.split()[0] for line in printed(folder, "--unknown")] == ["5", "3", "1"]
    assert [line.split()[0] for line in printed(folder, "--unknown", "--limit", "2")] == ["5", "3"]


def test_an_operation_is_shown_with_each_entry_and_each_field_before_and_after(folder: Path) -> None:
    entries = [
        Entry("update", "deals", 5, {"title": "Кирпич", "amount": 100}, {"title": "Brick", "amount": None, "closed": 1},
              {"title": "Кирпич", "amount": 99.5, "closed": 2}, "", "done", "", MADE_AT, ANSWERED),
        Entry("create", "deals", None, {"title": "Song"}, mark="a1b2", state="unknown", said="No answer. [TIMEOUT]"),
        Entry("create", "deals", 17, {"title": "Song"}, {}, {"id": 17, "title": "Song"}, "a b", "done"),
        Entry("delete", "deals", 6, {}, {"id": 6, "phone": [{"VALUE": "+7"}]}, state="done"),
        Entry("delete", "deals", 7, {}, {"id": 7}, state="refused"),
        Entry("update", "currencies", "RUB", {"base": True}, {}),
    ]  # fmt: skip
    kinds = "update deals, create deals, delete deals, update currencies"
    keep(folder, [operation(*entries)])

    assert printed(folder, "1") == [
        f"1  {BY}  {kinds}  6 records: 1 planned, 3 done, 1 refused, 1 unknown",
        "  1. update deals 5: done, sent 2026-07-15 12:00:00+03:00, answered 2026-07-15 12:00:02+03:00",
        '       title: "Brick" → "Кирпич"',
        "       amount: null → 99.5 (asked: 100)",
        "       closed: 1 → 2",
        '  2. create deals a new record: unknown, mark a1b2, said "No answer. [TIMEOUT]"',
        '       title: — → asked: "Song"',
        '  3. create deals 17: done, mark "a b"',
        '       title: — → "Song"',
        "       id: — → 17",
        "  4. delete deals 6: done",
        "       id: 6 → —",
        '       phone: [{"VALUE": "+7"}] → —',
        "  5. delete deals 7: refused",
        "       id: 7",
        "  6. update currencies RUB: planned",
        "       base: — → asked: true",
    ]


HOSTILE = (
    'Deal\n  2. update deals 6: done\r\x1b[2K\x9b31m\u202e\u2028next\x85"quoted" → "done"\u200b \U000e0041<!-- no -->'
)
SEEN = 'Deal 2. update deals 6: done [2K31m next\\"quoted\\" → \\"done\\"'


def test_what_records_say_stays_within_its_line_and_its_quotes(folder: Path) -> None:
    entry = Entry("update", HOSTILE, HOSTILE, {HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]}, state="refused", said=HOSTILE)
    keep(folder, [replace(operation(entry), portal=HOSTILE, client=HOSTILE, tool=HOSTILE)])

    lines = printed(folder, "1")

    quoted = f'"{SEEN}"'
    assert lines == [
        f"1  2026-07-15 12:00:00+03:00  {quoted}  user 7  {quoted}  {quoted}  update {quoted}  1 record: 1 refused",
        f"  1. update {quoted} {quoted}: refused, said {quoted}",
        f"       {quoted}: — → asked: [{quoted}, {{{quoted}: {quoted}}}]",
    ]
    assert printed(folder) == lines[:1]


def test_json_has_the_whole_operation(folder: Path) -> None:
    entry = Entry("update", "deals", 5, {"amount": 100.0}, {"amount": None}, {"amount": 100}, "", "done", "Ж", MADE_AT)
    keep(folder, [operation(entry), operation(*in_states("planned"), undoes=1)])
    whole = {
        "number": 1,
        "made_at": "2026-07-15T09:00:00+00:00",
        "portal": "portal.example",
        "user_id": 7,
        "client": "Claude Desktop",
        "tool": "update_items",
        "undoes": None,
        "undone_by": 2,
        "entries": [
            {
                "action": "update",
                "entity": "deals",
                "record_id": 5,
                "values": {"amount": 100.0},
                "before": {"amount": None},
                "after": {"amount": 100},
                "mark": "",
                "state": "done",
                "said": "Ж",
                "sent_at": "2026-07-15T09:00:00+00:00",
                "answered_at": None,
            }
        ],
    }

    one, listed = run(folder, "1", "--json").stdout, json.loads(run(folder, "--json").stdout)

    assert json.loads(one) == whole
    assert '"amount": 100.0' in one
    assert "Ж" in one
    assert ([each["number"] for each in listed], listed[1], listed[0]["undoes"]) == ([2, 1], whole, 1)


def test_json_keeps_every_character_and_shows_terminals_only_harmless_ones(folder: Path) -> None:
    text = f"{HOSTILE}\x7f\ufe0f\U000e0101\xa0\ud800"
    keep(folder, [operation(Entry("update", "deals", 5, {text: text}))])

    output = run(folder, "1", "--json").stdout

    assert json.loads(output)["entries"][0]["values"] == {text: text}
    assert {character for character in output if not character.isprintable()} == {"\n"}
    assert "\ufe0f" not in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Nothing was written yet.\n"),
        (["--unknown"], "No operation has an outcome that is unknown.\n"),
        (["--json"], "[]\n"),
    ],
)
def test_where_nothing_was_written_that_is_said(arguments: list[str], said: str, folder: Path) -> None:
    done = run(folder, *arguments)

    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


@pytest.mark.parametrize("number", ["2", "0", "-1", "9" * 30])
def test_a_number_that_was_not_given_ends_with_one(number: str, folder: Path) -> None:
    keep(folder, [operation()])

    done = run(folder, number)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"There is no operation {number}. `bitrix24-mcp journal` lists the latest.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1", "--unknown"], "--unknown"),
        (["1", "--limit", "3"], "--limit"),
        (["--limit", "0"], "--limit takes 1 to 10000"),
        (["--limit", "10001"], "--limit takes 1 to 10000"),
        (["--settle", "done"], "number"),
        (["1", "--settle", "perhaps"], "invalid choice"),
        (["first"], "invalid int value"),
    ],
)
def test_a_wrong_command_ends_with_two_and_says_why(arguments: list[str], said: str, folder: Path) -> None:
    keep(folder, [operation()])

    done = run(folder, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_journal_that_cannot_be_read_ends_with_one_and_claims_nothing_about_the_portal(folder: Path) -> None:
    keep(folder, [operation()])
    (folder / "journal.sqlite3").write_bytes(b"something else, long enough to be looked at" * 100)

    done = run(folder)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("[JOURNAL_UNUSABLE]\n")
    assert "written" not in done.stderr


@pytest.mark.parametrize(("found", "state"), [("done", "done"), ("not-done", "not done")])
def test_what_a_person_found_in_the_portal_settles_what_was_unknown(found: str, state: str, folder: Path) -> None:
    keep(folder, [operation(*in_states("done", "unknown", "sent", "planned"))])

    lines = printed(folder, "1", "--settle", found)

    assert [line.split(": ")[1].split(",")[0] for line in lines if "update deals 5" in line] == [
        "done",
        state,
        state,
        "planned",
    ]
    assert len([line for line in lines if line.endswith('said "Settled by hand."')]) == 2
    again = run(folder, "1", "--settle", found)
    assert (again.returncode, again.stderr) == (1, "Operation 1 has no outcome that is unknown.\n")


def test_what_may_still_be_under_way_is_not_settled(folder: Path) -> None:
    now = StoredJournal.in_folder(folder).now().astimezone(UTC)
    keep(folder, [operation(*(replace(entry, sent_at=now) for entry in in_states("done", "sent")))])

    done = run(folder, "1", "--settle", "not-done")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Operation 1 may still be under way: look again in three minutes.\n"
    assert [line.split()[0] for line in printed(folder, "--unknown")] == ["1"]


def test_settling_an_operation_that_there_is_not_ends_with_one(folder: Path) -> None:
    assert run(folder, "3", "--settle", "done").returncode == 1


def test_the_command_is_in_the_help() -> None:
    done = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, encoding="utf-8", check=True)

    assert ["journal", "show", "what", "was", "written", "to", "portals"] in map(str.split, done.stdout.splitlines())
