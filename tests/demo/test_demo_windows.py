"""Searches over more than two weeks are split into windows (docs/filtering)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_mcp.demo import Fault

from .demo_client import column

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal

    from .demo_client import Client

_YEAR: dict[str, Any] = {"createdAt": {"$gte": "2025-01-01", "$lt": "2026-01-01"}}
_YEAR_SQL = "createdAt >= '2024-12-31T21:00:00Z' AND createdAt < '2025-12-31T21:00:00Z'"


@pytest.mark.parametrize(
    ("condition", "windows"),
    [
        ({"$gte": "2026-06-01", "$lt": "2026-06-15"}, None),
        ({"$gte": "2026-06-01", "$lt": "2026-06-16"}, 3),
        ({"$gte": "2026-06-01", "$lte": "2026-06-22"}, 3),
        ({"$gte": "2026-07-01T12:00:00"}, None),
        ({"$gt": "2026-07-01"}, 3),
        ({"$lt": "2026-07-01"}, None),
    ],
)
def test_the_span_decides_how_many_windows_there_are(
    client: Client, condition: dict[str, str], windows: int | None
) -> None:
    meta = client.search("deals", limit=1, filter={"createdAt": condition})["meta"]

    assert (meta.get("autoWindowed"), meta.get("windowCount")) == (windows and True, windows)


def test_a_windowed_search_is_sorted_as_a_whole_and_complete(client: Client, portal: DemoPortal) -> None:
    answer = client.search("deals", filter=_YEAR, sort="-amount", limit=5000, select=["id"])
    expected = column(portal, f"SELECT id FROM deals WHERE {_YEAR_SQL} ORDER BY amount DESC, id")

    assert [row["id"] for row in answer["data"]] == expected
    assert answer["meta"] == {
        "total": len(expected),
        "hasMore": False,
        "durationMs": 12,
        "autoWindowed": True,
        "windowCount": 53,
        "batchWaves": 2,
    }


def test_windows_refuse_an_offset_unless_they_are_switched_off(client: Client) -> None:
    assert client.code("POST", "/v1/deals/search", {"filter": _YEAR, "offset": 50}) == (
        400,
        "UNSTABLE_OFFSET_PAGINATION",
    )
    answer = client.search("deals", filter=_YEAR, offset=50, limit=1, autoWindow=False)
    assert set(answer["meta"]) == {"total", "hasMore", "durationMs"}


def test_lists_and_tasks_are_not_windowed(client: Client) -> None:
    listed = client.get("/v1/deals?filter[createdAt][$gte]=2025-01-01&limit=1")
    tasks = client.search("tasks", filter={"createdDate": {"$gte": "2025-01-01"}}, limit=1)
    chosen = client.search("tasks", filter={"createdDate": {"$gte": "2025-01-01"}}, limit=1, autoWindow=True)

    assert "autoWindowed" not in listed["meta"]
    assert "autoWindowed" not in tasks["meta"]
    assert chosen["meta"]["autoWindowed"] is True


def test_a_failed_window_loses_its_week_and_says_so(own: Client) -> None:
    portal = own.portal
    portal.inject(Fault("failed_window", path="/v1/deals/search"))
    own.search("deals", filter={"id": 1})

    answer = own.search("deals", filter=_YEAR, limit=5000, select=["id"])
    again = own.search("deals", filter=_YEAR, limit=5000, select=["id"])

    first = column(portal, f"SELECT MIN(createdAt) FROM deals WHERE {_YEAR_SQL}")[0]
    lost = {row["id"] for row in again["data"]} - {row["id"] for row in answer["data"]}
    assert answer["meta"]["windowErrors"] == 1
    assert answer["meta"]["total"] == len(answer["data"]) == again["meta"]["total"] - len(lost)
    assert column(portal, "SELECT id FROM deals WHERE createdAt = ?", first)[0] in lost
    assert "windowErrors" not in again["meta"]


def test_all_windows_may_fail(own: Client) -> None:
    own.portal.inject(Fault("all_windows"))

    assert own.code("POST", "/v1/deals/search", {"filter": _YEAR}) == (502, "WINDOWED_SEARCH_FAILED")
