"""Shares and times as an answer shows them."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

_DAY = 86_400
MEDIAN = Decimal("0.5")
P90 = Decimal("0.9")


def percent(part: int, whole: int) -> int | float | None:
    """The share in percent, to one decimal; None of nothing."""
    return rounded(Decimal(100 * part) / whole, 1) if whole else None


def days(seconds: Sequence[int], part: Decimal) -> int | float:
    """The quantile of times in days, to one decimal, interpolated linearly between the two nearest times."""
    ordered = sorted(seconds)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return rounded((ordered[below] + (ordered[above] - ordered[below]) * (place - below)) / _DAY, 1)


def rounded(value: Decimal, decimals: int) -> int | float:
    """The number with so many decimals, halves away from zero."""
    exact = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return int(exact) if exact == exact.to_integral_value() else float(exact)
