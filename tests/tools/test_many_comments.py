"""The comments of a record that has more of them than the portal pages through."""

from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from assistants import assistant_for
from bitrix24_mcp.demo import DemoPortal

pytestmark = pytest.mark.anyio

LAST_READ = 2_549
"""Fifty rows from the last offset that the portal serves."""


async def related(portal: DemoPortal, comments: int) -> tuple[dict[str, Any], str | None]:
    """What stands beside deal 5 when it has so many comments, and the note."""
    _write(portal.database, comments)
    async with assistant_for(portal.url) as assistant:
        answer = await assistant.ask("get_item", entity="deals", id=5, include="comments,history", select="id")
    return answer["items"][0]["related"], answer.get("note")


def _write(database: Path, comments: int) -> None:
    with closing(connect(database)) as connection, connection:
        connection.execute("delete from timelines where entityType = 'deal' and entityId = 5")
        connection.executemany(
            "insert into timelines (id, entityId, entityType, comment, authorId, createdAt) "
            "values (?, 5, 'deal', ?, 57, '2026-07-01T09:00:00Z')",
            [(10_000 + number, f"Comment {number}") for number in range(1, comments + 1)],
        )


@pytest.mark.parametrize("comments", [2_500, 2_509, 2_510, LAST_READ])
async def test_the_latest_comments_are_shown_as_far_as_the_portal_reads(comments: int, own_portal: DemoPortal) -> None:
    beside, note = await related(own_portal, comments)

    latest = range(comments, comments - 10, -1)
    assert [each["comment"] for each in beside["comments"]] == [f"Comment {number}" for number in latest]
    assert (beside["comments_total"], note) == (comments, None)


async def test_comments_behind_the_last_offset_are_counted_and_said_to_be_out_of_reach(
    own_portal: DemoPortal,
) -> None:
    beside, note = await related(own_portal, LAST_READ + 1)

    reached = range(LAST_READ, LAST_READ - 10, -1)
    assert [each["comment"] for each in beside["comments"]] == [f"Comment {number}" for number in reached]
    assert beside["comments_total"] == LAST_READ + 1
    assert beside["history"]
    assert note == (
        "INCOMPLETE: the portal gives the first 2549 comments of 2550 of record 5, oldest first; the latest cannot be "
        "reached, and those shown are older."
    )
