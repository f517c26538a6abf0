"""`search_items`: which records a filter finds, compared with the same condition in SQL."""

from datetime import datetime
from typing import Any

import pytest

from assistants import Assistant, Sql
from oracle import MOSCOW, found_ids

pytestmark = pytest.mark.anyio

FORMS = {
    "=": ("$eq", "{}", None),
    "<>": ("$ne", "!{}", "!="),
    ">": ("$gt", ">{}", ">"),
    ">=": ("$gte", ">={}", ">="),
    "<": ("$lt", "<{}", "<"),
    "<=": ("$lte", "<={}", "<="),
}
"""For each comparison of SQL the operator, the prefix and the operator key that mean it."""


def written(field: str, sign: str, bound: Any) -> list[dict[str, Any]]:
    """The condition in every syntax."""
    operator, prefix, key = FORMS[sign]
    forms: list[dict[str, Any]] = [{field: {operator: bound}}, {prefix.format(field): bound}]
    if operator != "$eq":
        forms.append({operator: {field: bound}})
    if key is not None:
        forms.append({field: {key: bound}})
    return forms


def ids_where(sql: Sql, where: str, table: str = "deals") -> list[int]:
    return [row[0] for row in sql(f"select id from {table} where {where} order by id")]


@pytest.mark.parametrize(
    ("field", "bound", "stored"),
    [
        ("amount", 2500, "2500"),
        ("amount", 37300.0, "37300"),
        ("id", 300, "300"),
        ("probability", 50, "50"),
        ("UF_CRM_1700000005", 11, "11"),
        ("createdAt", "2025-01-31T21:30:00Z", "'2025-01-31T21:30:00Z'"),
    ],
)
async def test_the_three_syntaxes_of_every_comparison_find_the_same(
    assistant: Assistant, sql: Sql, field: str, bound: Any, stored: str
) -> None:
    for sign in FORMS:
        wanted = ids_where(sql, f"{field} {sign} {stored}" + (f" or {field} is null" if sign == "<>" else ""))
        for condition in written(field, sign, bound):
            assert await found_ids(assistant, entity="deals", filter=condition) == wanted


@pytest.mark.parametrize(
    ("conditions", "where"),
    [
        ({"stageId": "WON"}, "stageId = 'WON'"),
        ({"stageId": ["WON", "C5:WON"]}, "stageId in ('WON', 'C5:WON')"),
        ({"stageId": {"$in": ["WON"]}}, "stageId = 'WON'"),
        ({"stageId": {"$nin": ["WON", "LOSE"]}}, "stageId not in ('WON', 'LOSE')"),
        ({"!stageId": ["WON", "LOSE"]}, "stageId not in ('WON', 'LOSE')"),
        ({"sourceId": {"$ne": "CALL"}}, "sourceId is null or sourceId <> 'CALL'"),
        ({"amount": {"$between": [10_000, 20_000]}}, "amount >= 10000 and amount <= 20000"),
        ({"amount": {"$gt": 0, "<": 3000}, "!currency": "EUR"}, "amount > 0 and amount < 3000 and currency <> 'EUR'"),
        ({">amount": 10, "amount": {"<=": 20_000}}, "amount > 10 and amount <= 20000"),
        ({"amount": "2500"}, "amount = 2500"),
        ({"categoryId": 5, "closed": False}, "categoryId = 5 and closed = 0"),
        ({"closed": "Y"}, "closed = 1"),
        ({"isReturning": {"$ne": True}}, "isReturning = 0"),
        ({"assignedById": [57, "56"]}, "assignedById in (56, 57)"),
        ({"contactId": 0}, "contactId = 0"),
        ({"observers": 5}, "exists (select 1 from json_each(observers) where value = 5)"),
        ({"stageSemanticId": "P"}, "stageSemanticId = 'P'"),
        ({"title": {"$contains": "LTD"}}, "title like '%ltd%'"),
        ({"%title": "№3"}, "title like '%№3%'"),
        ({"id": {"$gt": 100, "$lt": 200}, "stageId": "WON"}, "id > 100 and id < 200 and stageId = 'WON'"),
        ({"id": {"$gte": 150}, ">id": 150}, "id > 150"),
        ({"id": [1, 2, 3], ">=id": 3}, "id = 3"),
        ({}, "1"),
    ],
)
async def test_standard_fields_are_filtered_by_code_number_and_text(
    assistant: Assistant, sql: Sql, conditions: dict[str, Any], where: str
) -> None:
    assert await found_ids(assistant, entity="deals", filter=conditions) == ids_where(sql, where)


