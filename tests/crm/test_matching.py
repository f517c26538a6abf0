"""Conditions and orders applied here mean what they mean on the portal."""

from typing import Any

import pytest

from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.matching import in_order, matches
from bitrix24_mcp.crm.portal_values import Condition, Operator, Sort

NOON = "2026-07-17T12:00:00+03:00"
TOLD_APART: list[tuple[str, Any, list[tuple[Operator, Any]], list[tuple[Operator, Any]]]] = [
    (
        "amount",
        "100.0",
        [("eq", 100), ("in", (1, 100)), ("ne", 99), ("gt", 99.5), ("gte", 100), ("lt", 101), ("lte", 100)],
        [("eq", 10), ("in", (1, 10)), ("ne", 100), ("nin", (100,)), ("gt", 100), ("lt", 100), ("gte", 101)],
    ),
    (
        "createdAt",
        NOON,
        [("eq", "2026-07-17T09:00:00Z"), ("gte", NOON), ("lt", "2026-07-17T12:00:01+03:00"), ("ne", "2026-07-17T12Z")],
        [("eq", "2026-07-17T12:00:00Z"), ("gt", "2026-07-17T09:00:00Z"), ("lt", NOON), ("ne", "2026-07-17T09:00Z")],
    ),
    (
        "closedAt",
        "2026-07-17",
        [("eq", "2026-07-17"), ("lte", "2026-07-17"), ("gt", "2026-07-16")],
        [("gt", "2026-07-17"), ("lt", "2026-07-17"), ("ne", "2026-07-17")],
    ),
    (
        "title",
        "Miller & Sons",
        [("contains", "SONS"), ("contains", "miller"), ("eq", "Miller & Sons"), ("nin", ("x", "y")), ("lt", "N")],
        [("contains", "Daughters"), ("eq", "miller & sons"), ("in", ("x", "y")), ("gt", "N")],
    ),
    (
        "title",
        None,
        [("ne", "x"), ("nin", ("x", "y"))],
        [("eq", "x"), ("in", ("x",)), ("contains", ""), ("gt", "A"), ("lt", "Z"), ("gte", "A"), ("lte", "Z")],
    ),
    ("amount", "", [("ne", 0), ("nin", (0, 1))], [("eq", 0), ("gt", -1), ("lt", 1)]),
    ("assignedById", "7", [("eq", 7), ("in", (7, 8))], [("eq", 70), ("ne", 7)]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "stored", "met", "unmet"), TOLD_APART)
def test_a_row_meets_the_conditions_that_hold_and_no_others(
    field: str, stored: Any, met: list[tuple[Operator, Any]], unmet: list[tuple[Operator, Any]], deals: Fields
) -> None:
    row = {field: stored}

    assert [each for each in met if not matches(row, [Condition(field, *each)], deals)] == []
    assert [each for each in unmet if matches(row, [Condition(field, *each)], deals)] == []


def test_all_conditions_must_hold(deals: Fields) -> None:
    row = {"amount": 5, "title": "x"}

    assert matches(row, [], deals)
    assert matches(row, [Condition("amount", "gt", 1), Condition("title", "eq", "x")], deals)
    assert not matches(row, [Condition("amount", "gt", 1), Condition("title", "eq", "y")], deals)


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ([], [1, 2, 3, 4]),
        ([Sort("amount")], [3, 2, 4, 1]),
        ([Sort("amount", descending=True)], [1, 2, 4, 3]),
        ([Sort("amount"), Sort("id", descending=True)], [3, 4, 2, 1]),
        ([Sort("createdAt")], [4, 3, 2, 1]),
        ([Sort("title", descending=True), Sort("amount")], [2, 4, 3, 1]),
    ],
    ids=str,
)
def test_rows_come_in_the_order_with_empty_values_first_upwards(
    sort: list[Sort], ids: list[int], deals: Fields
) -> None:
    rows = [
        {"id": 1, "amount": "100", "createdAt": "2026-07-17T12:00:00Z", "title": ""},
        {"id": 2, "amount": 20, "createdAt": "2026-07-17T14:00:00+03:00", "title": "b"},
        {"id": 3, "amount": None, "createdAt": "2026-07-17T10:00:00Z"},
        {"id": 4, "amount": "20", "createdAt": None, "title": "a"},
    ]

    assert [row["id"] for row in in_order(rows, sort, deals)] == ids
