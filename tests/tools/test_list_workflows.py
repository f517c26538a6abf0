"""`list_workflows`: which instances it finds, and what it says of them."""

from typing import Any

import pytest

from assistants import DEALS, Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal
from oracle import change, every_item, moment, pages
from workflow_rows import COLUMNS, expected_items, ids_where, stuck_since

pytestmark = pytest.mark.anyio

OPERATORS = {"$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<=", "$eq": "="}
MOMENTS = ("started", "modified", "lockedUntil")


async def found(assistant: Assistant, **arguments: Any) -> list[str]:
    """The ids on all pages; the first page's total counts them."""
    answers = await pages(assistant, "list_workflows", **{"limit": 500, **arguments})
    ids = [item["id"] for answer in answers for item in answer["items"]]
    assert answers[0]["total"] == len(ids)
    return ids


async def test_every_instance_is_described_with_names_and_offsets(portal: DemoPortal, assistant: Assistant) -> None:
    expected = expected_items(portal)

    items = await every_item(assistant, "list_workflows", limit=500)

    assert len(expected) == 140
    assert {item["id"]: item for item in items} == expected


@pytest.mark.parametrize("field", COLUMNS)
async def test_every_field_is_filtered_by_every_operator(assistant: Assistant, sql: Sql, field: str) -> None:
    column = COLUMNS[field]
    values = [row[0] for row in sql(f"select distinct {column} from workflows where {column} is not null order by 1")]
    bound = values[len(values) // 2]
    for operator, sign in OPERATORS.items():
        where = f"{column} {sign} ?" + (f" or {column} is null" if operator == "$ne" else "")

        ids = await found(assistant, filter={field: {operator: moment(bound) if field in MOMENTS else bound}})

        assert ids == ids_where(sql, where, bound)


@pytest.mark.parametrize(
    ("conditions", "where"),
    [
        ({"templateId": 713}, "TEMPLATE_ID = '713'"),
        ({"templateId": [713, "12"]}, "TEMPLATE_ID in ('713', '12')"),
        ({"templateId": {"$nin": [713, 12]}}, "TEMPLATE_ID not in ('713', '12')"),
        ({"startedBy": 0}, "STARTED_BY = '0'"),
        ({"startedBy": [0, 57]}, "STARTED_BY in ('0', '57')"),
        ({"templateId": 57, "startedBy": 57}, "TEMPLATE_ID = '57' and STARTED_BY = '57'"),
        ({"!moduleId": "crm"}, "MODULE_ID <> 'crm'"),
        ({"entity": {"$contains": "bizproc\\document"}}, "ENTITY like '%BizProc\\Document%'"),
        ({"documentId": {"$contains": "dynamic_174"}}, "DOCUMENT_ID like 'DYNAMIC_174%'"),
        ({"modified": "2026-07-12"}, "MODIFIED between '2026-07-11T21:00:00Z' and '2026-07-12T20:59:59Z'"),
        ({"modified": {"$lte": "2026-07-01"}}, "MODIFIED < '2026-07-01T21:00:00Z'"),
        ({"modified": {"$gt": "2026-07-01"}}, "MODIFIED >= '2026-07-01T21:00:00Z'"),
        (
            {"started": {"$between": ["2026-06-01", "2026-06-30"]}},
            "STARTED >= '2026-05-31T21:00:00Z' and STARTED < '2026-06-30T21:00:00Z'",
        ),
        (
            {">started": "2026-06-01T12:00:00", "startedBy": {">": 0}},
            "STARTED > '2026-06-01T09:00:00Z' and STARTED_BY <> '0'",
        ),
    ],
)
async def test_conditions_hold_together_in_every_syntax(
    assistant: Assistant, sql: Sql, conditions: dict[str, Any], where: str
) -> None:
    wanted = ids_where(sql, where)

    assert wanted
    assert await found(assistant, filter=conditions) == wanted


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("field", COLUMNS)
async def test_every_field_sorts_both_ways_with_ties_by_id(
    assistant: Assistant, sql: Sql, field: str, way: str
) -> None:
    order = f"{COLUMNS[field]} {'desc' if way else 'asc'}, ID"

    items = await every_item(assistant, "list_workflows", sort=f"{way}{field}", limit=500)

    assert [item["id"] for item in items] == [row[0] for row in sql(f"select ID from workflows order by {order}")]


async def test_an_order_of_several_fields_is_kept(assistant: Assistant, sql: Sql) -> None:
    rows = sql("select ID from workflows order by cast(TEMPLATE_ID as integer) desc, STARTED, ID")

    items = await every_item(assistant, "list_workflows", sort={"templateId": "desc", "started": 1}, limit=500)

    assert [item["id"] for item in items] == [row[0] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"template": 713}, "TEMPLATE_ID = '713'"),
        ({"template": "713"}, "TEMPLATE_ID = '713'"),
        ({"template": "contract approval"}, "TEMPLATE_ID = '713'"),
        ({"template": "Распределение ЛИДОВ"}, "TEMPLATE_ID = '1'"),
        ({"started_by": 57}, "STARTED_BY = '57'"),
        ({"started_by": "57"}, "STARTED_BY = '57'"),
        ({"started_by": "system"}, "STARTED_BY = '0'"),
        ({"started_by": 0}, "STARTED_BY = '0'"),
        ({"started_by": "Осипов"}, "STARTED_BY = '57'"),
        ({"started_by": "me"}, "STARTED_BY = '1'"),
        ({"filter": {"startedBy": ["Тимур Осипов", "я"]}}, "STARTED_BY in ('1', '57')"),
        ({"filter": {"modified": "last_week"}}, "MODIFIED between '2026-07-05T21:00:00Z' and '2026-07-12T20:59:59Z'"),
        ({"filter": {"started": {"$gte": "-30d"}}}, "STARTED >= '2026-06-14T21:00:00Z'"),
        ({"template": "12", "started_by": "System"}, "TEMPLATE_ID = '12' and STARTED_BY = '0'"),
        ({"template": 12, "filter": {"startedBy": {"$ne": 0}}}, "TEMPLATE_ID = '12' and STARTED_BY <> '0'"),
        ({"template": 12, "filter": {"templateId": [12, 713]}}, "TEMPLATE_ID = '12'"),
    ],
)
async def test_template_and_starter_narrow_by_id_or_name(
    assistant: Assistant, sql: Sql, arguments: dict[str, Any], where: str
) -> None:
    wanted = ids_where(sql, where)

    assert wanted
    assert await found(assistant, **arguments) == wanted


