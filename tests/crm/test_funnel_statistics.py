"""Shares and times agree with Python's own statistics."""

from decimal import Decimal
from statistics import median, quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_mcp.crm.funnel.statistics import MEDIAN, P90, days, percent, rounded

DAY = 86_400
TENTH = Decimal("0.05")


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=60))
def test_quantiles_are_interpolated_like_those_of_the_standard_library(seconds: list[int]) -> None:
    exact = [Decimal(each) / DAY for each in seconds]

    assert abs(Decimal(str(days(seconds, MEDIAN))) - median(exact)) <= TENTH
    assert abs(Decimal(str(days(seconds, P90))) - quantiles(exact, n=10, method="inclusive")[8]) <= TENTH


def test_the_only_time_is_every_quantile() -> None:
    assert (days([3 * DAY], MEDIAN), days([3 * DAY], P90)) == (3, 3)


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(1, 3, 33.3), (2, 3, 66.7), (1, 16, 6.3), (1, 2, 50), (0, 5, 0), (5, 5, 100), (0, 0, None)],
)
def test_a_share_is_a_percentage_to_one_decimal(part: int, whole: int, shown: float | None) -> None:
    assert percent(part, whole) == shown


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [("0.125", 2, 0.13), ("2.50", 1, 2.5), ("4.00", 2, 4), ("1234567.005", 2, 1234567.01)],
)
def test_halves_are_rounded_away_from_zero(value: str, decimals: int, shown: float) -> None:
    assert rounded(Decimal(value), decimals) == shown
    assert isinstance(rounded(Decimal(value), decimals), int) == (shown == int(shown))
