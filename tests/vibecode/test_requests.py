"""Questions go out in the gateway's one canonical form."""

from typing import Any

import pytest

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.portal_values import Condition, RecordQuery, Sort
from bitrix24_mcp.vibecode.requests import body_of, filter_query, path_of, query_of, sort_of

EVENTS = BY_NAME["calendar-events"]


def test_an_entitys_route_is_its_name_and_a_smart_process_stands_under_items() -> None:
    assert path_of(DEALS) == "deals"
    assert path_of(EVENTS) == "calendar-events"
    assert path_of(smart_process(174, "Contracts", stages=True, funnels=True)) == "items/174"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (RecordQuery(DEALS), {"limit": 50, "autoWindow": False}),
        (
            RecordQuery(
                DEALS,
                (Condition("stageId", "in", ("NEW", "WON")), Condition("amount", "gte", 5)),
                (Sort("amount", descending=True), Sort("id")),
                ("id", "title"),
                limit=20,
                offset=40,
            ),
            {
                "filter": {"stageId": {"$in": ["NEW", "WON"]}, "amount": {"$gte": 5}},
                "sort": "-amount,id",
                "select": ["id", "title"],
                "limit": 20,
                "offset": 40,
                "autoWindow": False,
            },
        ),
    ],
    ids=["nothing asked", "everything asked"],
)
def test_a_search_always_states_its_limit_and_never_lets_the_gateway_split_it(
    query: RecordQuery, body: dict[str, Any]
) -> None:
    assert body_of(query) == body


def test_a_list_has_its_required_conditions_as_parameters_and_joins_its_columns() -> None:
    query = RecordQuery(
        EVENTS,
        (
            Condition("type", "eq", "user"),
            Condition("ownerId", "eq", 7),
            Condition("ownerId", "gt", 5),
            Condition("name", "contains", "plan"),
        ),
        (Sort("from"),),
        ("id", "name"),
        limit=10,
        offset=5,
    )

    assert query_of(query) == [
        ("type", "user"),
        ("ownerId", "7"),
        ("filter[ownerId][$gt]", "5"),
        ("filter[name][$contains]", "plan"),
        ("sort", "from"),
        ("select", "id,name"),
        ("limit", "10"),
        ("offset", "5"),
    ]


@pytest.mark.parametrize(
    ("conditions", "pairs"),
    [
        ([], []),
        ([Condition("f", "eq", "NEW")], [("filter[f]", "NEW")]),
        ([Condition("f", "eq", value=True)], [("filter[f]", "true")]),
        ([Condition("f", "ne", 1.5)], [("filter[f][$ne]", "1.5")]),
        ([Condition("f", "gte", 1), Condition("f", "lt", 9)], [("filter[f][$gte]", "1"), ("filter[f][$lt]", "9")]),
        ([Condition("f", "in", ("A", "B"))], [("filter[f][$in][]", "A"), ("filter[f][$in][]", "B")]),
    ],
    ids=str,
)
def test_a_filter_can_stand_in_a_query(conditions: list[Condition], pairs: list[tuple[str, str]]) -> None:
    assert filter_query(conditions) == pairs


@pytest.mark.parametrize(
    ("sort", "written"),
    [((), ""), ((Sort("id"),), "id"), ((Sort("amount", descending=True), Sort("id")), "-amount,id")],
)
def test_an_order_is_one_string(sort: tuple[Sort, ...], written: str) -> None:
    assert sort_of(sort) == written
