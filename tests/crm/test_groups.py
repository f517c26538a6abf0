"""What figures are grouped by: periods and their days, keys of stored values."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.figures.groups import Bucket, Group, conditions_of, days_of, key_reader, label, labels_between
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo

BERLIN = ZoneInfo("Europe/Berlin")
FIELDS = Fields(
    BY_NAME["deals"],
    [
        FieldInfo("createdAt", "datetime"),
        FieldInfo("closedAt", "date"),
        FieldInfo("companyId", "integer"),
        FieldInfo("title", "string"),
        FieldInfo("UF_CRM_1", "enumeration", multiple=True),
    ],
)


@pytest.mark.parametrize(
    ("day", "bucket", "name", "first", "after"),
    [
        ("2026-07-15", "day", "2026-07-15", "2026-07-15", "2026-07-16"),
        ("2026-12-31", "day", "2026-12-31", "2026-12-31", "2027-01-01"),
        ("2026-07-15", "week", "2026-W29", "2026-07-13", "2026-07-20"),
        ("2021-01-03", "week", "2020-W53", "2020-12-28", "2021-01-04"),
        ("2024-12-30", "week", "2025-W01", "2024-12-30", "2025-01-06"),
        ("2024-02-29", "month", "2024-02", "2024-02-01", "2024-03-01"),
        ("2026-12-01", "month", "2026-12", "2026-12-01", "2027-01-01"),
        ("2026-11-30", "quarter", "2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-03-31", "quarter", "2026-Q1", "2026-01-01", "2026-04-01"),
        ("2026-03-31", "year", "2026", "2026-01-01", "2027-01-01"),
    ],
)
def test_a_day_lies_in_the_period_that_its_label_names(
    day: str, bucket: Bucket, name: str, first: str, after: str
) -> None:
    assert label(date.fromisoformat(day), bucket) == name
    assert days_of(name, bucket) == (date.fromisoformat(first), date.fromisoformat(after))


def test_the_periods_of_a_range_are_those_that_it_touches() -> None:
    found = labels_between(date(2026, 1, 31), date(2026, 4, 1), "month", 10)

    assert found == ["2026-01", "2026-02", "2026-03"]
    assert labels_between(date(2026, 1, 31), date(2026, 4, 2), "month", 3) == []


def test_a_period_that_has_no_end_is_not_counted_alone() -> None:
    assert labels_between(date(9999, 1, 1), date(9999, 12, 31), "year", 10) == []
    assert conditions_of(Group("createdAt", "year"), "9999", FIELDS, BERLIN) is None


@pytest.mark.parametrize(
    ("group", "value", "key"),
    [
        (Group("createdAt", "day"), "2026-03-28T22:59:59.000Z", "2026-03-28"),
        (Group("createdAt", "day"), "2026-03-28T23:00:00.000Z", "2026-03-29"),
        (Group("createdAt", "day"), "2026-03-29T22:00:00.000Z", "2026-03-30"),
        (Group("createdAt", "month"), "2026-10-31T23:30:00+01:00", "2026-10"),
        (Group("createdAt", "month"), None, None),
        (Group("closedAt"), "2026-07-24T00:00:00.000Z", "2026-07-24"),
        (Group("closedAt", "month"), "2026-07-24T00:00:00.000Z", "2026-07"),
        (Group("closedAt", "month"), "", None),
        (Group("companyId"), 0, None),
        (Group("companyId"), "15", 15),
        (Group("title"), "", None),
        (Group("title"), "15", "15"),
        (Group("UF_CRM_1"), ["2", "5"], ("2", "5")),
        (Group("UF_CRM_1"), [], None),
    ],
)
def test_stored_values_that_mean_the_same_have_one_key(group: Group, value: Any, key: Any) -> None:
    assert key_reader(group, FIELDS, BERLIN)(value) == key


def test_the_conditions_of_a_period_follow_the_clocks() -> None:
    assert conditions_of(Group("createdAt", "day"), "2026-03-29", FIELDS, BERLIN) == [
        Condition("createdAt", "gte", "2026-03-29T00:00:00+01:00"),
        Condition("createdAt", "lt", "2026-03-30T00:00:00+02:00"),
    ]
    assert conditions_of(Group("closedAt", "quarter"), "2026-Q3", FIELDS, BERLIN) == [
        Condition("closedAt", "gte", "2026-07-01"),
        Condition("closedAt", "lte", "2026-09-30"),
    ]
    assert conditions_of(Group("title"), None, FIELDS, BERLIN) is None
