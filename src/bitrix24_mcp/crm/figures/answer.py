"""From figures to the rows of an answer: compared, chosen, ordered, and what has to be said of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bitrix24_mcp.crm.figures import comparison
from bitrix24_mcp.crm.figures.cells import Cell, Key
from bitrix24_mcp.crm.figures.comparison import Period
from bitrix24_mcp.crm.figures.measures import currency_source
from bitrix24_mcp.crm.figures.order import Row, holds, ordered
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.figures.routes import Computed
from bitrix24_mcp.crm.figures.rows import figure_columns, figures_of, filter_of, key_columns, keys_of, row_of
from bitrix24_mcp.crm.filters.syntax import Term
from bitrix24_mcp.crm.reading.steadiness import incomplete

EARLIER = "_previous"
_CHANGE = "_change_percent"


@dataclass(frozen=True, slots=True)
class Asked:
    """The question against the portal: the plan, the order and conditions of its rows, the period compared with."""

    plan: Plan
    sort: list[tuple[str, bool]]
    having: list[Term]
    row_filters: bool = False
    period: Period | None = None
    earlier: Period | None = None

    @property
    def before(self) -> Plan | None:
        """The plan for the period compared with; None when nothing is compared."""
        if self.earlier is None:
            return None
        fields, zone = self.plan.fields, self.plan.zone
        return replace(self.plan, conditions=comparison.in_period(self.plan.conditions, self.earlier, fields, zone))

    @property
    def plans(self) -> list[Plan]:
        """The plan, and the one compared with."""
        return [self.plan, self.before] if self.before else [self.plan]

    @staticmethod
    def columns_of(plan: Plan, *, compared: bool) -> list[str]:
        """The columns of the rows, by which they can be sorted and chosen."""
        figures = figure_columns(plan)
        more = [f"{name}{end}" for name in figures for end in (EARLIER, _CHANGE)] if compared else []
        return [*key_columns(plan), *figures, *more]


def figure_rows(asked: Asked, now: Computed, before: Computed | None) -> list[Row]:
    """All rows that `having` leaves, in order."""
    keys = dict.fromkeys(keys_of(now.value, asked.plan))
    if before:
        keys |= dict.fromkeys(keys_of(before.value, asked.plan))
    rows = [_row(key, asked, now, before) for key in keys]
    chosen = [row for row in rows if holds(row, asked.having)]
    return ordered(chosen, key_columns(asked.plan), asked.sort)


def notes_on(asked: Asked, now: Computed, before: Computed | None, rows: Sequence[Row], shown: int) -> list[str]:
    """What a reader has to know about the rows: doubts first, then what is not shown."""
    notes = [
        incomplete(f"{of_what}{each.doubt}")
        for each, of_what in ((now, ""), (before, "of the period compared with, "))
        if each and each.doubt
    ]
    if now.total == 0 and not (asked.plan.counts_only and not asked.plan.groups):
        notes.append("No record matches.")
    notes += [
        f"{group.field} holds several values: each combination of them is a group of its own."
        for group in asked.plan.groups
        if asked.plan.fields[group.field].multiple
    ]
    notes += _of_how_many(asked, now)
    if asked.having:
        notes.append(f"having leaves {len(rows):,} of the rows, with {sum(row['count'] for row in rows):,} records.")
    if _orders_money(asked) and len({row.get("currency") for row in rows}) > 1:
        notes.append("Amounts of different currencies are ordered by their number alone.")
    if hidden := rows[shown:]:
        which = "rows with the most records" if not asked.sort else "rows, in this order"
        rest = sum(row["count"] for row in hidden)
        notes.append(
            f"Shown are the {shown} of {len(rows)} {which}; the other {len(hidden)} hold {rest:,} records."
            f"{_other_order(asked)}"
        )
    return notes


def _of_how_many(asked: Asked, now: Computed) -> list[str]:
    """Of which records an average is, where others have no value; money user fields give those a row of their own."""
    averages = [
        measure.field
        for measure in asked.plan.measures
        if measure.function == "avg" and asked.plan.fields.kind(measure.field) != "money"
    ]
    cells = now.value.cells.values()
    filled = {name: sum(cell.tally(name).filled for cell in cells) for name in averages}
    return [
        f"avg_{name} is of the {count:,} records that have a value, not of all {now.total:,}."
        for name, count in filled.items()
        if count < now.total
    ]


def _other_order(asked: Asked) -> str:
    """Which order was perhaps meant, where none was asked for."""
    periods = [group.column for group in asked.plan.groups if group.bucket]
    figures = figure_columns(asked.plan)[1:]
    if asked.sort or not (periods or figures):
        return ""
    return f" For the {'latest' if periods else 'largest figures'} sort by “-{(periods or figures)[0]}”."


def _row(key: Key, asked: Asked, now: Computed, before: Computed | None) -> Row:
    plan = asked.plan
    row = row_of(key, now.value.cells.get(key, Cell()), plan)
    if before:
        earlier = figures_of(before.value.cells.get(key, Cell()), plan)
        for name, value in earlier.items():
            row[f"{name}{EARLIER}"] = value
            row[f"{name}{_CHANGE}"] = _change(row[name], value)
    if asked.row_filters and (own := filter_of(key, plan)) is not None:
        row["filter"] = own
    return row


def _change(now: Any, before: Any) -> float | None:
    """By how many percent a figure grew; None where there was nothing to grow from."""
    if not isinstance(now, int | float) or not isinstance(before, int | float) or before == 0:
        return None
    return round((now - before) / abs(before) * 100, 1)


def _orders_money(asked: Asked) -> bool:
    money = {measure.column for measure in asked.plan.measures if currency_source(measure, asked.plan.fields)}
    return any(column.removesuffix(EARLIER).removesuffix(_CHANGE) in money for column, _ in asked.sort)
