"""What is kept lives for five minutes, and the old makes room for the new."""

import anyio
import pytest

from bitrix24_mcp.crm.kept import LIFETIME, Held, Kept, Marks

pytestmark = pytest.mark.anyio


class Hours:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


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