@pytest.mark.parametrize(
    ("conditions", "where"),
    [
        ({"UF_CRM_1700000001": "202"}, "UF_CRM_1700000001 = '202'"),
        ({"UF_CRM_1700000001": {"$ne": 202}}, "UF_CRM_1700000001 is null or UF_CRM_1700000001 <> '202'"),
        ({"ufCrm_1700000002": {"$lt": 100.5}}, "UF_CRM_1700000002 < 100.5"),
        ({"UF_CRM_1700000003": "0.00|RUB"}, "UF_CRM_1700000003 = '0.00|RUB'"),
        ({"UF_CRM_1700000004": "302"}, "UF_CRM_1700000004 like '%\"302\"%'"),
        ({"UF_CRM_1700000004": {"$nin": ["302", "304"]}}, "UF_CRM_1700000004 not glob '*30[24]*'"),
        ({"UF_CRM_1700000006": 52}, "UF_CRM_1700000006 = 52"),
        ({"UF_CRM_1700000007": {"$gte": "2026-08-01"}}, "UF_CRM_1700000007 >= '2026-08-01'"),
        ({"UF_CRM_1700000007": "2026-08-27"}, "UF_CRM_1700000007 = '2026-08-27'"),
        ({"UF_CRM_1700000007": {"$between": ["2026-01-01", "2026-03-31"]}},
         "UF_CRM_1700000007 between '2026-01-01' and '2026-03-31'"),
        ({"UF_CRM_1700000007": ["2026-08-27", "2025-05-12"]}, "UF_CRM_1700000007 in ('2026-08-27', '2025-05-12')"),
        ({"UF_CRM_1700000009": True}, "UF_CRM_1700000009 = 1"),
        ({"UF_CRM_1700000010": {"$contains": "OBJECT-5"}}, "UF_CRM_1700000010 like '%object-5%'"),
        ({"UF_CRM_1700000012": "CO_25"}, "UF_CRM_1700000012 = 'CO_25'"),
        ({"UF_CRM_1700000013": "DELIVERY"}, "UF_CRM_1700000013 = 'DELIVERY'"),
        ({"UF_CRM_1700000015": {"$contains": "/26"}}, "UF_CRM_1700000015 like '%/26%'"),
        ({"UF_CRM_1700000016": 11}, "UF_CRM_1700000016 = 11"),
    ],
)  # fmt: skip
async def test_user_fields_of_every_kind_are_filtered(
    assistant: Assistant, sql: Sql, conditions: dict[str, Any], where: str
) -> None:
    wanted = ids_where(sql, where)

    assert wanted
    assert await found_ids(assistant, entity="deals", filter=conditions) == wanted


@pytest.mark.parametrize(
    ("entity", "conditions", "table", "where"),
    [
        ("deals", {"Воронка": "партнёры", "Стадия сделки": "сделка успешна"}, "deals", "stageId = 'C5:WON'"),
        ("deals", {"stageId": "Failure analysis"}, "deals", "stageId = 'C7:APOLOGY'"),
        ("deals", {"categoryId": ["Export", 5]}, "deals", "categoryId in (5, 7)"),
        ("deals", {"sourceId": ["звонок"]}, "deals", "sourceId = 'CALL'"),
        ("deals", {"Приоритет": {"$in": ["Высокий", "низкий"]}}, "deals", "UF_CRM_1700000001 in ('202', '204')"),
        ("deals", {"Теги": "VIP"}, "deals", "UF_CRM_1700000004 like '%\"302\"%'"),
        ("leads", {"statusId": "Качественный лид"}, "leads", "statusId = 'CONVERTED'"),
        ("contacts", {"phone": {"$contains": "+7918"}}, "contacts", "phone like '%\"+7918%'"),
        ("users", {"active": True, "lastName": "Иванова"}, "users", "active = 1 and lastName = 'Иванова'"),
        ("174", {"stageId": "Renewed"}, "items_174", "stageId = 'DT174_9:SUCCESS'"),
        ("contracts", {"categoryId": "renewals"}, "items_174", "categoryId = 9"),
        ("contracts", {"Вид договора": "Аренда"}, "items_174", "ufCrm3_1700000101 = 503"),
        ("закупки", {"ufCrm7_1652689364": {"$gte": 20}}, "items_156", "ufCrm7_1652689364 >= 20"),
        (1038, {"Наработка, ч": {"$gt": 100}}, "items_1038", "ufCrm11_1700000122 > 100"),
        ("invoices", {"opportunity": {"$lt": 100_000}}, "invoices", "opportunity < 100000"),
        ("tasks", {"status": [2, 3]}, "tasks", "status in (2, 3)"),
    ],
)
async def test_names_of_entities_fields_and_values_lead_to_the_codes(
    assistant: Assistant, sql: Sql, entity: str | int, conditions: dict[str, Any], table: str, where: str
) -> None:
    wanted = ids_where(sql, where, table)

    assert wanted
    assert await found_ids(assistant, entity=entity, filter=conditions) == wanted


