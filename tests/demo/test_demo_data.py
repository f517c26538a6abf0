"""The made-up company is the same everywhere and agrees with itself."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import datetime
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.data.build import build
from bitrix24_mcp.demo.template import template

from .demo_client import column, sql

if TYPE_CHECKING:
    from pathlib import Path

    from .demo_client import Client

_START = """
from bitrix24_mcp.demo import DemoPortal
with DemoPortal.start(deals=310, seed=5) as portal:
    print(portal.database.stat().st_size)
"""


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_two_builds_are_equal_and_another_seed_is_not(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        build(tmp_path / name, 300, seed)

    assert _dump(tmp_path / "a") == _dump(tmp_path / "b") != _dump(tmp_path / "c")


def test_the_data_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    build(tmp_path / "here", 300, 7)
    program = (
        "import pathlib, sys; from bitrix24_mcp.demo.data.build import build; build(pathlib.Path(sys.argv[1]), 300, 7)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "there")]
    subprocess.run(command, check=True, env={"PYTHONHASHSEED": "99", "LC_ALL": "C"})

    assert _dump(tmp_path / "here") == _dump(tmp_path / "there")


def test_two_processes_may_build_the_same_template_at_once(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _START], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=20)[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1] != ""
    assert [path.suffix for path in (tmp_path / "bitrix24-mcp").iterdir()] == [".sqlite"]


def test_a_ready_template_is_used_again(portal: DemoPortal) -> None:
    path = template(300, 1)
    before = path.stat().st_mtime_ns

    assert template(300, 1) == path
    assert path.stat().st_mtime_ns == before
    assert path != portal.database


def test_starting_and_stopping_leave_nothing_and_print_nothing() -> None:
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        portal = DemoPortal.start(deals=300)
        existed = portal.database.exists()
        portal.stop()
        portal.stop()

    assert existed
    assert not portal.database.exists()
    assert output.getvalue() == ""
    assert portal.now == datetime.fromisoformat("2026-07-15T12:00:00+03:00")


def test_the_history_of_every_deal_leads_from_its_creation_to_its_stage(portal: DemoPortal) -> None:
    rows = sql(
        portal,
        """SELECT d.id, d.createdAt, d.stageId, d.stageSemanticId, d.closed, h.createdAt, h.stageId, h.typeId
           FROM deals d JOIN stage_history h ON h.ownerId = d.id ORDER BY d.id, h.id""",
    )
    paths: dict[int, list[tuple[object, ...]]] = {}
    for row in rows:
        paths.setdefault(row[0], []).append(row)

    assert len(paths) == 300
    for path in paths.values():
        (_, created, stage, semantics, closed, *_), moments = path[0], [str(row[5]) for row in path]
        assert (moments[0], path[-1][6]) == (created, stage)
        assert moments == sorted(moments)
        assert path[0][7] == 1
        assert closed == (semantics != "P") == (path[-1][7] == 3)


def test_stage_history_is_served_by_owner(client: Client, portal: DemoPortal) -> None:
    expected = sql(portal, "SELECT id, stageId FROM stage_history WHERE ownerId = 5 ORDER BY id")

    answer = client.get("/v1/stage-history?entityType=deal&ownerId=5&limit=200&offset=0")

    assert [(row["id"], row["stageId"]) for row in answer["data"]] == expected
    assert set(answer["data"][0]) == {
        "id",
        "typeId",
        "ownerId",
        "createdAt",
        "categoryId",
        "stageSemanticId",
        "stageId",
    }
    assert answer["meta"]["hasMore"] is False
    assert client.code("GET", "/v1/stage-history") == (400, "MISSING_PARAMS")


def test_every_stage_in_use_is_in_its_directory(portal: DemoPortal) -> None:
    used = column(
        portal,
        """SELECT stageId FROM deals UNION SELECT stageId FROM quotes UNION SELECT stageId FROM invoices
           UNION SELECT statusId FROM leads UNION SELECT stageId FROM items_174 UNION SELECT stageId FROM items_156""",
    )

    assert set(used) <= set(column(portal, "SELECT statusId FROM statuses"))


def test_links_lead_to_records(portal: DemoPortal) -> None:
    for table, name, target in (
        ("deals", "companyId", "companies"),
        ("deals", "contactId", "contacts"),
        ("quotes", "dealId", "deals"),
        ("product_rows", "ownerId", "deals"),
        ("items_174", "parentId2", "deals"),
        ("contacts", "companyId", "companies"),
        ("deals", "assignedById", "users"),
        ("items_156", "parentId174", "items_174"),
    ):
        lost = column(
            portal, f"SELECT COUNT(*) FROM {table} WHERE {name} <> 0 AND {name} NOT IN (SELECT id FROM {target})"
        )
        assert lost == [0], (table, name)


def test_the_company_has_namesakes_dismissed_people_and_user_57(portal: DemoPortal) -> None:
    names = column(portal, "SELECT lastName FROM users")

    assert (len(names), names.count("Иванова"), names.count("Smith")) == (60, 2, 2)
    assert sql(portal, "SELECT COUNT(*) FROM users WHERE active = 0") == [(8,)]
    assert sql(portal, "SELECT departmentId, active FROM users WHERE id = 57") == [("[2]", 1)]


def test_eleven_of_a_hundred_and_forty_workflows_are_stuck(portal: DemoPortal) -> None:
    stuck, grace, locked, total = sql(
        portal,
        """SELECT SUM(OWNED_UNTIL < '2026-07-15T08:55:00Z'),
                  SUM(OWNED_UNTIL >= '2026-07-15T08:55:00Z' AND OWNED_UNTIL < '2026-07-15T09:00:00Z'),
                  SUM(OWNED_UNTIL > '2026-07-15T09:00:00Z'), COUNT(*) FROM workflows""",
    )[0]

    assert (stuck, total) == (11, 140)
    assert grace >= 3
    assert locked >= 4
