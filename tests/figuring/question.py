"""A question for figures: what the tool is asked, and what that means in the demo portal's database."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from figuring.tables import Column, Table

Bucket = Literal["day", "week", "month", "quarter", "year"]
Function = Literal["count", "sum", "avg", "min", "max"]
Compare = Literal["previous", "year_ago"]
MOSCOW = ZoneInfo("Europe/Moscow")


@dataclass(frozen=True)
class Narrowing:
    """One condition: its entry of `filter`, and the same in SQL."""

    name: str
    written: Any
    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Period:
    """The days of one column from `first` to before `after`; `written` is how the filter says so."""

    column: Column
    first: date
    after: date
    written: Any

    def narrowing(self, zone: tzinfo) -> Narrowing:
        lower, upper = (
            (self.first.isoformat(), self.after.isoformat())
            if self.column.kind == "day"
            else (_utc(self.first, zone), _utc(self.after, zone))
        )
        name = f'"{self.column.name}"'
        return Narrowing(self.column.name, self.written, f"{name} >= ? and {name} < ?", (lower, upper))

    def earlier(self, compare: Compare) -> "Period":
        """The period before it: whole months go back by months, everything else by days; or the same a year ago."""
        if compare == "year_ago":
            last = self.after - timedelta(days=1)
            whole = self.after.day == 1
            after = _months_on(self.after, -12) if whole else _months_on(last, -12) + timedelta(days=1)
            return replace(self, first=_months_on(self.first, -12), after=after)
        if self.first.day == self.after.day == 1:
            months = (self.after.year - self.first.year) * 12 + self.after.month - self.first.month
            return replace(self, first=_months_on(self.first, -months), after=self.first)
        return replace(self, first=self.first - (self.after - self.first), after=self.first)


@dataclass(frozen=True)
class Question:
    """A question for figures; `arguments` is what the tool is asked."""

    table: Table
    measures: tuple[tuple[Function, str], ...] = ()
    groups: tuple[tuple[str, Bucket | None], ...] = ()
    narrowings: tuple[Narrowing, ...] = ()
    period: Period | None = None
    compare: Compare | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    having: tuple[str, str, float] | None = None
    limit: int = 500
    zone: ZoneInfo = MOSCOW

    def arguments(self) -> dict[str, Any]:
        written = {each.name: each.written for each in self.narrowings}
        if self.period:
            written[self.period.column.name] = self.period.written
        asked: dict[str, Any] = {"entity": self.table.entity, "filter": written, "limit": self.limit}
        if self.measures:
            asked["measures"] = [{"function": function, "field": name} for function, name in self.measures]
        if self.groups:
            asked["group_by"] = [f"{name}:{bucket}" if bucket else name for name, bucket in self.groups]
        if self.compare:
            asked["compare"] = self.compare
        if self.sort:
            asked["sort"] = [f"-{name}" if descending else name for name, descending in self.sort]
        if self.having:
            name, operator, bound = self.having
            asked["having"] = {name: {operator: bound}}
        return asked

    @property
    def split(self) -> str:
        """The column whose currency tells the rows of money apart; empty without money."""
        for function, name in self.measures:
            column = self.table.by_name[name]
            if function != "count" and (column.currency or column.kind == "money"):
                return column.currency or column.name
        currencies = {column.currency for column in self.table.columns}
        return next((name for name, _ in self.groups if name in currencies), "")


def _utc(day: date, zone: tzinfo) -> str:
    """The moment a day begins, as the database keeps it."""
    began = datetime.combine(day, datetime.min.time(), zone).astimezone(ZoneInfo("UTC"))
    return began.strftime("%Y-%m-%dT%H:%M:%SZ")


def _months_on(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    last = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))
