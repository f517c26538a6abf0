"""Names that many calls ask for at once are read together."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import NamedId

pytestmark = pytest.mark.anyio


class Staff:
    """A portal that knows the users up to 40 and notes how it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        self.asked.append(list(ids))
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        return tuple(NamedId(each, f"User {each}") for each in ids if each <= 40)


async def test_users_asked_for_at_once_take_two_requests() -> None:
    staff = Staff()
    metadata = Metadata(cast("Portal", staff))
    named: dict[int, dict[int, str]] = {}

    async def ask(user: int) -> None:
        named[user] = await metadata.users([user, 41])

    async with anyio.create_task_group() as callers:
        for user in range(1, 41):
            callers.start_soon(partial(ask, user))

    assert named == {user: {user: f"User {user}"} for user in range(1, 41)}
    assert sorted(each for ids in staff.asked for each in ids) == [*range(1, 41), 41]
    assert len(staff.asked) <= 2
    await metadata.users([7, 41])
    assert len(staff.asked) <= 2, "names, and that there is none, are kept"
