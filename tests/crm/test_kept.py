"""What is kept lives for five minutes, and the old makes room for the new."""

from collections.abc import Sequence
from datetime import UTC
from typing import cast

import anyio
import pytest

from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.kept import LIFETIME, Held, Kept, Marks
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal, SharedDescriptions
from bitrix24_mcp.crm.portal_values import Currency, NamedId

pytestmark = pytest.mark.anyio


class Hours:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """Descriptions that others keep as well, good for ten seconds."""

    lifetime = 10.0

    def __init__(self) -> None:
        self.asked: list[str] = []

    def forget(self) -> None:
        self.asked.append("forget")

    async def currencies(self) -> tuple[Currency, ...]:
        self.asked.append("currencies")
        return (Currency("RUB", base=True),)

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        self.asked.append("users")
        return tuple(NamedId(each, "Anna") for each in ids)


class Refusing(Shared):
    """Descriptions that the key may not read."""

    async def time_zone(self) -> str:
        self.asked.append("zone")
        raise PermissionRefused("No.", advice="Ask.", code="NO")

    async def offset(self) -> None:
        self.asked.append("offset")
        raise PermissionRefused("No.", advice="Ask.", code="NO")

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        await super().users(ids)
        raise PermissionRefused("No.", advice="Ask.", code="NO")


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    passing = Hours()
    monkeypatch.setattr(anyio, "current_time", passing)
    return passing


async def test_a_value_is_kept_for_five_minutes(hours: Hours) -> None:
    kept = Kept[str]()
    kept.keep({"zone": "Europe/Moscow"})
    hours.now += LIFETIME - 1
    before = kept.fresh("zone")
    hours.now += 1

    assert before == Held("Europe/Moscow", 1300.0)
    assert kept.fresh("zone") is None


async def test_a_value_that_is_not_good_for_as_long_is_kept_for_less(hours: Hours) -> None:
    kept = Kept[str](lifetime=100)
    kept.keep({"zone": "Europe/Moscow"})
    kept.keep({"currency": "RUB"}, seconds=7)
    before = (kept.fresh("zone"), kept.fresh("currency"))
    hours.now += 7

    assert before == (Held("Europe/Moscow", 1100.0), Held("RUB", 1007.0))
    assert (kept.fresh("zone"), kept.fresh("currency")) == (Held("Europe/Moscow", 1100.0), None)


async def test_what_others_keep_as_well_is_asked_of_them_after_their_lifetime(hours: Hours) -> None:
    shared = Shared()
    metadata = Metadata(cast("Portal", None), shared=cast("SharedDescriptions", shared))
    for seconds in (0, 9, 1):
        hours.now += seconds
        await metadata.currencies()
        await metadata.users([1])
    metadata.forget()

    assert shared.asked == ["currencies", "users", "currencies", "users", "forget"]


async def test_a_refusal_is_not_repeated_for_five_minutes_though_nobody_else_keeps_it(hours: Hours) -> None:
    """A portal that is asked again and again for what it has refused takes that for a loop."""
    shared = Refusing()
    metadata = Metadata(cast("Portal", None), shared=cast("SharedDescriptions", shared))
    for seconds in (0, 11, LIFETIME - 12, 11):
        hours.now += seconds
        assert await metadata.zone_and_source() == (UTC, "default")
        assert await metadata.users([1]) == {}

    assert shared.asked == ["zone", "offset", "users"] * 2


async def test_what_is_too_old_is_dropped_when_something_is_kept(hours: Hours) -> None:
    kept = Kept[int]()
    kept.keep({number: number for number in range(100)})
    hours.now += LIFETIME / 2
    kept.keep({100: 100})
    halfway = len(kept)
    hours.now += LIFETIME / 2
    kept.keep({101: 101})

    assert (halfway, len(kept)) == (101, 2)
    kept.clear()
    assert len(kept) == 0


async def test_a_mark_is_tried_again_after_five_minutes(hours: Hours) -> None:
    marks = Marks()
    before = ("deals", "stageId") in marks
    marks.add(("deals", "stageId"))
    marked = ("deals", "stageId") in marks
    hours.now += LIFETIME

    assert [before, marked, ("deals", "stageId") in marks] == [False, True, False]
