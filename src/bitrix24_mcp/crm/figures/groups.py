"""What figures are grouped by: fields, and periods of dates such as `createdAt:month`."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Any, Literal, cast, get_args

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.errors import InvalidArguments, nearest, quoted
from bitrix24_mcp.crm.fields import NUMERIC, Fields
from bitrix24_mcp.crm.figures.measures import unexpected_value
from bitrix24_mcp.crm.portal_values import Condition

Bucket = Literal["day", "week", "month", "quarter", "year"]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)
GROUPS_AT_MOST = 5
"""Fields to group by in one question (docs/entity-api, aggregation)."""


@dataclass(frozen=True, slots=True)
class Group:
    """A field to group by; `bucket` is the period that its dates are gathered into."""

    field: str
    bucket: Bucket | None = None

    @property
    def column(self) -> str:
        """The key's name in a row: `stageId`, `createdAt_month`."""
        return f"{self.field}_{self.bucket}" if self.bucket else self.field


def resolve_groups(asked: Sequence[str], fields: Fields) -> tuple[Group, ...]:
    """The groups with canonical field names.

    Raises InvalidArguments for more than five, a repeated one, an unknown period, or moments without a period.
    """
    if len(asked) > GROUPS_AT_MOST:
        raise InvalidArguments(
            f"{len(asked)} fields to group by are too many.",
            advice=f"Use {GROUPS_AT_MOST} at most.",
            code="TOO_MANY_GROUPS",
        )
    groups = tuple(_group(written, fields) for written in asked)
    if len(set(groups)) < len(groups):
        raise InvalidArguments("group_by names a field twice.", advice="Name each field once.", code="INVALID_GROUP_BY")
    return groups


def _group(written: str, fields: Fields) -> Group:
    name, bucket = _parts(written, fields)
    field = fields.resolve(name.strip())
    kind = fields.kind(field)
    dated = kind in {"date", "datetime"} and not fields[field].multiple
    if bucket and not dated:
        raise InvalidArguments(
            f"{field} holds no dates, so there is no {bucket.strip()[:20]} to group by.",
            advice=f"Group by {field} itself.",
            code="INVALID_GROUP_BY",
            candidates=[field],
        )
    if fields.has_parts(field):
        raise _nested(field)
    word = bucket.strip().casefold()
    if (bucket and word not in BUCKETS) or (not bucket and dated and kind == "datetime"):
        offered = [f"{field}:{each}" for each in (nearest(word, BUCKETS, 2) if bucket else ())]
        offered = offered or [f"{field}:{each}" for each in BUCKETS]
        raise InvalidArguments(
            f"There is no period “{word[:20]}”." if bucket else f"{field} holds moments, each a group of its own.",
            advice=f"Group by {quoted(offered)}.",
            code="INVALID_GROUP_BY",
            candidates=offered,
        )
    return Group(field, cast("Bucket", word) if bucket else None)


def _parts(written: str, fields: Fields) -> tuple[str, str]:
    """The field and the period; the name of the row's own column is taken as well."""
    if ":" in written and written not in fields:
        name, _, bucket = written.rpartition(":")
        return name, bucket
    name, _, bucket = written.rpartition("_")
    return (name, bucket) if name in fields and bucket in BUCKETS else (written, "")


def _nested(what: str = "The field to group by") -> InvalidArguments:
    return InvalidArguments(
        f"{what} holds values of several parts, which make no groups.",
        advice="Group by another field.",
        code="INVALID_GROUP_BY",
    )


def key_reader(group: Group, fields: Fields, zone: tzinfo) -> Callable[[Any], Hashable]:
    """A function from a stored value to its group's key: a canonical value, or the period's label; None when empty."""
    kind, link = fields.kind(group.field), fields.kind(group.field) == "link"
    numeric = kind in NUMERIC or kind in {"user", "funnel", "link"}

    def read(value: Any) -> Hashable:
        if isinstance(value, list):
            return tuple(_scalar(each, numeric=numeric) for each in cast("list[Any]", value)) or None
        key = _scalar(value, numeric=numeric)
        return None if link and key == 0 else key  # links that are not set come as 0 or null (docs/entities/deals)

    def read_day(value: Any) -> Hashable:
        return None if value in (None, "") else str(value)[:10]

    def read_bucket(value: Any) -> Hashable:
        day = _day(value, zone if kind == "datetime" else None)
        return label(day, group.bucket) if day and group.bucket else None

    if group.bucket:
        return read_bucket
    return read_day if kind == "date" else read


def label(day: date, bucket: Bucket) -> str:
    """The period that a day lies in: `2026-07-15`, `2026-W29` (ISO 8601 weeks), `2026-07`, `2026-Q3`, `2026`."""
    match bucket:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year:04}-W{week:02}"
        case "month":
            return f"{day.year:04}-{day.month:02}"
        case "quarter":
            return f"{day.year:04}-Q{(day.month + 2) // 3}"
        case "year":
            return f"{day.year:04}"


def labels_between(first: date, after: date, bucket: Bucket, most: int) -> list[str]:
    """The periods that touch the days from `first` to before `after`, in order; none if there are more than `most`."""
    found: list[str] = []
    day = first
    while day < after:
        if len(found) == most or day.year == date.max.year:
            return []
        found.append(label(day, bucket))
        day = days_of(found[-1], bucket)[1]
    return found


def days_of(name: str, bucket: Bucket) -> tuple[date, date]:
    """The first day of a period and the day after its last."""
    match bucket:
        case "day":
            first = date.fromisoformat(name)
            return first, first + timedelta(days=1)
        case "week":
            first = date.fromisocalendar(int(name[:4]), int(name[6:]), 1)
            return first, first + timedelta(days=7)
        case "month":
            return _months(int(name[:4]), int(name[5:]), 1)
        case "quarter":
            return _months(int(name[:4]), 3 * int(name[6:]) - 2, 3)
        case "year":
            return _months(int(name), 1, 12)


def conditions_of(group: Group, key: Hashable, fields: Fields, zone: tzinfo) -> list[Condition] | None:
    """The conditions that list a group's records; None where the portal has no filter for them, as for empty values."""
    if key is None or isinstance(key, tuple):
        return None
    if group.bucket is None:
        return [Condition(group.field, "eq", cast("Any", key))]
    if str(key).startswith(str(date.max.year)):  # there is no day after its end
        return None
    first, after = days_of(str(key), group.bucket)
    if fields.kind(group.field) == "date":
        last = after - timedelta(days=1)
        return [Condition(group.field, "gte", first.isoformat()), Condition(group.field, "lte", last.isoformat())]
    try:
        lower, upper = dates.start_of(first, zone), dates.start_of(after, zone)
    except InvalidArguments:  # at the beginning of the calendar
        return None
    return [Condition(group.field, "gte", lower), Condition(group.field, "lt", upper)]


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    following = year * 12 + month - 1 + count
    return date(year, month, 1), date(following // 12, following % 12 + 1, 1)


def _day(value: Any, zone: tzinfo | None) -> date | None:
    """The day of a stored date; of a moment its day in the zone."""
    if value in (None, ""):
        return None
    moment = dates.parse_moment(str(value), zone) if zone else None
    if moment is None:
        if zone is None and (day := dates.parse_day(str(value)[:10])):
            return day
        raise unexpected_value("a date")
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # at the ends of the calendar
        return moment.date()


def _scalar(value: Any, *, numeric: bool) -> Hashable:
    if value in (None, "", [], {}):
        return None
    if isinstance(value, list | dict):
        raise _nested()
    if isinstance(value, str) and numeric:
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if number.is_integer() else number
    return cast("Hashable", value)
