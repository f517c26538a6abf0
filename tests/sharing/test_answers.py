"""Of each answer one replica asks at a time; the others wait for it, for its failure or for its end."""

from collections.abc import AsyncGenerator

import anyio
import pytest

from bitrix24_mcp.sharing.answers import Answers
from bitrix24_mcp.sharing.link import Link

pytestmark = pytest.mark.anyio


@pytest.fixture
async def link(redis: str) -> AsyncGenerator[Link]:
    async with Link.opened(redis) as opened:
        yield opened


async def test_the_second_waits_for_what_the_first_is_told(link: Link, whose: str) -> None:
    first, second = Answers(link, whose), Answers(link, whose, patience=60)
    found: list[dict[str, str]] = []

    async def asking() -> None:
        async with await second.turn("one", ["a", "b"]) as turn:
            found.append(dict(turn.told))

    async with await first.turn("one", ["a", "b"]) as turn, anyio.create_task_group() as others:
        assert (turn.leased, turn.told) == (True, {})
        others.start_soon(asking)
        await turn.keep({"a": "1", "b": "2"})

    assert found == [{"a": "1", "b": "2"}]


async def test_who_leaves_without_an_answer_makes_room_at_once(link: Link, whose: str) -> None:
    first, second = Answers(link, whose, lease=60), Answers(link, whose, patience=60)
    with anyio.fail_after(10):
        async with await first.turn("one", ["a"]):
            pass
        async with await second.turn("one", ["a"]) as turn:
            assert turn.leased


async def test_who_died_makes_room_when_the_lease_ends(link: Link, whose: str) -> None:
    dead, other = Answers(link, whose, lease=0.2), Answers(link, whose, patience=60)
    assert (await dead.turn("one", ["a"])).leased
    with anyio.fail_after(10):
        async with await other.turn("one", ["a"]) as turn:
            assert turn.leased


async def test_who_waited_too_long_gets_neither_answer_nor_lease(link: Link, whose: str) -> None:
    async with await Answers(link, whose, lease=60).turn("one", ["a"]):
        turn = await Answers(link, whose, patience=0.1).turn("one", ["a"])
        assert (turn.leased, turn.told) == (False, {})
        async with turn:
            await turn.keep({"a": "of nobody's"})
        async with await Answers(link, whose, patience=0).turn("one", ["a"]) as again:
            assert again.told == {}


async def test_what_was_asked_before_all_was_forgotten_is_not_kept(link: Link, whose: str) -> None:
    first, second = Answers(link, whose, lease=60), Answers(link, whose, patience=60)
    async with await first.turn("one", ["a"]) as late:
        await second.forget()
        async with await second.turn("one", ["a"]) as turn:
            assert turn.leased, "nobody waits for what was asked before"
            await late.keep({"a": "old"})
            await turn.keep({"a": "new"})
    async with await first.turn("one", ["a"]) as turn:
        assert turn.told == {"a": "new"}


async def test_a_late_answer_is_kept_only_where_nobody_else_asks_or_was_told(link: Link, whose: str) -> None:
    slow, other = Answers(link, whose, lease=0.1), Answers(link, whose, lease=60, patience=60)
    async with await slow.turn("one", ["a"]) as late, await other.turn("one", ["a"]) as turn:
        assert turn.leased
        await late.keep({"a": "late"})
        async with await Answers(link, whose, patience=0).turn("one", ["a"]) as nothing:
            assert (nothing.leased, nothing.told) == (False, {})
        await turn.keep({"a": "first"})
        await late.keep({"a": "late"})
    async with await other.turn("one", ["a", "b"]) as turn:
        assert turn.told == {"a": "first"}
    async with await slow.turn("two", ["c"]) as late:
        await anyio.sleep(0.2)
        await late.keep({"c": "late, and the only one"})
    async with await other.turn("two", ["c"]) as turn:
        assert turn.told == {"c": "late, and the only one"}


async def test_another_caller_is_told_nothing_and_forgets_nothing(link: Link, whose: str) -> None:
    ours, theirs = Answers(link, whose), Answers(link, f"{whose}-other")
    async with await ours.turn("one", ["a"]) as turn:
        await turn.keep({"a": "1"})
    async with await theirs.turn("one", ["a"]) as turn:
        assert (turn.leased, turn.told) == (True, {})
    await theirs.forget()
    async with await ours.turn("one", ["a"]) as turn:
        assert turn.told == {"a": "1"}


async def test_who_is_cancelled_at_any_moment_leaves_no_lease_behind(link: Link, whose: str) -> None:
    async def asking(answers: Answers, limit: float) -> None:
        with anyio.move_on_after(limit):
            async with await answers.turn("one", ["a"]):
                await anyio.sleep(0.001)

    with anyio.fail_after(30):
        for number in range(40):
            answers = Answers(link, f"{whose}-{number}", lease=60, patience=60)
            async with anyio.create_task_group() as askers:
                for other in range(4):
                    askers.start_soon(asking, answers, 0.0002 + 0.0001 * ((7 * number + 5 * other) % 29))
            async with await answers.turn("one", ["a"]) as turn:
                assert turn.leased
