"""Names that many calls ask for at once are read together, and what was forgotten meanwhile is not kept."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import NamedId, Person, Status

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


class Renamed(Staff):
    """A portal that calls users and directory values after `word`, and says so late."""

    word = "old"

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        word = self.word
        await super().users(ids)
        return tuple(NamedId(each, f"{word} {each}") for each in ids)

    async def statuses(self, directory: str) -> tuple[Status, ...]:
        found = (Status(directory, "CALL", self.word, 10, ""),) if directory == "SOURCE" else ()
        await self.users([1])
        return found

    async def people(self) -> tuple[Person, ...]:
        found = Person(1, self.word, "1", "", active=True)
        await self.users([1])
        return (found,)


@pytest.fixture
def renamed() -> Renamed:
    return Renamed()


async def forgetting(metadata: Metadata, renamed: Renamed, ask: Callable[[], Awaitable[Any]]) -> Any:
    """What is answered when everything is forgotten, and renamed, while the portal is asked."""
    answers: list[Any] = []

    async def reading() -> None:
        answers.append(await ask())

    async with anyio.create_task_group() as callers:
        callers.start_soon(reading)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        metadata.forget()
        renamed.word = "new"
    return answers[0]


async def test_names_known_before_all_is_forgotten_are_still_in_the_answer(renamed: Renamed) -> None:
    metadata = Metadata(cast("Portal", renamed))
    await metadata.users([1])

    assert await forgetting(metadata, renamed, lambda: metadata.users([1, 2])) == {1: "old 1", 2: "old 2"}
    assert await metadata.users([1, 2]) == {1: "new 1", 2: "new 2"}


async def test_what_was_read_while_all_was_forgotten_is_not_kept(renamed: Renamed) -> None:
    metadata = Metadata(cast("Portal", renamed))

    [before] = await forgetting(metadata, renamed, lambda: metadata.directory("SOURCE"))
    [after] = await metadata.directory("SOURCE")

    assert (before.name, after.name) == ("old", "new")


async def test_names_of_all_people_read_while_all_was_forgotten_are_not_kept(renamed: Renamed) -> None:
    metadata = Metadata(cast("Portal", renamed))

    await forgetting(metadata, renamed, metadata.people)

    assert await metadata.users([1]) == {1: "new 1"}


async def test_a_directory_that_is_not_there_is_asked_for_again(renamed: Renamed) -> None:
    metadata = Metadata(cast("Portal", renamed))
    for _ in range(2):
        assert await metadata.directory("SOURCE") != ()
        assert await metadata.directory("NONE") == ()

    assert len(renamed.asked) == 3


async def test_names_that_are_no_directory_leave_nothing_behind(renamed: Renamed) -> None:
    metadata = Metadata(cast("Portal", renamed))
    async with anyio.create_task_group() as callers:
        for number in range(20):
            callers.start_soon(metadata.directory, f"NONE_{number % 10}")

    held = vars(metadata)
    assert (held["_locks"], len(held["_kept"])) == ({}, 0)
