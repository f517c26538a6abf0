"""Every filter form of docs/filtering gives what the same condition gives in plain SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from .demo_client import column

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal

    from .demo_client import Client

_SUPPORTED = "Supported: $gt, $gte, $lt, $lte, $ne, $contains, $in, $nin, >, >=, <, <=, !, %, !="
_JUNE = ("createdAt >= '2026-05-31T21:00:00Z'", {"createdAt": {"$gte": "2026-06-01"}})


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("stageId = 'WON'", {"stageId": "WON"}),
        ("stageId IS NOT 'WON'", {"stageId": {"$ne": "WON"}}),
        ("stageId IS NOT 'WON'", {"!stageId": "WON"}),
        ("stageId IS NOT 'WON'", {"stageId": {"!": "WON"}}),
        ("stageId IS NOT 'WON'", {"stageId": {"!=": "WON"}}),
        ("amount > 100000", {"amount": {"$gt": 100000}}),
        ("amount > 100000", {">amount": "100000"}),
        ("amount > 100000", {"amount": {">": 100000}}),
        ("amount >= 100000 AND amount < 500000", {"amount": {"$gte": 100000, "<": 500000}}),
        ("amount >= 100000 AND amount <= 500000", {">=amount": 100000, "<=amount": 500000}),
        ("amount >= 100000 AND amount <= 500000", {"amount": {">=": 100000, "$lte": 500000}}),
        ("casefold(title) LIKE '%поставка%'", {"title": {"$contains": "ПОСТАВКА"}}),
        ("casefold(title) LIKE '%поставка%'", {"%title": "поставка"}),
        ("casefold(title) LIKE '%поставка%'", {"title": {"%": "Поставка"}}),
        ("stageId IN ('WON', 'LOSE')", {"stageId": {"$in": ["WON", "LOSE"]}}),
        ("stageId IN ('WON', 'LOSE')", {"stageId": ["WON", "LOSE"]}),
        ("stageId NOT IN ('WON', 'LOSE')", {"stageId": {"$nin": ["WON", "LOSE"]}}),
        ("stageId NOT IN ('WON', 'LOSE')", {"!stageId": ["WON", "LOSE"]}),
        ("closed = 1", {"closed": True}),
        ("closed = 0", {"closed": "false"}),
        ("sourceId IS NULL", {"sourceId": None}),
        ("sourceId IS NULL", {"sourceId": ""}),
        ("sourceId IS NOT NULL", {"!sourceId": ""}),
        ("sourceId IS NOT 'CALL'", {"sourceId": {"$ne": "CALL"}}),
        ("sourceId IS NULL OR sourceId NOT IN ('CALL')", {"sourceId": {"$nin": ["CALL"]}}),
        ("sourceId IS NULL OR sourceId = 'CALL'", {"sourceId": ["CALL", None]}),
        ("UF_CRM_1700000001 = '202'", {"UF_CRM_1700000001": 202}),
        ("UF_CRM_1700000004 LIKE '%\"302\"%'", {"UF_CRM_1700000004": 302}),
        ("UF_CRM_1700000004 = '[]'", {"UF_CRM_1700000004": None}),
        ("UF_CRM_1700000005 > 10", {"UF_CRM_1700000005": {"$gt": "10"}}),
        ("UF_CRM_1700000007 >= '2026-01-01'", {"UF_CRM_1700000007": {"$gte": "2026-01-01"}}),
        _JUNE,
        ("createdAt > '2026-06-01T00:00:00Z'", {"createdAt": {"$gt": "2026-06-01T00:00:00Z"}}),
        ("createdAt > '2026-06-01T00:00:00Z'", {"createdAt": {"$gt": "2026-06-01T03:00:00"}}),
        ("createdAt > '2026-06-01T00:00:00Z'", {"createdAt": {"$gt": "2026-06-01T02:00:00+02:00"}}),
        ("createdAt <= '2026-06-01T00:00:00Z'", {"createdAt": {"$lt": "2026-06-01T00:00:00.500Z"}}),
        ("assignedById = 57 AND closed = 1", {"assignedById": "57", "closed": True}),
        ("amount > 5", {"$gt": {"amount": 5}}),
        ("assignedById = 57", {"ASSIGNED_BY_ID": 57}),
        ("0", {"stageId": {"$in": []}}),
    ],
)
def test_a_search_gives_the_records_of_the_same_sql(
    client: Client, portal: DemoPortal, condition: str, wanted: dict[str, object]
) -> None:
    expected = column(portal, f"SELECT id FROM deals WHERE {condition} ORDER BY id")

    assert client.ids("deals", filter=wanted) == expected


@pytest.mark.parametrize(
    ("condition", "query"),
    [
        ("stageId = 'WON'", "filter[stageId]=WON"),
        ("amount >= 1000.5", "filter[amount][$gte]=1000.5"),
        ("amount >= 1000", "filter[>=amount]=1000"),
        ("stageId IN ('WON', 'LOSE')", "filter[stageId][]=WON&filter[stageId][]=LOSE"),
        ("stageId IN ('WON', 'LOSE')", "filter[stageId][$in][]=WON&filter[stageId][$in][]=LOSE"),
        ("closed = 1 AND categoryId = 5", "filter[closed]=true&filter[categoryId]=5"),
        ("casefold(title) LIKE '%фасад%'", f"filter[title][$contains]={quote('фасад')}"),
    ],
)
def test_a_query_string_filter_gives_the_records_of_the_same_sql(
    client: Client, portal: DemoPortal, condition: str, query: str
) -> None:
    expected = column(portal, f"SELECT id FROM deals WHERE {condition} ORDER BY id")

    assert [row["id"] for row in client.get(f"/v1/deals?limit=5000&{query}")["data"]] == expected


def test_a_multi_field_is_filtered_by_a_plain_string(client: Client, portal: DemoPortal) -> None:
    expected = column(portal, "SELECT id FROM contacts WHERE phone LIKE '%\"+791%' ORDER BY id")

    assert client.ids("contacts", filter={"phone": {"$contains": "+791"}}) == expected
    assert expected


@pytest.mark.parametrize(
    ("wanted", "code", "message"),
    [
        (
            {"amount": {"to": 1}},
            "INVALID_FILTER_OPERATOR",
            f"Unknown filter operator: to. {_SUPPORTED}",
        ),
        (
            {"$or": [{"id": 1}]},
            "INVALID_FILTER_OPERATOR",
            f"Unknown filter operator: $or. {_SUPPORTED}",
        ),
        ({"colour": "red"}, "INVALID_FILTER_FIELD", "Unknown filter field: colour"),
        ({"=stageId": "WON"}, "INVALID_FILTER_FIELD", "Unknown filter field: =stageId"),
        ({"amount": "much"}, "INVALID_FILTER", "Field 'amount': 'much' is not a real"),
        ({"amount": {"$gt": [1]}}, "INVALID_FILTER", "Field 'amount': this operator takes a single value"),
        ({">amount": {"$gt": 1}}, "INVALID_FILTER", "Field 'amount': a prefix excludes an operator object"),
        (["id"], "INVALID_FILTER", "filter must be an object"),
    ],
)
def test_a_wrong_filter_is_refused_by_name(client: Client, wanted: object, code: str, message: str) -> None:
    response = client.send("POST", "/v1/deals/search", {"filter": wanted})

    assert response.json() == {"success": False, "error": {"code": code, "message": message}}
    assert response.status_code == 400


def test_the_equality_operator_of_other_systems_is_not_known(client: Client) -> None:
    assert client.code("POST", "/v1/deals/search", {"filter": {"id": {"$eq": 1}}}) == (400, "INVALID_FILTER_OPERATOR")


def test_a_number_beyond_what_the_database_holds_finds_nothing(client: Client) -> None:
    assert client.ids("deals", filter={"id": 10**30}) == []
    assert client.code("GET", f"/v1/deals/{10**30}") == (404, "ENTITY_NOT_FOUND")


@pytest.mark.parametrize(
    ("operator", "condition"),
    [("$gt", ">"), ("$gte", ">"), ("$lt", "<="), ("$lte", "<=")],
)
def test_a_fraction_of_a_second_lies_after_the_whole_second(
    client: Client, portal: DemoPortal, operator: str, condition: str
) -> None:
    moment = column(portal, "SELECT createdAt FROM deals WHERE id = 150")[0]
    expected = column(portal, f"SELECT id FROM deals WHERE createdAt {condition} ? ORDER BY id", moment)

    assert client.ids("deals", filter={"createdAt": {operator: moment.replace("Z", ".500Z")}}) == expected
    assert client.ids("deals", filter={"createdAt": moment.replace("Z", ".500Z")}) == []
