"""Sorting, paging, selection, envelope and related records of lists and searches."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bitrix24_mcp.demo import DemoPortal

from .demo_client import Client, column, sql


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("id", None),
        ("amount, id", "amount"),
        ("amount DESC, id", "-amount"),
        ("stageId, createdAt DESC, id", "stageId,-createdAt"),
        ("stageId, amount DESC, id", {"stageId": "ASC", "amount": "desc"}),
        ("stageId, amount DESC, id", {"stageId": 1, "amount": -1}),
        ("stageId, amount DESC, id", ["stageId", "-amount"]),
        ("sourceId, id", "sourceId"),
        ("sourceId DESC, id", "-sourceId"),
    ],
)
def test_every_sort_form_orders_like_sql(client: Client, portal: DemoPortal, order: str, wanted: object) -> None:
    expected = column(portal, f"SELECT id FROM deals ORDER BY {order}")

    assert client.ids("deals", sort=wanted) == expected
    assert client.ids("deals", order=wanted) == expected


def test_a_query_string_sorts_by_order_or_sort(client: Client, portal: DemoPortal) -> None:
    expected = column(portal, "SELECT id FROM deals ORDER BY createdAt DESC, id LIMIT 5")

    assert [row["id"] for row in client.get("/v1/deals?limit=5&order[createdAt]=desc")["data"]] == expected
    assert [row["id"] for row in client.get("/v1/deals?limit=5&sort=-createdAt,id")["data"]] == expected


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (7, "INVALID_SORT_TYPE"),
        ([{"id": 1}], "INVALID_SORT_TYPE"),
        ({"id": "up"}, "INVALID_SORT_DIRECTION"),
        ("colour", "UNKNOWN_SORT_FIELD"),
    ],
)
def test_a_wrong_sort_is_refused(client: Client, wanted: object, code: str) -> None:
    assert client.code("POST", "/v1/deals/search", {"sort": wanted}) == (400, code)


def test_a_list_carries_its_total_twice_and_fifty_rows(client: Client) -> None:
    answer = client.get("/v1/deals")

    assert len(answer.pop("data")) == 50
    assert answer == {"success": True, "total": 300, "meta": {"total": 300, "hasMore": True, "durationMs": 12}}


def test_the_last_page_has_no_more(client: Client) -> None:
    answer = client.get("/v1/deals?limit=100&offset=250")

    assert (len(answer["data"]), answer["meta"]["hasMore"]) == (50, False)


def test_counting_can_be_left_out(client: Client) -> None:
    assert client.get("/v1/deals?limit=1&withTotal=false")["meta"] == {"hasMore": True, "durationMs": 12}


@pytest.mark.parametrize("query", ["limit=5001", "limit=0", "limit=-1", "limit=ten", "limit=1.5", "offset=-1"])
def test_a_limit_or_offset_out_of_range_is_refused(client: Client, query: str) -> None:
    assert client.code("GET", f"/v1/deals?{query}") == (400, "INVALID_PARAMS")


def test_a_far_offset_is_an_internal_error(client: Client) -> None:
    assert client.code("GET", "/v1/deals?offset=2500") == (500, "INTERNAL_ERROR")


def test_selection_is_a_comma_list_and_always_has_the_id(client: Client) -> None:
    assert set(client.get("/v1/deals?limit=1&select=title,amount")["data"][0]) == {"id", "title", "amount"}
    assert set(client.get("/v1/deals?limit=1&select[]=title&select[]=amount")["data"][0]) == {"id", "title", "amount"}
    assert set(client.search("deals", limit=1, select=["title"])["data"][0]) == {"id", "title"}


def test_a_repeated_select_silently_loses_all_but_the_last(client: Client) -> None:
    assert set(client.get("/v1/deals?limit=1&select=title&select=amount")["data"][0]) == {"id", "amount"}


def test_deals_send_utc_and_items_send_portal_time(client: Client, portal: DemoPortal) -> None:
    deal = client.get("/v1/deals?limit=1&select=createdAt")["data"][0]["createdAt"]
    item = client.get("/v1/items/174?limit=1&select=createdTime")["data"][0]["createdTime"]

    assert deal == column(portal, "SELECT createdAt FROM deals LIMIT 1")[0].replace("Z", ".000Z")
    assert item.endswith("+03:00")


def test_money_of_user_fields_is_amount_and_currency_in_one_string(client: Client) -> None:
    record = client.search("deals", limit=1, filter={"!UF_CRM_1700000003": ""})["data"][0]

    amount, currency = record["UF_CRM_1700000003"].split("|")
    assert float(amount) >= 0
    assert currency in ("RUB", "EUR")


def test_related_records_come_under_included(client: Client, portal: DemoPortal) -> None:
    (deal, contacts, company), *_ = sql(
        portal, "SELECT id, json_array_length(contactIds), companyId FROM deals WHERE contactId AND companyId LIMIT 1"
    )

    record = client.get(f"/v1/deals/{deal}?include=contact,company,quote")["data"]

    assert len(record["_included"]["contacts"]) == contacts
    assert record["_included"]["contacts"][0]["isPrimary"] is True
    assert record["_included"]["company"]["id"] == company
    assert set(record["_included"]) == {"contacts", "company", "quote"}


def test_a_missing_relation_is_null(client: Client, portal: DemoPortal) -> None:
    (deal,), *_ = sql(portal, "SELECT id FROM deals WHERE companyId = 0 LIMIT 1")

    assert client.get(f"/v1/deals/{deal}?include=company")["data"]["_included"] == {"company": None}


def test_more_than_two_hundred_rows_skip_the_relations(client: Client) -> None:
    answer = client.search("deals", limit=201, include=["company"])

    assert answer["meta"]["includeSkipped"] is True
    assert "_included" not in answer["data"][0]


@pytest.mark.parametrize(
    ("names", "code"),
    [("manager", "INVALID_INCLUDE"), ("contact,company,quote,contact", "INCLUDE_LIMIT_EXCEEDED")],
)
def test_a_wrong_include_is_refused(client: Client, names: str, code: str) -> None:
    assert client.code("GET", f"/v1/deals?include={names}") == (400, code)


def test_the_headers_carry_the_clock_of_the_data_and_the_limits(client: Client) -> None:
    headers = client.send("GET", "/v1/deals?limit=1").headers

    assert headers["date"] == "Wed, 15 Jul 2026 09:00:00 GMT"
    assert headers["x-request-id"].startswith("demo-")
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("300", "300")


def test_a_switch_sends_a_zero_total_on_plain_lists() -> None:
    with DemoPortal.start(deals=300, limits=False, total_zero=True) as portal, Client(portal) as client:
        answer = client.get("/v1/deals?limit=2")

    assert (len(answer["data"]), answer["meta"]["total"], answer["meta"]["hasMore"]) == (2, 0, True)


def test_a_total_follows_what_another_connection_writes(own: Client) -> None:
    before = own.get("/v1/deals?limit=1")["total"]
    with closing(sqlite3.connect(own.portal.database)) as connection, connection:
        connection.execute("DELETE FROM deals WHERE id = 1")

    assert (before, own.get("/v1/deals?limit=1")["total"]) == (300, 299)
