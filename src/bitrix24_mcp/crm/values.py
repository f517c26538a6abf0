"""A value as written becomes the value as the portal stores it, or an error that says what belongs there."""

import math
from datetime import date, tzinfo
from typing import Any

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Kind
from bitrix24_mcp.crm.portal import Condition, Operator, Scalar

_YES = {"true", "y", "yes", "1"}
_NO = {"false", "n", "no", "0"}


def scalar(name: str, kind: Kind, written: Any) -> Scalar:
    """One value for a field of any kind but dates and closed lists.

    Raises InvalidArguments for null, a nested value, or a value of another type.
    """
    if written is None or written == "":
        raise InvalidArguments(
            f"The condition on {name} has an empty value.",
            advice="The portal documents no filter for empty fields; leave the condition out, or use 0 for a link "
            "that is not set.",
            code="INVALID_VALUE",
        )
    if isinstance(written, list | dict):
        raise _wrong(name, "a single value", written)
    match kind:
        case "boolean":
            return _boolean(name, written)
        case "integer" | "user" | "funnel":
            return _integer(name, kind, written)
        case "number":
            return _number(name, written)
        case "string" | "money" | "stage" | "status" | "list":
            return _text(name, written)
        case _:
            return written


def moments(name: str, operator: Operator, written: Any, zone: tzinfo) -> list[Condition]:
    """The conditions that a date or moment means for a field that holds moments.

    A bare date means that whole day in the portal's zone: equal to it is within it, above it is after its end.
    """
    text = written if isinstance(written, str) else ""
    if day := dates.parse_day(text):
        return _whole_day(name, operator, day, zone)
    moment = dates.parse_moment(text, zone)
    if moment is None:
        raise dates.invalid_date(written)
    return [Condition(name, operator, moment.isoformat(timespec="seconds"))]


def day(name: str, written: Any) -> str:
    """The ISO date for a field that holds days without a time."""
    if isinstance(written, str) and dates.parse_day(written):
        return written
    if isinstance(written, str) and "T" in written:
        raise InvalidArguments(
            f"{name} holds days without a time.",
            advice="Write the day alone, such as 2026-07-01.",
            code="INVALID_VALUE",
        )
    raise dates.invalid_date(written)


def _whole_day(name: str, operator: Operator, day: date, zone: tzinfo) -> list[Condition]:
    start = dates.start_of(day, zone)
    match operator:
        case "gte":
            return [Condition(name, "gte", start)]
        case "lt":
            return [Condition(name, "lt", start)]
        case "gt":
            return [Condition(name, "gte", dates.after(day, zone))]
        case "lte":
            return [Condition(name, "lt", dates.after(day, zone))]
        case "eq":
            return [Condition(name, "gte", start), Condition(name, "lt", dates.after(day, zone))]
        case _:
            raise InvalidArguments(
                f"{name} holds moments; the portal has no filter for “not that day” or for several days at once.",
                advice="Ask for a range with $gte and $lt, or once for each day.",
                code="UNSUPPORTED_FILTER",
            )


def _boolean(name: str, written: Any) -> bool:
    word = str(written).casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise _wrong(name, "true or false", written)


def _integer(name: str, kind: Kind, written: Any) -> int:
    number = _number(name, written) if not isinstance(written, bool) else None
    if number is None or not float(number).is_integer():
        raise _wrong(name, "a user id" if kind == "user" else "a whole number", written)
    return int(number)


def _number(name: str, written: Any) -> int | float:
    if isinstance(written, bool):
        raise _wrong(name, "a number", written)
    if isinstance(written, int):
        return written
    try:
        number = float(written)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, "a number", written) from None
    if not math.isfinite(number):
        raise _wrong(name, "a number", written)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _text(name: str, written: Any) -> str:
    if isinstance(written, bool):
        raise _wrong(name, "a text", written)
    return str(written)


def _wrong(name: str, wanted: str, written: Any) -> InvalidArguments:
    shown = f"“{str(written)[:40]}”" if isinstance(written, str | int | float) else "something else"
    return InvalidArguments(
        f"{name} takes {wanted}, not {shown}.", advice="Change the value and ask again.", code="INVALID_VALUE"
    )
