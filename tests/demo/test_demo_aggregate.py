"""Aggregates: exact counts, figures over at most 5,000 records, the recorded refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_mcp.demo import DemoPortal

from .demo_client import Client, column, sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def large(template_cache: Path) -> Iterator[Client]:
    assert template_cache.exists()
    with DemoPortal.start(deals=6000, limits=False) as portal, Client(portal) as client:
        yield client


_NOT_GROUPABLE = (
    "groupBy field 'currency' is not aggregatable on this entity. "
    "Available: amount, stageId, stageSemanticId, categoryId, assignedById, sourceId."
)


def _figure(*functions: str, field: str = "amount") -> list[dict[str, str]]:
    return [{"field": field, "function": function} for function in functions]


def test_a_count_reads_nothing(client: Client) -> None:
    assert client.post("/v1/deals/aggregate", {}) == {
        "success": True,
        "data": {
            "count": 300,
            "aggregates": {},
            "meta": {"totalRecords": 300, "recordsProcessed": 0, "truncated": False},
        },
    }


def test_figures_add_currencies_together_as_the_gateway_does(client: Client, portal: DemoPortal) -> None:
    body = {"aggregate": _figure("sum", "avg", "min", "max", "count"), "filter": {"categoryId": 5}}
    ((count, total, average, least, most),) = sql(
        portal, "SELECT COUNT(*), SUM(amount), AVG(amount), MIN(amount), MAX(amount) FROM deals WHERE categoryId = 5"
    )

    data = client.post("/v1/deals/aggregate", body)["data"]

    assert data["aggregates"]["amount"] == {
        "sum": round(total, 2),
        "avg": round(average, 2),
        "min": least,
        "max": most,
        "count": count,
    }
    assert data["meta"] == {"totalRecords": count, "recordsProcessed": count, "truncated": False}


def test_groups_are_flat_and_ordered_by_count(client: Client, portal: DemoPortal) -> None:
    rows = sql(portal, "SELECT sourceId, COUNT(*), SUM(amount) FROM deals GROUP BY sourceId")

    data = client.post("/v1/deals/aggregate", {"aggregate": _figure("sum"), "groupBy": "sourceId"})["data"]

    groups = {(row["sourceId"], row["count"], row["aggregates"]["amount"]["sum"]) for row in data["groups"]}
    assert groups == {(source, count, round(total, 2)) for source, count, total in rows}
    counts = [row["count"] for row in data["groups"]]
    assert counts == sorted(counts, reverse=True)
    assert (data["meta"]["groupTotal"], data["meta"]["groupsTruncated"]) == (len(rows), False)


def test_the_short_form_counts_groups(client: Client, portal: DemoPortal) -> None:
    rows = sql(portal, "SELECT stageId, COUNT(*) FROM deals GROUP BY stageId")

    data = client.post("/v1/deals/aggregate", {"op": "count", "groupBy": ["stageId"], "limit": 5000})["data"]

    assert {(row["stageId"], row["count"]) for row in data["groups"]} == set(rows)
    assert data["groups"][0]["aggregates"] == {}


def test_user_field_money_counts_with_what_stands_before_the_bar(client: Client, portal: DemoPortal) -> None:
    values = column(portal, "SELECT UF_CRM_1700000003 FROM deals WHERE UF_CRM_1700000003 IS NOT NULL")

    data = client.post("/v1/deals/aggregate", {"aggregate": _figure("sum", "count", field="UF_CRM_1700000003")})["data"]

    assert data["aggregates"]["UF_CRM_1700000003"] == {
        "sum": round(sum(float(value.split("|")[0]) for value in values), 2),
        "count": len(values),
    }


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            {"groupBy": "currency"},
            "INVALID_PARAMS",
            _NOT_GROUPABLE,
        ),
        ({"groupBy": ["id"] * 6}, "INVALID_PARAMS", "groupBy takes at most 5 fields"),
        (
            {"aggregate": _figure("median")},
            "INVALID_PARAMS",
            "Unknown aggregate function: median. Available: count, sum, avg, min, max",
        ),
        (
            {"aggregate": _figure("sum", field="UF_CRM_1700000015")},
            "INVALID_PARAMS",
            "Field 'UF_CRM_1700000015' has type 'string'. Only integer, double, money can be aggregated",
        ),
        ({"op": "median"}, "INVALID_AGGREGATION_OP", "Unknown aggregation op: median"),
        ({"filter": {"colour": 1}}, "INVALID_FILTER_FIELD", "Unknown filter field: colour"),
    ],
)
def test_a_wrong_aggregate_is_refused(client: Client, body: dict[str, Any], code: str, message: str) -> None:
    response = client.send("POST", "/v1/deals/aggregate", body)

    assert (response.status_code, response.json()["error"]) == (400, {"code": code, "message": message})


def test_an_unknown_field_is_refused_with_those_there_are(client: Client) -> None:
    error = client.post("/v1/deals/aggregate", {"aggregate": _figure("sum", field="foo")})["error"]

    assert error["message"].startswith(
        "Field 'foo' not found. Available numeric fields: amount, stageId, stageSemanticId, categoryId"
    )


def test_items_group_unless_a_switch_says_otherwise(client: Client) -> None:
    body = {"groupBy": "stageId"}
    with DemoPortal.start(deals=300, limits=False, items_group_by=False) as strict, Client(strict) as other:
        assert other.code("POST", "/v1/items/174/aggregate", body) == (400, "INVALID_PARAMS")
        assert other.post("/v1/items/174/aggregate", {})["data"]["count"] == 45

    assert client.post("/v1/items/174/aggregate", body)["data"]["groups"]


def test_beyond_five_thousand_records_figures_cover_the_first_ones_and_the_count_stays_exact(large: Client) -> None:
    expected = sql(large.portal, "SELECT SUM(amount) FROM (SELECT amount FROM deals ORDER BY id LIMIT 5000)")[0][0]

    data = large.post("/v1/deals/aggregate", {"aggregate": _figure("sum")})["data"]
    groups = large.post("/v1/deals/aggregate", {"groupBy": "stageId"})["data"]

    assert data == {
        "count": 6000,
        "aggregates": {"amount": {"sum": round(expected, 2)}},
        "meta": {"totalRecords": 6000, "recordsProcessed": 5000, "truncated": True},
    }
    assert sum(row["count"] for row in groups["groups"]) == 5000
    assert groups["meta"]["truncated"] is True


def test_a_windowed_search_beyond_five_thousand_records_sorts_only_the_oldest(large: Client) -> None:
    answer = large.search("deals", filter={"createdAt": {"$gte": "2023-01-01"}}, sort="-createdAt", limit=1)

    oldest = column(large.portal, "SELECT createdAt FROM deals ORDER BY createdAt LIMIT 1 OFFSET 4999")[0]
    assert answer["meta"]["truncated"] is True
    assert answer["meta"]["total"] == 6000
    assert answer["data"][0]["createdAt"] == oldest.replace("Z", ".000Z")
