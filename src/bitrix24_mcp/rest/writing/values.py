"""Values on their way into records: as fields keep them, in the forms that add and update methods take.

They take truth as Y and N, of user fields as 1 and 0, moments with an offset, and nothing as an empty text; links and
numbers of the portal's own are emptied by 0 (docs: crm/universal/object-fields).
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, cast

from bitrix24_mcp.rest.items.names import is_user_field
from bitrix24_mcp.rest.reading.dialects import Column
from bitrix24_mcp.rest.reading.values import read, written

_EMPTIED_BY_TEXT = frozenset({"observers"})
"""Fields of several values that an empty list does not empty (crm.item.update)."""


def value_for(column: Column, value: Any, offset: tzinfo | None) -> Any:
    """A stored value as the field takes it; None, and nothing at all of several values, empties it."""
    if column.multiple:
        several = [_single(column, each, offset) for each in _listed(value)]
        return several or ("" if column.name in _EMPTIED_BY_TEXT else [])
    return _emptied(column) if value is None or value == "" else _single(column, value, offset)


def is_emptied(value: Any) -> bool:
    """Whether a stored value says that a field of several values is to be emptied."""
    return not _listed(value)


def _listed(value: Any) -> Sequence[Any]:
    if value is None or value == "":
        return ()
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else (value,)


def _single(column: Column, value: Any, offset: tzinfo | None) -> Any:
    if column.form == "day" and isinstance(value, str):
        return read(value, "day")
    return written(value, column.form, offset) if isinstance(value, str | bool | int | float) else value


def _emptied(column: Column) -> Any:
    if is_user_field(column.name):
        return ""
    match column.form:
        case "number":
            return 0
        case "flag" | "bit":
            return "N"
        case _:
            return ""