@pytest.mark.parametrize(
    ("entity", "document"),
    [
        ("deals", "DEAL"),
        ("deal", "DEAL"),
        ("leads", "LEAD"),
        ("1", "LEAD"),
        ("contacts", "CONTACT"),
        ("companies", "COMPANY"),
        ("quotes", "QUOTE"),
        ("invoices", "SMART_INVOICE"),
        (174, "DYNAMIC_174"),
        ("Contracts", "DYNAMIC_174"),
    ],
)
async def test_the_workflows_of_one_record_are_found(
    assistant: Assistant, sql: Sql, entity: str | int, document: str
) -> None:
    raw = sql("select max(DOCUMENT_ID) from workflows where DOCUMENT_ID like ? || '_%'", document)[0][0]
    number = int(raw.rpartition("_")[2])

    assert await found(assistant, document={"entity": entity, "id": number}) == ids_where(sql, "DOCUMENT_ID = ?", raw)


async def test_a_record_without_workflows_has_an_empty_list(assistant: Assistant) -> None:
    answer = await assistant.ask("list_workflows", document={"entity": "deals", "id": 999_999})

    assert answer == {"items": [], "returned": 0, "total": 0}


@pytest.mark.parametrize(("stuck", "count"), [(True, 11), (False, 129)])
async def test_stuck_is_a_lock_over_five_minutes_in_the_past(
    portal: DemoPortal, assistant: Assistant, sql: Sql, *, stuck: bool, count: int
) -> None:
    where = "OWNED_UNTIL < ?" if stuck else "OWNED_UNTIL is null or OWNED_UNTIL >= ?"
    wanted = ids_where(sql, where, stuck_since(portal))

    assert len(wanted) == count
    assert await found(assistant, stuck=stuck) == wanted


