"""A value as written becomes the value as the portal stores it, or an error that says what belongs there."""

import math
import re
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Kind
from bitrix24_mcp.crm.portal_values import Scalar

_YES = {"true", "y", "yes", "1"}
_NO = {"false", "n", "no", "0"}
_WHOLE = re.compile(r"[+-]?\d{1,19}")
_MONEY = re.compile(r"-?\d{1,15}(?:\.\d{1,4})?\|[A-Z]{3}")
"""How a money user field is stored (docs/entity-api); an amount alone would match nothing."""
_LARGEST = 2**63
"""No field of the portal holds more, and no request can carry much more."""


def scalar(name: str, kind: Kind, written: Any) -> Scalar:
    """One value for a field of any kind but dates and closed lists.

    Raises InvalidArguments for null, a nested value, or a value of another type.
    """
    if written is None or written == "":
        raise empty(name)
    if isinstance(written, list | dict):
        raise _wrong(name, "a single value", written)
    if kind == "money" and not _MONEY.fullmatch(str(written)):
        raise _wrong(name, "an amount with its currency, such as 1500|RUB", written)
    match kind:
        case "boolean":
            return _boolean(name, written)
        case "integer" | "user" | "funnel":
            return _integer(name, kind, written)
        case "number":
            return _number(name, written)
        case "string" | "money" | "stage" | "status" | "list" | "currency" | "owner type":
            return _text(name, written)
        case _:
            return (
                _number(name, written)
                if isinstance(written, int | float) and not isinstance(written, bool)
                else written
            )


def _boolean(name: str, written: Any) -> bool:
    word = str(written).casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise _wrong(name, "true or false", written)


def _integer(name: str, kind: Kind, written: Any) -> int:
    wanted = "a user id" if kind == "user" else "a whole number"
    try:
        number = _number(name, written)
    except InvalidArguments:
        raise _wrong(name, wanted, written) from None
    if not isinstance(number, int):
        raise _wrong(name, wanted, written)
    return number


def _number(name: str, written: Any) -> int | float:
    if isinstance(written, bool):
        raise _wrong(name, "a number", written)
    try:
        number = int(written) if isinstance(written, int | str) and _WHOLE.fullmatch(str(written)) else float(written)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, "a number", written) from None
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise _wrong(name, "a number", written)
    return int(number) if number == int(number) else number


def _text(name: str, written: Any) -> str:
    if isinstance(written, bool):
        raise _wrong(name, "a text", written)
    return str(written)


def empty(name: str) -> InvalidArguments:
    """The error for a condition without a value."""
    return InvalidArguments(
        f"The condition on {name} has an empty value.",
        advice="The portal documents no filter for empty fields; leave the condition out, or use 0 for a link "
        "that is not set.",
        code="INVALID_VALUE",
    )


def _wrong(name: str, wanted: str, written: Any) -> InvalidArguments:
    shown = "something else"
    if isinstance(written, str | float) or (isinstance(written, int) and abs(written) < 10**40):
        shown = f"“{str(written)[:40]}”"
    by_id = wanted == "a user id"
    return InvalidArguments(
        f"{name} takes {wanted}, not {shown}.",
        advice='Find the id with search_items, such as {"entity": "users", "filter": {"lastName": "…"}}.'
        if by_id
        else f"Write {wanted} and ask again.",
        code="INVALID_VALUE",
        next_call={"tool": "search_items", "arguments": {"entity": "users", "filter": {"lastName": str(written)[:60]}}}
        if by_id and isinstance(written, str)
        else None,
    )
