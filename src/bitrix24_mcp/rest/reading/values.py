"""Single values on their way from REST and to it: the dialects' texts and letters, as the CRM keeps them.

REST writes numbers as texts in some places, truth as Y and N, days as moments at midnight, and nothing as null, an
empty text, an empty list or `false` (docs: api-reference/crm/data-types).
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time, tzinfo
from typing import Any, Literal, cast

from bitrix24_mcp.crm.portal_values import Scalar

Form = Literal["plain", "text", "number", "flag", "bit", "day", "moment", "multifield"]
"""How a field keeps its values.

`plain`: as it is; `text`: a text, also where REST sends a number; `number`: a number, also where it sends a text;
`flag`: truth as Y and N; `bit`: truth that filters take as 1 and 0; `day`: a day, also where it is written as a
moment; `moment`: ISO text with an offset; `multifield`: phones and the like.
"""
_TRUE = frozenset({"Y", "1", "TRUE"})
_FALSE = frozenset({"N", "0", "FALSE"})
_FULL_DAY = 10
"""Characters of `2026-07-01`."""


def read(value: Any, form: Form) -> Any:
    """A single value as the CRM keeps it; None where there is none."""
    if form == "plain":
        return value
    if value is None or value in ("", [], {}):
        return None
    match form:
        case "number":
            return number(value)
        case "flag" | "bit":
            return flag(value)
        case "day":
            return _day(str(value))
        case _:
            return None if value is False else str(value)


def read_several(value: Any, form: Form) -> list[Any]:
    """The values of a field that holds several; PHP writes some lists as maps and an empty one as `false`."""
    if value is None or value is False or value == "":
        return []
    if isinstance(value, dict):
        value = list(cast("Mapping[str, Any]", value).values())
    several = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [read(each, form) for each in several]


def number(value: Any) -> int | float | str | None:
    """A number that may come as text; a text that is none stays as it is."""
    if isinstance(value, bool):
        return int(value) if value else None
    if isinstance(value, str):
        with suppress(ValueError):
            value = int(value) if value.lstrip("+-").isdecimal() else float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def flag(value: Any) -> bool | None:
    """Truth in any of its spellings; None where it is none."""
    word = str(value).upper()
    return True if word in _TRUE else False if word in _FALSE else None


def written(value: Scalar, form: Form, offset: tzinfo | None, *, plain: bool = False) -> Scalar:
    """A value of a condition as filters take it. Moments get the portal's own offset; without one they are UTC.

    `plain`: as text in the portal's own time, without an offset.
    """
    if isinstance(value, bool):
        return int(value) if form == "bit" else "Y" if value else "N"
    if form == "moment" and isinstance(value, str):
        return _moment(value, offset, plain=plain)
    return value


def between_seconds(value: Scalar, form: Form) -> bool:
    """Whether a value is a moment with a fraction of a second, which no record has."""
    if form != "moment" or not isinstance(value, str):
        return False
    with suppress(ValueError):
        return bool(datetime.fromisoformat(value).microsecond)
    return False


def _day(text: str) -> str:
    """The day of a date; as a moment it is midnight of the day in UTC, printed in the portal's offset, or there.

    `2024-04-19T03:00:00+03:00` is the 19th, and so is `2024-04-18T19:00:00-05:00`.
    """
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and moment.astimezone(UTC).time() == time():
            return moment.astimezone(UTC).date().isoformat()
    return text[:_FULL_DAY]


def _moment(text: str, offset: tzinfo | None, *, plain: bool) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is not None:
        moment = moment.astimezone(offset or UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}" if plain else moment.isoformat(timespec="seconds")