async def test_a_document_id_in_parts_means_the_same(portal: DemoPortal) -> None:
    with DemoPortal.start(deals=DEALS, limits=False, workflow_document_list=True) as older:
        async with assistant_for(older.url) as assistant:
            items = await every_item(assistant, "list_workflows", limit=500)

    assert {item["id"]: item for item in items} == expected_items(portal)


@pytest.mark.parametrize(
    ("arguments", "code", "candidates"),
    [
        ({"template": 714}, "UNKNOWN_TEMPLATE", None),
        ({"template": "Contract aproval"}, "UNKNOWN_TEMPLATE", ["Contract approval"]),
        ({"started_by": "Иванова"}, "AMBIGUOUS_VALUE", ["2", "5"]),
        ({"started_by": "Nobody"}, "UNKNOWN_VALUE", None),
        ({"document": {"entity": "deels", "id": 1}}, "UNKNOWN_ENTITY", ["deals"]),
        ({"filter": {"TEMPLATE": 1}}, "UNKNOWN_FIELD", ["templateId"]),
        ({"filter": {"modified": "yesterday-ish"}}, "INVALID_VALUE", None),
        ({"filter": {"templateId": "first"}}, "INVALID_VALUE", None),
        ({"filter": {"templateId": {"$contains": "1"}}}, "UNSUPPORTED_OPERATOR", None),
        ({"sort": "-started_at"}, "UNKNOWN_FIELD", ["started"]),
        ({"template": 12, "filter": {"templateId": 713}}, "INVALID_FILTER", None),
    ],
)
async def test_a_wrong_name_or_value_is_an_error_with_the_nearest(
    assistant: Assistant, arguments: dict[str, Any], code: str, candidates: list[str] | None
) -> None:
    error = await assistant.fail("list_workflows", **arguments)

    assert (error["code"], error.get("candidates", [])[: len(candidates or [])]) == (code, candidates or [])


@pytest.mark.parametrize("template", [714, "Contract aproval"])
async def test_the_templates_that_an_error_offers_can_be_asked_for(assistant: Assistant, template: int | str) -> None:
    error = await assistant.fail("list_workflows", template=template)

    for candidate in error["candidates"]:
        await assistant.ask("list_workflows", template=candidate)


async def test_a_key_without_administrator_rights_is_told_so(portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_user") as assistant:
        error = await assistant.fail("list_workflows")

    assert error["code"] == "BITRIX_ACCESS_DENIED"


async def test_an_instance_of_no_template_or_no_starter_is_shown_without_them(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    expected = expected_items(own_portal)
    first, second = sorted(expected)[:2]
    change(own_portal.database, "update workflows set STARTED_BY = null, TEMPLATE_ID = '' where ID = ?", first)
    change(own_portal.database, "update workflows set STARTED_BY = '' where ID = ?", second)
    for name in ("startedBy", "startedBy_name"):
        del expected[first][name], expected[second][name]
    for name in ("templateId", "templateId_name"):
        del expected[first][name]

    items = await every_item(own_assistant, "list_workflows", limit=50, sort="startedBy,templateId,id")

    assert {item["id"]: item for item in items} == expected
    assert {item["id"] for item in items[:2]} == {first, second}
    assert first not in await found(own_assistant, filter={"startedBy": {"$gte": 0}})
