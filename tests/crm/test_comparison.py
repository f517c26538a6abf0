"""The period that a comparison sets beside the one asked for."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.figures.comparison import Compare, Period, earlier, in_period, period_of
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo

MOSCOW = ZoneInfo("Europe/Moscow")
FIELDS = Fields(
    BY_NAME["deals"], [FieldInfo("createdAt", "datetime"), FieldInfo("closedAt", "date"), FieldInfo("amount", "number")]
)


def bounds(name: str, **operators: Any) -> list[Condition]:
    return [Condition(name, operator, value) for operator, value in operators.items()]  # pyright: ignore[reportArgumentType] - operators by name


@pytest.mark.parametrize(
    ("start", "end", "compare", "wanted"),
    [
        ("2026-07-01", "2026-08-01", "previous", ("2026-06-01", "2026-07-01")),
        ("2026-01-01", "2026-04-01", "previous", ("2025-10-01", "2026-01-01")),
        ("2026-03-01", "2026-04-01", "previous", ("2026-02-01", "2026-03-01")),
        ("2024-01-01", "2025-01-01", "previous", ("2023-01-01", "2024-01-01")),
        ("2026-07-13", "2026-07-20", "previous", ("2026-07-06", "2026-07-13")),
        ("2026-07-15", "2026-07-16", "previous", ("2026-07-14", "2026-07-15")),
        ("2026-03-01", "2026-03-16", "previous", ("2026-02-14", "2026-03-01")),
        ("2026-07-01", "2026-08-01", "year_ago", ("2025-07-01", "2025-08-01")),
        ("2024-02-29", "2024-03-01", "year_ago", ("2023-02-28", "2023-03-01")),
        ("2024-02-28", "2024-02-29", "year_ago", ("2023-02-28", "2023-03-01")),
        ("2024-02-01", "2024-02-29", "year_ago", ("2023-02-01", "2023-03-01")),
        ("2024-02-01", "2024-03-01", "year_ago", ("2023-02-01", "2023-03-01")),
        ("2025-02-15", "2025-02-28", "year_ago", ("2024-02-15", "2024-02-28")),
        ("2026-07-13", "2026-07-20", "year_ago", ("2025-07-13", "2025-07-20")),
    ],
)
def test_whole_months_are_compared_with_whole_months_and_other_periods_with_as_many_days(
    start: str, end: str, compare: Compare, wanted: tuple[str, str]
) -> None:
    found = earlier(Period("createdAt", date.fromisoformat(start), date.fromisoformat(end)), compare)

    assert (found.start.isoformat(), found.end.isoformat()) == wanted


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        (bounds("createdAt", gte="2026-07-01T00:00:00+03:00", lt="2026-08-01T00:00:00+03:00"),
         ("createdAt", "2026-07-01", "2026-08-01")),
        (bounds("createdAt", gte="2026-06-30T21:00:00+00:00", lt="2026-07-31T21:00:00+00:00"),
         ("createdAt", "2026-07-01", "2026-08-01")),
        (bounds("closedAt", gte="2026-07-01", lte="2026-07-31"), ("closedAt", "2026-07-01", "2026-08-01")),
        (bounds("closedAt", gt="2026-06-30", lt="2026-08-01"), ("closedAt", "2026-07-01", "2026-08-01")),
        ([*bounds("amount", gte=1, lte=5), *bounds("closedAt", gte="2026-07-01", lt="2026-07-02")],
         ("closedAt", "2026-07-01", "2026-07-02")),
    ],
)  # fmt: skip
def test_the_period_is_that_of_the_only_date_with_two_bounds(
    conditions: list[Condition], wanted: tuple[str, str, str]
) -> None:
    found = period_of(conditions, FIELDS, MOSCOW)

    assert (found.field, found.start.isoformat(), found.end.isoformat()) == wanted


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        bounds("amount", gte=1, lte=5),
        bounds("createdAt", gte="2026-07-01T00:00:00+03:00"),
        bounds("createdAt", gte="2026-07-01T00:00:00+03:00", lt="2026-07-01T12:00:00+03:00"),
        bounds("createdAt", gte="2026-07-01T00:00:00+03:00", lt="2026-07-01T00:00:00+03:00"),
        [*bounds("closedAt", gte="2026-07-01", lt="2026-07-02"),
         *bounds("createdAt", gte="2026-07-01T00:00:00+03:00", lt="2026-07-02T00:00:00+03:00")],
    ],
)  # fmt: skip
def test_without_one_period_of_whole_days_there_is_nothing_to_compare(conditions: list[Condition]) -> None:
    with pytest.raises(InvalidArguments) as refused:
        period_of(conditions, FIELDS, MOSCOW)

    assert refused.value.code == "INVALID_COMPARISON"


def test_there_is_no_period_before_the_first_one() -> None:
    with pytest.raises(InvalidArguments):
        earlier(Period("createdAt", date(1, 1, 1), date(2, 1, 1)), "previous")


def test_only_the_bounds_of_that_field_are_replaced() -> None:
    kept = Condition("stageId", "eq", "WON")
    period = Period("createdAt", date(2026, 6, 1), date(2026, 7, 1))

    found = in_period([kept, *bounds("createdAt", gt="x", lte="y")], period, FIELDS, MOSCOW)

    assert found == (
        kept,
        *bounds("createdAt", gte="2026-06-01T00:00:00+03:00", lt="2026-07-01T00:00:00+03:00"),
    )


def test_midnights_that_the_clocks_skip_begin_a_day_all_the_same() -> None:
    """In São Paulo the clocks went from midnight to one on 4 November 2018."""
    zone = ZoneInfo("America/Sao_Paulo")
    period = Period("createdAt", date(2018, 11, 4), date(2018, 11, 11))

    found = period_of(in_period([], period, FIELDS, zone), FIELDS, zone)

    assert found == period
