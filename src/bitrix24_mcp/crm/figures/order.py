"""Which rows of figures are wanted, and in which order: `sort` and `having` over the rows' own columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments, nearest, quoted
from bitrix24_mcp.crm.filters.syntax import Term, parse_filter
from bitrix24_mcp.crm.records.sorting import parse_sort

Row = dict[str, Any]


def resolve_order(raw: Any, columns: Sequence[str]) -> list[tuple[str, bool]]:
    """(column, descending) steps; raises InvalidArguments for a column that the rows do not have."""
    return [(_column(written, columns, "sort"), descending) for written, descending in parse_sort(raw)]


def resolve_having(raw: Mapping[str, Any] | None, columns: Sequence[str]) -> list[Term]:
    """Conditions on figures; raises InvalidArguments for an unknown column or a value that is no number."""
    terms = [Term(_column(term.name, columns, "having"), term.operator, term.value) for term in parse_filter(raw)]
    for term in terms:
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in term.values)
        if not numbers or term.operator == "contains":
            raise InvalidArguments(
                f"having compares {term.name} with numbers.",
                advice='Write {"count": {"$gte": 5}}; conditions on records belong into filter.',
                code="INVALID_VALUE",
            )
    return terms


def holds(row: Row, terms: Sequence[Term]) -> bool:
    """Whether a row meets all conditions; a figure that is not there meets only “not equal”."""
    return all(_holds(row.get(term.name), term) for term in terms)


def ordered(rows: Sequence[Row], keys: Sequence[str], steps: Sequence[tuple[str, bool]]) -> list[Row]:
    """The rows in the order asked for, then by count downwards, then by key; empty values stand last."""
    found = sorted(rows, key=lambda row: (-row["count"], *(_place(row.get(key)) for key in keys)))
    for column, descending in reversed(steps):
        found.sort(key=lambda row: _place(row.get(column)), reverse=descending)
        if descending:
            found.sort(key=lambda row: row.get(column) is None)
    return found


def _holds(value: Any, term: Term) -> bool:
    wanted = term.values
    match term.operator:
        case "eq" | "in":
            return value in wanted
        case "ne" | "nin":
            return value not in wanted
        case "gt":
            return value is not None and value > wanted[0]
        case "gte":
            return value is not None and value >= wanted[0]
        case "lt":
            return value is not None and value < wanted[0]
        case _:
            return value is not None and value <= wanted[0]


def _place(key: Any) -> tuple[int, float, str]:
    """Numbers by size, then texts, then the empty key."""
    if key is None:
        return (2, 0, "")
    return (0, key, "") if isinstance(key, int | float) else (1, 0, str(key))


def _column(written: str, columns: Sequence[str], where: str) -> str:
    folded = {column.casefold(): column for column in columns}
    if found := folded.get(written.strip().casefold().replace(":", "_")):
        return found
    near = nearest(written, list(columns), 3)
    raise InvalidArguments(
        f"The rows have no column “{written[:60]}” for {where}.",
        advice=f"They have {quoted(list(columns))}; a measure gives one, such as sum_amount.",
        code="UNKNOWN_COLUMN",
        candidates=near or list(columns)[:8],
    )
