"""The installed commands that write: `call`, `undo` and `tools`, with a person at the terminal and without one."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.writing import WRITING_TOOLS
from installed import COMMAND, settings_for, writing_settings_for
from previewing import DECLINED, ONLY_LOOKED, done
from seen_writes import writes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

CHANGE = json.dumps({"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]})
QUESTION = (
    "Change 1 deal on demo.bitrix24.ru as “Алексей Северов”:\n"
    "• deal 5 “Поставка: фасадная сетка — Nordic Construction Ltd”: amount: 2242916.03 → 3\n"
)
NOBODY = "Nothing was written: nobody is at the terminal to agree. Add --yes to do it.\n"


@pytest.fixture
def env(own_portal: DemoPortal, tmp_path: Path) -> dict[str, str]:
    """The operator's own settings: a portal and a folder; leave to write is given by options."""
    return {**settings_for(own_portal), "BITRIX24_MCP_DATA_DIR": str(tmp_path)}


def run(arguments: Sequence[str], env: dict[str, str]) -> tuple[int, str, str]:
    """Exit code, output and errors of the command without a terminal."""
    ended = subprocess.run(
        [COMMAND, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8",
        timeout=60, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


def run_at_terminal(arguments: Sequence[str], env: dict[str, str], typed: str) -> tuple[int, str, str]:
    """The same with somebody at a terminal who types that; what the terminal itself echoes is not among the output."""
    ours, theirs = pty.openpty()
    try:
        pipe = subprocess.PIPE
        with subprocess.Popen([COMMAND, *arguments], env=env, stdin=theirs, stdout=pipe, stderr=pipe) as command:
            os.write(ours, typed.encode())
            output, errors = command.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    return command.returncode, output.decode(), errors.decode()


def amount(sql: Sql) -> float:
    return sql("select amount from deals where id = 5")[0][0]


@pytest.mark.parametrize("typed", ["y\n", "Yes\n", " д \n", "ДА\n"])
def test_whoever_types_yes_has_it_written(typed: str, env: dict[str, str], own_sql: Sql) -> None:
    code, output, errors = run_at_terminal(["call", "write_items", CHANGE, "--allow-writes"], env, typed)

    assert (code, json.loads(output), errors) == (0, done(1, 5), f"{QUESTION}Write this? [y/N]\n")
    assert amount(own_sql) == 3.0


@pytest.mark.parametrize("typed", ["n\n", "\n", "maybe\n", "yes, but\n", "\x04"])
def test_everything_else_is_a_no(typed: str, env: dict[str, str], own_sql: Sql, own_portal: DemoPortal) -> None:
    code, output, _ = run_at_terminal(["call", "write_items", CHANGE, "--allow-writes"], env, typed)

    assert (code, json.loads(output)) == (0, {"done": 0, "note": DECLINED})
    assert (amount(own_sql), writes(own_portal)) == (2242916.03, [])


def test_without_a_terminal_nobody_agrees(env: dict[str, str], own_portal: DemoPortal) -> None:
    ended = run(["call", "write_items", CHANGE, "--allow-writes"], env)

    assert ended == (2, "", QUESTION + NOBODY)
    assert writes(own_portal) == []


def test_yes_agrees_beforehand_and_shows_what_it_agrees_to(env: dict[str, str], own_sql: Sql) -> None:
    code, output, errors = run(["call", "write_items", CHANGE, "--allow-writes", "--yes"], env)

    assert (code, json.loads(output), errors) == (0, done(1, 5), QUESTION)
    assert amount(own_sql) == 3.0


def test_yes_alone_allows_nothing(env: dict[str, str], own_portal: DemoPortal) -> None:
    code, output, errors = run(["call", "write_items", CHANGE, "--yes"], env)

    assert (code, output) == (2, "")
    assert errors.startswith("There is no tool write_items.")
    assert list(own_portal.requests) == []


def test_a_preview_is_printed(env: dict[str, str], own_portal: DemoPortal) -> None:
    looking = json.dumps({**json.loads(CHANGE), "preview": True})
    code, output, errors = run(["call", "write_items", looking, "--allow-writes"], env)

    answer = json.loads(output)
    assert (code, errors) == (0, "")
    assert (answer["preview"]["records"], answer["note"]) == (1, ONLY_LOOKED)
    assert writes(own_portal) == []


def test_deletions_need_leave_of_their_own(env: dict[str, str], own_sql: Sql) -> None:
    gone = json.dumps({"entity": "deals", "action": "delete", "ids": [5]})
    refused = run(["call", "write_items", gone, "--allow-writes", "--yes"], env)
    said = "This server does not delete records. Its operator allows it with --allow-deletes. Nothing was deleted."
    assert refused == (1, "", f"{said} [DELETES_NOT_ALLOWED]\n")

    code, output, _ = run(["call", "write_items", gone, "--allow-writes", "--allow-deletes", "--yes"], env)
    assert (code, json.loads(output)) == (0, done(1, 5))
    assert own_sql("select count(*) from deals where id = 5") == [(0,)]


def test_what_is_refused_ends_with_1(env: dict[str, str], own_sql: Sql) -> None:
    """An error goes to stderr; what was done in part is printed, and is no success either."""
    wrong = json.dumps({"entity": "deals", "action": "update", "items": [{"id": 5, "amount": "much"}]})
    assert run(["call", "write_items", wrong, "--allow-writes", "--yes"], env) == (
        1, "", "amount takes a number, not “much”. Write a number and ask again. [INVALID_VALUE]\n",
    )  # fmt: skip

    items = [{"id": 5, "assignedById": 99_999}, {"id": 6, "title": "A"}]
    partly = json.dumps({"entity": "deals", "action": "update", "items": items})
    code, output, _ = run(["call", "write_items", partly, "--allow-writes", "--yes"], env)
    assert (code, json.loads(output)["done"], json.loads(output)["refused"]) == (1, 1, 1)
    assert own_sql("select title from deals where id = 6") == [("A",)]


def test_a_key_that_only_reads_is_told_so(env: dict[str, str]) -> None:
    ended = run(
        ["call", "write_items", CHANGE, "--allow-writes"], {**env, "VIBECODE_API_KEY": "vibe_api_demo_readonly"}
    )

    warning = "WARNING bitrix24_mcp.writing: Nothing can be written: the key only reads, or lacks the scope crm.\n"
    assert ended == (2, "", f"{warning}write_items is not offered: this key cannot write that.\n")


def test_an_operation_is_undone_by_its_number(env: dict[str, str], own_sql: Sql) -> None:
    """Whoever gives that command allows it by that."""
    run(["call", "write_items", CHANGE, "--allow-writes", "--yes"], env)
    question = (
        "Change 1 deal on demo.bitrix24.ru as “Алексей Северов”, which reverses operation 1:\n"
        "• deal 5 “Поставка: фасадная сетка — Nordic Construction Ltd”: amount: 3 → 2242916.03\n"
    )

    assert run(["undo", "1"], env) == (2, "", question + NOBODY)
    code, output, errors = run_at_terminal(["undo", "1"], env, "n\n")
    assert (code, json.loads(output)["done"], errors) == (0, 0, f"{question}Write this? [y/N]\n")
    assert amount(own_sql) == 3.0

    code, output, errors = run(["undo", "1", "--yes"], env)
    assert (code, json.loads(output), errors) == (0, done(2, 5), question)
    assert amount(own_sql) == 2242916.03


def test_an_unknown_operation_ends_with_1(env: dict[str, str]) -> None:
    said = "The journal holds no operation 7 on this portal. Call undo without operation for the latest ones."
    assert run(["undo", "7", "--yes"], env) == (1, "", f"{said} [UNKNOWN_OPERATION]\n")


@pytest.mark.parametrize("number", ["x", "", "1.5"])
def test_a_number_that_is_none_ends_with_2(number: str, env: dict[str, str]) -> None:
    code, output, errors = run(["undo", number], env)

    assert (code, output) == (2, "")
    assert "invalid int value" in errors


def test_tools_shows_those_that_write_where_they_are_allowed(env: dict[str, str]) -> None:
    reading, writing = [tool.name for tool in TOOLS], [tool.name for tool in WRITING_TOOLS]
    names: dict[str, list[Any]] = {}
    for flag in ("", "--allow-writes"):
        code, output, _ = run(["tools", "--json", *filter(None, [flag])], env)
        assert code == 0
        names[flag] = [tool["name"] for tool in json.loads(output)]

    assert names == {"": reading, "--allow-writes": [*reading, *writing]}
    shown = run(["tools", "--allow-writes"], env)[1]
    assert [name for name in writing if f"\n{name}\n" not in shown] == []


def test_what_is_written_to_the_demo_portal_leaves_no_journal(tmp_path: Path) -> None:
    """Its records end with it."""
    env = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "share"), "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    code, output, _ = run(["call", "write_items", CHANGE, "--demo", "--allow-writes", "--yes"], env)

    assert (code, json.loads(output)) == (0, done(1, 5))
    assert [path for path in tmp_path.rglob("*") if "journal" in path.name] == []
    assert not (tmp_path / "share").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_is_written_to_a_portal_is_kept_in_the_folder_that_is_set(own_portal: DemoPortal, tmp_path: Path) -> None:
    env = {**writing_settings_for(own_portal, tmp_path / "data"), "HOME": str(tmp_path / "home")}
    run(["call", "write_items", CHANGE, "--yes"], env)

    assert [path.name for path in (tmp_path / "data").iterdir()] == ["journal.sqlite3"]
    assert not (tmp_path / "home").exists()
    assert "write_items" in run(["journal"], env)[1]
