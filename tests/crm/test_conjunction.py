"""Conditions that hold together become at most one of each sort per field, and nothing is lost on the way."""

from typing import Any

import pytest

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.filters.conjunction import as_filter, conjoin
from bitrix24_mcp.crm.filters.syntax import Term, parse_filter
from bitrix24_mcp.crm.portal_values import Condition, Operator

One = tuple[Operator, Any]


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (("eq", 1), ("eq", 1), ("eq", 1)),
        (("eq", 1), ("in", (1, 2)), ("eq", 1)),
        (("in", (1, 2, 3)), ("in", (3, 2, 9)), ("in", (2, 3))),
        (("ne", 1), ("ne", 1), ("ne", 1)),
        (("ne", 1), ("ne", 2), ("nin", (1, 2))),
        (("nin", (1, 2)), ("nin", (2, 3)), ("nin", (1, 2, 3))),
        (("gt", 5), ("gt", 7), ("gt", 7)),
        (("gt", 7), ("gte", 5), ("gt", 7)),
        (("gte", 7), ("gt", 7), ("gt", 7)),
        (("gt", 7), ("gte", 7.0), ("gt", 7)),
        (("lt", 5), ("lt", 7), ("lt", 5)),
        (("lte", 5), ("lt", 5), ("lt", 5)),
        (("lte", -5), ("lte", 5), ("lte", -5)),
        (("gte", "2026-07-01"), ("gt", "2026-06-30"), ("gte", "2026-07-01")),
        (
            ("gte", "2026-07-01T00:00:00+03:00"),
            ("gte", "2026-06-30T22:00:00+00:00"),
            ("gte", "2026-06-30T22:00:00+00:00"),
        ),
        (("contains", "x"), ("contains", "x"), ("contains", "x")),
    ],
    ids=str,
)
def test_two_conditions_of_one_sort_become_one(first: One, second: One, joined: One) -> None:
    assert conjoin([Condition("f", *first), Condition("f", *second)]) == (Condition("f", *joined),)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (("eq", 1), ("eq", 2), "contradict each other: no record can match"),
        (("in", (1, 2)), ("eq", 3), "contradict each other: no record can match"),
        (("contains", "x"), ("contains", "y"), "ask for two texts at once, which the portal cannot"),
        (("gt", "B"), ("gt", "C"), "hold two bounds in the same direction"),
        (("gt", 5), ("gt", "2026-07-01"), "hold two bounds that cannot be compared"),
        (("gt", "2026-07-01"), ("gte", "2026-07-01T00:00:00+03:00"), "hold two bounds that cannot be compared"),
    ],
    ids=str,
)
def test_what_cannot_become_one_is_refused(first: One, second: One, why: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        conjoin([Condition("f", *first), Condition("f", *second)])

    assert (refused.value.message, refused.value.code) == (f"The conditions on f {why}.", "INVALID_FILTER")


def test_conditions_of_other_fields_or_sorts_stay_as_they_are() -> None:
    apart = (
        Condition("f", "gt", 1),
        Condition("f", "lt", 9),
        Condition("f", "ne", 5),
        Condition("f", "in", (2, 3)),
        Condition("g", "gt", 1),
        Condition("g", "contains", "x"),
    )

    assert conjoin(apart) == apart


@pytest.mark.parametrize(
    ("conditions", "written"),
    [
        ([], {}),
        ([Condition("f", "eq", "NEW")], {"f": "NEW"}),
        ([Condition("f", "eq", value=False)], {"f": False}),
        ([Condition("f", "in", ("A", "B"))], {"f": {"$in": ["A", "B"]}}),
        ([Condition("f", "nin", (1,))], {"f": {"$nin": [1]}}),
        ([Condition("f", "contains", "x")], {"f": {"$contains": "x"}}),
        ([Condition("f", "gte", 1), Condition("f", "lt", 9)], {"f": {"$gte": 1, "$lt": 9}}),
        ([Condition("f", "eq", 5), Condition("f", "gt", 1)], {"f": {"$in": [5], "$gt": 1}}),
        ([Condition("f", "ne", 1), Condition("g", "lte", 2)], {"f": {"$ne": 1}, "g": {"$lte": 2}}),
    ],
    ids=str,
)
def test_a_filter_is_written_in_the_gateways_dollar_form(conditions: list[Condition], written: dict[str, Any]) -> None:
    assert as_filter(conditions) == written


def test_what_was_written_reads_back_as_the_same_conditions() -> None:
    conditions = conjoin(
        [
            Condition("a", "eq", "NEW"),
            Condition("b", "in", (1, 2)),
            Condition("c", "gte", 1),
            Condition("c", "lt", 9),
            Condition("c", "ne", 5),
            Condition("d", "nin", ("x", "y")),
            Condition("e", "contains", "x"),
        ]
    )

    assert [_condition(term) for term in parse_filter(as_filter(conditions))] == list(conditions)


def _condition(term: Term) -> Condition:
    return Condition(term.name, term.operator, tuple(term.values) if term.several else term.value)
