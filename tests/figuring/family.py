"""The family of questions: measures, groups, conditions, orders and comparisons over everything that records hold."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from hypothesis import strategies as st

from figuring.question import Bucket, Function, Narrowing, Period, Question
from figuring.tables import DEALS, TABLES, Column, Table

_BUCKETS: tuple[Bucket, ...] = ("day", "week", "month", "quarter", "year")
_TODAY = date(2026, 7, 15)
"""The demo portal's present day."""
_PERIODS: Mapping[str, tuple[date, date]] = {
    "2025": (date(2025, 1, 1), date(2026, 1, 1)),
    "2026-Q1": (date(2026, 1, 1), date(2026, 4, 1)),
    "2026-Q2": (date(2026, 4, 1), date(2026, 7, 1)),
    "2025-12": (date(2025, 12, 1), date(2026, 1, 1)),
    "2026-W28": (date(2026, 7, 6), date(2026, 7, 13)),
    "last_month": (date(2026, 6, 1), date(2026, 7, 1)),
    "this_quarter": (date(2026, 7, 1), date(2026, 10, 1)),
    "last_year": (date(2025, 1, 1), date(2026, 1, 1)),
    "yesterday": (date(2026, 7, 14), date(2026, 7, 15)),
    "-30d": (date(2026, 6, 15), date(2026, 7, 16)),
}