async def test_a_text_is_found_in_any_case_in_russian(assistant: Assistant, sql: Sql) -> None:
    titles = sql("select id, title from deals order by id")
    wanted = [id_ for id_, title in titles if "поставка" in title.lower()]

    assert wanted
    assert await found_ids(assistant, entity="deals", filter={"title": {"$contains": "ПОСТАВКА"}}) == wanted


@pytest.mark.parametrize(
    ("conditions", "code", "candidates"),
    [
        ({"ammount": 1}, "UNKNOWN_FIELD", ["amount"]),
        ({"amount": {"$gtt": 1}}, "UNKNOWN_OPERATOR", ["$gt"]),
        ({"$or": [{"id": 1}]}, "UNSUPPORTED_FILTER", None),
        ({"stageId": "Сделка успешна"}, "AMBIGUOUS_VALUE", ["WON", "C5:WON"]),
        ({"stageId": "C7:WONN"}, "UNKNOWN_VALUE", ["C7:WON"]),
        ({"stageId": "WON", "categoryId": 5}, "STAGE_OF_ANOTHER_FUNNEL", ["C5:NEW"]),
        ({"amount": "many"}, "INVALID_VALUE", None),
        ({"amount": {"$contains": "1"}}, "UNSUPPORTED_OPERATOR", None),
        ({"stageId": {"$gt": "WON"}}, "UNSUPPORTED_OPERATOR", None),
        ({"createdAt": "2026-02-30"}, "INVALID_VALUE", None),
        ({"createdAt": {"$ne": "2026-02-03"}}, "UNSUPPORTED_FILTER", None),
        ({"amount": {}}, "INVALID_FILTER", None),
        ({"stageId": []}, "INVALID_FILTER", None),
        ({"amount": None}, "INVALID_VALUE", None),
        ({"id": 1, "$eq": {"id": 2}}, "INVALID_FILTER", None),
    ],
)
async def test_a_filter_that_cannot_be_applied_is_an_error_before_any_record_is_read(
    assistant: Assistant, conditions: dict[str, Any], code: str, candidates: list[str] | None
) -> None:
    error = await assistant.fail("search_items", entity="deals", filter=conditions)

    assert (error["code"], error.get("candidates", [])[: len(candidates or [])]) == (code, candidates or [])


async def test_a_near_miss_names_every_value_that_may_be_meant(assistant: Assistant) -> None:
    """A code of one funnel and a name in another may be spelt alike."""
    error = await assistant.fail("search_items", entity="deals", filter={"stageId": "WONN"})

    assert error["code"] == "UNKNOWN_VALUE"
    assert {"WON", "C7:WON"} <= set(error["candidates"])


@pytest.mark.parametrize("tool", ["search_items", "aggregate"])
@pytest.mark.parametrize(("first", "second"), [(["302", "301"], ["302", "304"]), ("302", "304")])
async def test_two_conditions_on_a_field_of_several_values_are_refused_without_a_false_reason(
    assistant: Assistant, tool: str, first: Any, second: Any
) -> None:
    """A deal tagged 301 and 304 meets both lists, though they share only 302: they cannot be made into one."""
    tags = "UF_CRM_1700000004"

    error = await assistant.fail(tool, entity="deals", filter={tags: first, f"={tags}": second})

    assert error["code"] == "INVALID_FILTER"
    assert "no record can match" not in error["message"]


async def test_one_moment_written_in_two_zones_is_no_contradiction(assistant: Assistant, sql: Sql) -> None:
    moment = datetime.fromisoformat(sql("select createdAt from deals where id = 300")[0][0])
    conditions = {"createdAt": moment.isoformat(), "=createdAt": moment.astimezone(MOSCOW).isoformat()}

    assert 300 in await found_ids(assistant, entity="deals", filter=conditions)
