"""Conditions become keys with an operator before the name, as crm.item.list takes them."""

from datetime import timedelta, timezone

import pytest

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_values import Condition, Sort
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import Column, Dialect, as_map
from bitrix24_mcp.rest.reading.filters import filter_of, order_of

MOSCOW = timezone(timedelta(hours=3))
ITEMS = Dialect(method="crm.item.list")
DEALS = Columns(
    (
        Column("id", "id", "id", "number"),
        Column("amount", "opportunity", "opportunity", "number"),
        Column("createdAt", "createdTime", "createdTime", "moment"),
        Column("closed", "closed", "closed", "flag"),
        Column("UF_CRM_9", "ufCrm_9", "ufCrm_9", "bit"),
        Column("UF_CRM_4", "ufCrm_4", "ufCrm_4", "text", multiple=True),
        Column("phone", "", "fm", "multifield", multiple=True, part="PHONE"),
    )
)


@pytest.mark.parametrize(
    ("conditions", "keyed"),
    [
        ([], {}),
        ([Condition("amount", "eq", 5)], {"=opportunity": 5}),
        ([Condition("amount", "ne", 5)], {"!=opportunity": 5}),
        ([Condition("title", "contains", "дом")], {"%title": "дом"}),
        ([Condition("stageId", "in", ("NEW", "WON"))], {"@stageId": ["NEW", "WON"]}),
        ([Condition("stageId", "nin", ("NEW", "WON"))], {"!@stageId": ["NEW", "WON"]}),
        ([Condition("closed", "eq", value=True)], {"=closed": "Y"}),
        ([Condition("closed", "ne", value=False)], {"!=closed": "N"}),
        ([Condition("UF_CRM_9", "eq", value=False)], {"=ufCrm_9": 0}),
        ([Condition("UF_CRM_9", "in", (True, False))], {"@ufCrm_9": [1, 0]}),
        ([Condition("UF_CRM_4", "eq", "301")], {"=ufCrm_4": "301"}),
        (
            [
                Condition("createdAt", "gte", "2026-06-30T21:00:00Z"),
                Condition("createdAt", "lt", "2026-08-01T00:00:00+03:00"),
            ],
            {">=createdTime": "2026-07-01T00:00:00+03:00", "<createdTime": "2026-08-01T00:00:00+03:00"},
        ),
        ([Condition("id", "gt", 5), Condition("id", "gt", 9), Condition("id", "lte", 20)], {">id": 9, "<=id": 20}),
        (
            [Condition("title", "ne", "a"), Condition("title", "nin", ("b", "c")), Condition("title", "contains", "d")],
            {"!@title": ["a", "b", "c"], "%title": "d"},
        ),
    ],
)
def test_all_conditions_hold_and_none_overwrites_another(conditions: list[Condition], keyed: dict[str, object]) -> None:
    assert filter_of(conditions, DEALS, ITEMS, MOSCOW) == keyed


def test_a_moment_between_two_seconds_equals_none_and_excludes_none() -> None:
    between = "2026-07-01T00:00:00.500+03:00"
    assert filter_of([Condition("createdAt", "eq", between)], DEALS, ITEMS, MOSCOW) == {"=id": 0}
    assert filter_of([Condition("createdAt", "ne", between)], DEALS, ITEMS, MOSCOW) == {}


def test_what_cannot_be_asked_is_refused_by_name() -> None:
    """Neither a field that filters do not know nor an operator that the list does not take is left out in silence."""
    few = Dialect(method="user.get", operators={"eq": ""})
    for condition, dialect in ((Condition("phone", "eq", "+7"), ITEMS), (Condition("amount", "gt", 5), few)):
        with pytest.raises(InvalidArguments) as refused:
            filter_of([condition], DEALS, dialect)
        assert refused.value.code == "NOT_OVER_REST"
        assert condition.field in refused.value.message


def test_an_order_is_written_step_by_step() -> None:
    steps = order_of([Sort("amount", descending=True), Sort("id")], DEALS)
    assert steps == [("opportunity", True), ("id", False)]
    assert as_map(steps) == {"order": {"opportunity": "DESC", "id": "ASC"}}


@pytest.mark.parametrize("name", ["phone", "UF_CRM_4"])
def test_a_field_with_several_values_orders_nothing(name: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        order_of([Sort(name)], DEALS)
    assert refused.value.code == "UNSUPPORTED_SORT"
