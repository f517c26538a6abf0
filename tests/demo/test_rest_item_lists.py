"""REST of the demo portal: what `crm.item.list` finds, in which order, for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .demo_client import column
from .item_asking import TABLES, ids
from .rest_asking import CRM_ADMIN, SELLER, ask, refused

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal


@pytest.mark.parametrize(("kind", "table"), TABLES.items())
def test_every_type_is_listed_page_by_page_and_by_id(portal: DemoPortal, kind: int, table: str) -> None:
    expected = column(portal, f"SELECT id FROM {table} ORDER BY id")
    by_id: list[int] = []
    params: dict[str, Any] = {"entityTypeId": kind, "select": ["id"], "order": {"id": "ASC"}, "start": -1}
    while len(by_id) % 50 == 0:
        answer = ask(portal, "crm.item.list", **params, filter={">id": by_id[-1] if by_id else 0})
        assert (answer["total"], "next" in answer) == (0, False)
        by_id += [item["id"] for item in answer["result"]["items"]]
        if not answer["result"]["items"]:
            break

    assert ids(portal, kind) == expected
    assert by_id == expected


@pytest.mark.parametrize(
    ("condition", "where"),
    [
        ({"stageId": "WON"}, "stageId = 'WON'"),
        ({"=stageId": ["WON", "NEW"]}, "stageId IN ('WON', 'NEW')"),
        ({"!stageId": "WON"}, "stageId <> 'WON'"),
        ({"!=stageId": ["WON", "NEW"]}, "stageId NOT IN ('WON', 'NEW')"),
        ({"@categoryId": [5, 7]}, "categoryId IN (5, 7)"),
        ({"@categoryId": 5}, "categoryId = 5"),
        ({"!@categoryId": ["5", "7"]}, "categoryId NOT IN (5, 7)"),
        ({">opportunity": 1000000, "<=opportunity": "2000000"}, "amount > 1000000 AND amount <= 2000000"),
        ({">=id": 10, "<id": 20}, "id >= 10 AND id < 20"),
        ({"%title": "СКЛАД"}, "casefold(title) LIKE '%склад%'"),
        ({"!%title": "склад"}, "casefold(title) NOT LIKE '%склад%'"),
        ({"%title": "%"}, "title LIKE '%!%%' ESCAPE '!'"),
        ({"%=title": "поставка%щебень%"}, "casefold(title) LIKE 'поставка%щебень%'"),
        ({"=%title": "Поставка"}, "title = 'Поставка'"),
        ({"!%=title": "Поставка%"}, "title NOT LIKE 'Поставка%'"),
        ({"!=%title": "Поставка%"}, "title NOT LIKE 'Поставка%'"),
        ({"sourceId": ""}, "sourceId IS NULL"),
        ({"!=sourceId": ""}, "sourceId IS NOT NULL"),
        ({"closed": "Y"}, "closed = 1"),
        ({"!closed": "Y"}, "closed = 0"),
        ({"ufCrm_1700000009": 1}, "UF_CRM_1700000009 = 1"),
        ({"ufCrm_1700000009": "0"}, "UF_CRM_1700000009 = 0"),
        ({"ufCrm_1700000001": [202, "204"]}, "UF_CRM_1700000001 IN ('202', '204')"),
        (
            {"ufCrm_1700000004": 301},
            "EXISTS (SELECT 1 FROM json_each(UF_CRM_1700000004) WHERE value = '301')",
        ),
        ({"contactIds": 3}, "EXISTS (SELECT 1 FROM json_each(contactIds) WHERE value = 3)"),
        ({">=createdTime": "2026-01-01T00:00:00+03:00"}, "createdAt >= '2025-12-31T21:00:00Z'"),
        ({">=createdTime": "2026-01-01 00:00:00"}, "createdAt >= '2025-12-31T21:00:00Z'"),
        ({"<createdTime": "2024-01-01"}, "createdAt < '2023-12-31T21:00:00Z'"),
        (
            {">=closedate": "2026-03-05", "<closedate": "2026-04-01T03:00:00+03:00"},
            "closedAt BETWEEN '2026-03-05' AND '2026-03-31'",
        ),
        ({">closedate": "2026-03-04", "<=closedate": "2026-03-31"}, "closedAt BETWEEN '2026-03-05' AND '2026-03-31'"),
        (
            {"categoryId": 0, "0": {"logic": "OR", "0": {"stageId": "WON"}, "1": {">opportunity": 2000000}}},
            "categoryId = 0 AND (stageId = 'WON' OR amount > 2000000)",
        ),
        (
            {
                "0": {
                    "logic": "OR",
                    "0": {"categoryId": 5, "closed": "Y"},
                    "1": {"0": {"categoryId": 7}, "!closed": "Y"},
                }
            },
            "(categoryId = 5 AND closed = 1) OR (categoryId = 7 AND closed = 0)",
        ),
        ({"logic": "OR", "categoryId": 5, "stageId": "WON"}, "categoryId = 5 OR stageId = 'WON'"),
        ({">id": ""}, "1"),
    ],
)
def test_a_filter_finds_what_sql_finds(portal: DemoPortal, condition: dict[str, Any], where: str) -> None:
    assert ids(portal, 2, filter=condition) == column(portal, f"SELECT id FROM deals WHERE {where} ORDER BY id")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"filter": {"colour": 1}}, "Invalid filter: field 'colour' is not allowed in filter"),
        (
            {"filter": {"0": {"logic": "OR", "0": {">amount": 1}}}},
            "Invalid filter: field 'amount' is not allowed in filter",
        ),
        ({"filter": {"fm": "x"}}, "Invalid filter: field 'fm' is not allowed in filter"),
        ({"filter": {"UF_CRM_1700000001": 1}}, "Invalid filter: field 'UF_CRM_1700000001' is not allowed in filter"),
        ({"filter": {"id": "seven"}}, "Invalid filter: field 'id' has invalid value"),
        ({"filter": {"closed": 1}}, "Invalid filter: field 'closed' has invalid value"),
        ({"filter": {"ufCrm_1700000009": "Y"}}, "Invalid filter: field 'ufCrm_1700000009' has invalid value"),
        ({"filter": {">closedate": "soon"}}, "Invalid filter: field 'closedate' has invalid value"),
        ({"filter": {"title": None}}, "Invalid filter: field 'title' has invalid value"),
        ({"filter": {">id": [1, 2]}}, "Invalid filter: field 'id' has invalid value"),
        ({"order": {"amount": "ASC"}}, "Invalid order: field 'amount' is not allowed in order"),
        ({"order": {"id": "up"}}, "Invalid order: allowed sort directions for field 'id' are ASC, DESC"),
    ],
)
def test_what_a_list_cannot_use_is_refused(portal: DemoPortal, params: dict[str, Any], text: str) -> None:
    assert refused(portal, "crm.item.list", entityTypeId=2, **params) == (400, "INVALID_ARG_VALUE", text)


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({}, "100", "Could not find value for parameter {entityTypeId}"),
        ({"entityTypeId": 999}, "NOT_FOUND", "Smart process not found"),
        ({"entityTypeId": 8}, "NOT_FOUND", "Smart process not found"),
        ({"entityTypeId": "deal"}, "NOT_FOUND", "Smart process not found"),
        ({"entityTypeId": 5}, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported"),
    ],
)
def test_a_type_that_is_not_served_is_refused(
    portal: DemoPortal, params: dict[str, Any], error: str, text: str
) -> None:
    methods = ("crm.item.list", "crm.item.get", "crm.item.fields")

    assert [refused(portal, method, **params) for method in methods] == [(400, error, text)] * 3


def test_rows_come_in_the_order_asked_for(portal: DemoPortal) -> None:
    by_amount = ids(portal, 2, order={"opportunity": "DESC", "id": "ASC"})
    by_funnel = ids(portal, 2, order={"categoryId": "asc", "createdTime": "desc"})

    assert by_amount == column(portal, "SELECT id FROM deals ORDER BY amount DESC, id")
    assert by_funnel == column(portal, "SELECT id FROM deals ORDER BY categoryId, createdAt DESC, id")


@pytest.mark.parametrize(("kind", "table"), TABLES.items())
def test_ordinary_users_see_their_own_records_outside_the_hidden_funnel(
    portal: DemoPortal, kind: int, table: str
) -> None:
    """Total shrinks with the list, and administrators of the CRM see everything."""
    outside = "AND categoryId <> 7" if kind == 2 else ""

    seen = ids(portal, kind, SELLER)

    assert seen == column(portal, f"SELECT id FROM {table} WHERE assignedById = 57 {outside} ORDER BY id")
    assert ids(portal, kind, CRM_ADMIN) == column(portal, f"SELECT id FROM {table} ORDER BY id")
