"""A bare date is that whole day in the portal's zone; a moment is that moment; everything else is refused."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.matching import matches
from bitrix24_mcp.crm.portal_values import Condition

pytestmark = pytest.mark.anyio

Meaning = Callable[[Mapping[str, Any] | None], Awaitable[Sequence[Condition]]]
BERLIN = ZoneInfo("Europe/Berlin")
SUMMER, WINTER = "+02:00", "+01:00"


def bounds(**operators: str) -> tuple[Condition, ...]:
    return tuple(Condition("createdAt", operator, value) for operator, value in operators.items())  # pyright: ignore[reportArgumentType] - the names are operators


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-07-01", bounds(gte="2026-07-01T00:00:00+02:00", lt="2026-07-02T00:00:00+02:00")),
        ({"$gte": "2026-07-01"}, bounds(gte="2026-07-01T00:00:00+02:00")),
        ({"$gt": "2026-07-01"}, bounds(gte="2026-07-02T00:00:00+02:00")),
        ({"$lt": "2026-07-01"}, bounds(lt="2026-07-01T00:00:00+02:00")),
        ({"$lte": "2026-07-01"}, bounds(lt="2026-07-02T00:00:00+02:00")),
        (
            {"$between": ["2026-07-01", "2026-07-31"]},
            bounds(gte="2026-07-01T00:00:00+02:00", lt="2026-08-01T00:00:00+02:00"),
        ),
        (
            {"$gte": "2025-12-31", "$lte": "2025-12-31"},
            bounds(gte=f"2025-12-31T00:00:00{WINTER}", lt=f"2026-01-01T00:00:00{WINTER}"),
        ),
    ],
    ids=str,
)
async def test_a_bare_date_is_that_whole_day(written: Any, meant: tuple[Condition, ...], meaning: Meaning) -> None:
    assert await meaning({"createdAt": written}) == meant


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2026-03-29", f"2026-03-29T00:00:00{WINTER}", f"2026-03-30T00:00:00{SUMMER}"),
        ("2026-10-25", f"2026-10-25T00:00:00{SUMMER}", f"2026-10-26T00:00:00{WINTER}"),
        ("2028-02-29", f"2028-02-29T00:00:00{WINTER}", f"2028-03-01T00:00:00{WINTER}"),
    ],
    ids=["23 hours, clocks go forward", "25 hours, clocks go back", "leap day"],
)
async def test_a_day_ends_at_the_next_midnight_whatever_its_length(
    day: str, start: str, end: str, meaning: Meaning
) -> None:
    assert await meaning({"createdAt": day}) == bounds(gte=start, lt=end)
    assert await meaning({"createdAt": {"$between": [day, day]}}) == bounds(gte=start, lt=end)
    assert await meaning({">createdAt": day}) == bounds(gte=end)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("2026-07-01T09:30:00+03:00", "2026-07-01T09:30:00+03:00"),
        ("2026-07-01T09:30:00Z", "2026-07-01T09:30:00+00:00"),
        ("2026-07-01T09:30:00.000Z", "2026-07-01T09:30:00+00:00"),
        ("2026-07-01T09:30", f"2026-07-01T09:30:00{SUMMER}"),
        ("2026-07-01 09:30:15", f"2026-07-01T09:30:15{SUMMER}"),
        ("2026-12-01T09:30", f"2026-12-01T09:30:00{WINTER}"),
        ("2026-03-29T03:00", f"2026-03-29T03:00:00{SUMMER}"),
        ("2026-03-29T01:59", f"2026-03-29T01:59:00{WINTER}"),
    ],
)
@pytest.mark.parametrize("operator", ["eq", "ne", "gt", "gte", "lt", "lte"])
async def test_a_moment_is_sent_with_its_offset_or_that_of_the_portal(
    operator: str, written: str, sent: str, meaning: Meaning
) -> None:
    assert await meaning({"createdAt": {f"${operator}": written}}) == bounds(**{operator: sent})


@pytest.mark.parametrize(
    ("condition", "inside"),
    [
        ({"$lt": "2026-07-31T23:59:59.999"}, True),
        ({"$lte": "2026-07-31T23:59:59.999"}, True),
        ({"$gt": "2026-07-31T23:59:58.500"}, True),
        ({"$gte": "2026-07-31T23:59:59.001"}, False),
        ({"$gt": "2026-07-31T23:59:59.999"}, False),
    ],
    ids=str,
)
async def test_a_fraction_of_a_second_does_not_move_a_record_over_the_bound(
    condition: dict[str, str], meaning: Meaning, deals: Fields, *, inside: bool
) -> None:
    last_second = {"createdAt": f"2026-07-31T23:59:59{SUMMER}"}

    assert matches(last_second, await meaning({"createdAt": condition}), deals) is inside


@pytest.mark.parametrize(
    "written",
    ["2026-02-30", "2026-13-01", "2026-07-32T10:00:00Z", "2026-07-01T25:00", "01.07.2026", "2026-7-1", "soon", "", None,
     20260701, True, {"a": 1}, "2026-07-01T10:00+99:00", "9999-12-31"],
)  # fmt: skip
@pytest.mark.parametrize("operator", ["$eq", "$gt", "$lte"])
async def test_what_is_no_date_is_refused(operator: str, written: Any, meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments, match=r"is not a date|empty value") as refused:
        await meaning({"createdAt": {operator: written}})

    assert refused.value.code == "INVALID_VALUE"
    assert refused.value.advice


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(1918, 6, 1), date(1970, 1, 1), date(2026, 7, 1)], ids=str)
def test_an_offset_has_whole_minutes_also_before_there_were_time_zones(day: date) -> None:
    moscow = ZoneInfo("Europe/Moscow")
    start = dates.start_of(day, moscow)

    assert datetime.fromisoformat(start) == datetime.combine(day, time.min, tzinfo=moscow)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", start)


@pytest.mark.parametrize("beyond", [{"$lt": "9999-12-31T23:59:59.5"}, {"$gte": "0001-01-01"}], ids=str)
async def test_a_bound_beyond_the_first_or_last_moment_is_refused(beyond: dict[str, str], meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments, match="is not a date"):
        await meaning({"createdAt": beyond})


@pytest.mark.parametrize(
    "written",
    [{"$ne": "2026-07-01"}, ["2026-07-01", "2026-07-02"], {"$nin": ["2026-07-01"]}, {"$in": "2026-07-01"}],
    ids=str,
)
async def test_days_that_are_no_single_range_are_refused_for_moments(written: Any, meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments, match="moments") as refused:
        await meaning({"createdAt": written})

    assert refused.value.code == "UNSUPPORTED_FILTER"
    assert "$gte and $lt" in refused.value.advice


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-07-01", [Condition("closedAt", "eq", "2026-07-01")]),
        ({"$ne": "2026-07-01"}, [Condition("closedAt", "ne", "2026-07-01")]),
        ({"$gt": "2026-07-01"}, [Condition("closedAt", "gt", "2026-07-01")]),
        ({"$lte": "2026-07-01"}, [Condition("closedAt", "lte", "2026-07-01")]),
        (["2026-07-01", "2026-07-02"], [Condition("closedAt", "in", ("2026-07-01", "2026-07-02"))]),
        (
            {"$between": ["2026-07-01", "2026-07-31"]},
            [Condition("closedAt", "gte", "2026-07-01"), Condition("closedAt", "lte", "2026-07-31")],
        ),
    ],
    ids=str,
)
async def test_a_field_of_days_takes_the_days_as_they_are(
    written: Any, meant: list[Condition], meaning: Meaning
) -> None:
    assert await meaning({"closedAt": written}) == tuple(meant)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2026-07-01T10:00:00Z", "closedAt holds days without a time."),
        ("2026-07-01 10:00", "closedAt holds days without a time."),
        ("2026-02-30", "“2026-02-30” is not a date."),
        ("yesterdayish", "“yesterdayish” is not a date."),
        (5, "“5” is not a date."),
    ],
)
async def test_a_field_of_days_refuses_what_is_no_day(written: Any, message: str, meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning({"closedAt": written})

    assert (refused.value.message, refused.value.code) == (message, "INVALID_VALUE")


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("2026-07-17T14:16:18.000Z", f"2026-07-17T16:16:18{SUMMER}"),
        ("2026-01-17T14:16:18.999Z", f"2026-01-17T15:16:18{WINTER}"),
        ("2026-07-17T14:16:18+03:00", f"2026-07-17T13:16:18{SUMMER}"),
        ("2026-03-29T00:59:59Z", f"2026-03-29T01:59:59{WINTER}"),
        ("2026-03-29T01:00:00Z", f"2026-03-29T03:00:00{SUMMER}"),
        ("2026-07-17T14:16:18", f"2026-07-17T14:16:18{SUMMER}"),
        ("2026-07-17", "2026-07-17"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("never", "never"),
        ("", ""),
    ],
)
def test_a_stored_moment_is_shown_in_the_portals_zone_to_the_second(stored: str, read: str) -> None:
    assert dates.shown(stored, BERLIN) == read