class Portal:
    """The values that a demo portal's records hold, to ask about."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.values = cache(self._values)

    def _values(self, table: Table, column: Column) -> list[Any]:
        """Values that occur, the most frequent first."""
        name = f'"{column.name}"'
        each = "json_each.value" if column.kind == "several" else name
        source = f'"{table.name}"' + (f", json_each({name})" if column.kind == "several" else "")
        text = (
            f"select {each} from {source} where {each} is not null and {each} <> '' group by 1 order by count(*) desc"
        )
        connection = sqlite3.connect(self.database)
        try:
            return [row[0] for row in connection.execute(f"{text}, 1 limit 60")]
        finally:
            connection.close()


@st.composite
def questions(draw: st.DrawFn, portal: Portal, tables: Sequence[Table] = ()) -> Question:
    """One question of the family; deals come up a third of the time."""
    table = draw(st.sampled_from(tables or [*TABLES, *[DEALS] * (len(TABLES) // 2)]))
    groups = draw(_groups(table))
    measures = draw(_measures(table, groups))
    narrowings = draw(_narrowings(portal, table))
    taken = {each.name for each in narrowings}
    period = draw(_period(table, taken)) if draw(st.booleans()) else None
    kept = [name for name, _ in groups if period and name == period.column.name]
    compare: Literal["previous", "year_ago"] | None = None
    if period and not kept and draw(st.integers(0, 2)) == 0:
        compare = draw(st.sampled_from(("previous", "year_ago")))
    asked = Question(table, measures, groups, narrowings, period, compare)
    return draw(_presented(asked))


@st.composite
def _presented(draw: st.DrawFn, asked: Question) -> Question:
    """The same with an order, a condition on figures, a limit."""
    figures = ["count", *(f"{function}_{name}" for function, name in asked.measures)]
    numbers = [
        "count",
        *(f"sum_{name}" for function, name in asked.measures if function == "sum"),
    ]
    keys = [f"{name}_{bucket}" if bucket else name for name, bucket in asked.groups]
    steps = draw(st.lists(st.sampled_from([*figures, *keys]), max_size=2, unique=True)) if keys else []
    sort = tuple((name, draw(st.booleans())) for name in steps)
    having = None
    if keys and draw(st.integers(0, 3)) == 0:
        having = (
            draw(st.sampled_from(numbers)),
            draw(st.sampled_from(("$gt", "$gte", "$lt", "$lte"))),
            draw(st.sampled_from((0, 1, 3, 25, 1_000, 250_000.5))),
        )
    limit = draw(st.sampled_from((1, 3, 20, 500, 500)))
    return Question(
        asked.table, asked.measures, asked.groups, asked.narrowings, asked.period, asked.compare, sort, having, limit
    )


@st.composite
def _groups(draw: st.DrawFn, table: Table) -> tuple[tuple[str, Bucket | None], ...]:
    chosen = draw(
        st.lists(
            st.sampled_from([column for column in table.columns if column.name != "id"]),
            max_size=3,
            unique_by=lambda column: column.name,
        )
    )
    return tuple(
        (column.name, draw(st.sampled_from(_BUCKETS)) if column.kind == "moment" or _bucketed(draw, column) else None)
        for column in chosen
    )


def _bucketed(draw: st.DrawFn, column: Column) -> bool:
    return column.kind == "day" and draw(st.booleans())


@st.composite
def _measures(
    draw: st.DrawFn, table: Table, groups: Sequence[tuple[str, Bucket | None]]
) -> tuple[tuple[Function, str], ...]:
    """Up to four; amounts of one currency column only, which is not another one than that grouped by."""
    found: dict[tuple[Function, str], None] = {}
    grouped = {name for name, _ in groups}
    currencies = {column.currency for column in table.columns if column.currency}
    source = next(iter(grouped & currencies), "")
    for _ in range(draw(st.integers(0, 4))):
        column = draw(st.sampled_from([*table.of("number", "money"), *table.columns]))
        function = draw(st.sampled_from(_functions(column)))
        own = column.name if column.kind == "money" else column.currency
        if function != "count" and own:
            if source and own != source:
                continue
            source = own
        found[function, column.name] = None
    return tuple(found)


def _functions(column: Column) -> tuple[Function, ...]:
    match column.kind:
        case "number" | "money":
            return ("sum", "avg", "min", "max", "count")
        case "day" | "moment":
            return ("min", "max", "count")
        case _:
            return ("count",)


@st.composite
def _narrowings(draw: st.DrawFn, portal: Portal, table: Table) -> tuple[Narrowing, ...]:
    columns = draw(
        st.lists(
            st.sampled_from([column for column in table.columns if column.kind not in {"day", "moment", "money"}]),
            max_size=3,
            unique_by=lambda column: column.name,
        )
    )
    found = (draw(_narrowing(portal, table, column)) for column in columns if portal.values(table, column))
    return tuple(found)


@st.composite
def _narrowing(draw: st.DrawFn, portal: Portal, table: Table, column: Column) -> Narrowing:
    values, name = portal.values(table, column), f'"{column.name}"'
    match column.kind:
        case "flag":
            value = draw(st.booleans())
            return Narrowing(column.name, value, f"{name} = ?", (int(value),))
        case "number":
            lower, upper = sorted((draw(st.sampled_from(values)), draw(st.sampled_from(values))))
            return Narrowing(
                column.name, {"$gte": lower, "$lte": upper}, f"{name} >= ? and {name} <= ?", (lower, upper)
            )
        case "text":
            part = str(draw(st.sampled_from(values)))[:6].upper()
            return Narrowing(column.name, {"$contains": part}, f"has({name}, ?)", (part,))
        case "several":
            value = draw(st.sampled_from(values))
            test = f"exists (select 1 from json_each({name}) where json_each.value = ?)"
            return Narrowing(column.name, value, test, (value,))
        case _:
            return draw(_among(column, values))


@st.composite
def _among(draw: st.DrawFn, column: Column, values: list[Any]) -> Narrowing:
    chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=12, unique=True))
    name, marks = f'"{column.name}"', ", ".join("?" * len(chosen))
    if draw(st.integers(0, 2)) == 0:
        test = f"{name} is null or {name} not in ({marks})"
        return Narrowing(column.name, {"$nin": chosen}, test, tuple(chosen))
    return Narrowing(column.name, {"$in": chosen}, f"{name} in ({marks})", tuple(chosen))


@st.composite
def _period(draw: st.DrawFn, table: Table, taken: set[str]) -> Period:
    column = draw(st.sampled_from([each for each in table.of("day", "moment") if each.name not in taken]))
    if draw(st.booleans()):
        word = draw(st.sampled_from(sorted(_PERIODS)))
        return Period(column, *_PERIODS[word], word)
    first = _TODAY - timedelta(days=draw(st.integers(0, 1_200)))
    last = first + timedelta(days=draw(st.sampled_from((0, 6, 30, 89, 364, 900))))
    return Period(column, first, last + timedelta(days=1), {"$between": [first.isoformat(), last.isoformat()]})
