"""`search_items`: days and moments in a filter, compared with the stored UTC moments."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from assistants import Assistant, Sql
from oracle import MOSCOW, found_ids, stored

pytestmark = pytest.mark.anyio

FIELDS = [
    ("deals", "deals", "createdAt"),
    ("deals", "deals", "UF_CRM_1700000008"),
    ("leads", "leads", "updatedTime"),
    ("contracts", "items_174", "movedTime"),
]


def day_of(sql: Sql, table: str, field: str) -> datetime:
    """The Moscow midnight before a moment that a record in the middle has."""
    moments = sql(f"select {field} from {table} where {field} is not null order by {field}")
    moment = datetime.fromisoformat(moments[len(moments) // 2][0]).astimezone(MOSCOW)
    return moment.replace(hour=0, minute=0, second=0)


@pytest.mark.parametrize(("entity", "table", "field"), FIELDS)
async def test_a_bare_date_is_that_whole_day_in_the_portals_zone(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str
) -> None:
    start = day_of(sql, table, field)
    day, begins, ends = start.date().isoformat(), stored(start), stored(start + timedelta(days=1))
    week = (start - timedelta(days=7)).date().isoformat()
    meanings: list[tuple[dict[str, Any], str]] = [
        ({field: day}, f"{field} >= '{begins}' and {field} < '{ends}'"),
        ({field: {"$gte": day}}, f"{field} >= '{begins}'"),
        ({field: {"$gt": day}}, f"{field} >= '{ends}'"),
        ({field: {"$lt": day}}, f"{field} < '{begins}'"),
        ({field: {"$lte": day}}, f"{field} < '{ends}'"),
        ({f"<={field}": day, f">{field}": week}, f"{field} < '{ends}' and {field} >= '{week}T21:00:00Z'"),
        ({field: {"$between": [day, day]}}, f"{field} >= '{begins}' and {field} < '{ends}'"),
    ]
    for condition, where in meanings:
        wanted = [row[0] for row in sql(f"select id from {table} where {where} order by id")]

        assert wanted
        assert await found_ids(assistant, entity=entity, filter=condition) == wanted


@pytest.mark.parametrize(
    "form",
    [
        "{moscow}",
        "{utc}",
        "{utc_offset}",
        "{local}",
        "{spaced}",
        "{minutes}",
    ],
)
@pytest.mark.parametrize("operator", ["$eq", "$gt", "$gte", "$lt", "$lte"])
async def test_a_moment_is_exact_and_without_an_offset_in_the_portals_zone(
    assistant: Assistant, sql: Sql, form: str, operator: str
) -> None:
    moment = datetime.fromisoformat(sql("select createdAt from deals where id = 300")[0][0]).astimezone(MOSCOW)
    if form == "{minutes}":
        moment = moment.replace(second=0)
    text = form.format(
        moscow=moment.isoformat(),
        utc=stored(moment),
        utc_offset=stored(moment).replace("Z", "+00:00"),
        local=moment.replace(tzinfo=None).isoformat(),
        spaced=moment.replace(tzinfo=None).isoformat(sep=" "),
        minutes=moment.replace(tzinfo=None).isoformat(timespec="minutes"),
    )
    sign = {"$eq": "=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}[operator]
    wanted = [row[0] for row in sql(f"select id from deals where createdAt {sign} ? order by id", stored(moment))]

    assert await found_ids(assistant, entity="deals", filter={"createdAt": {operator: text}}) == wanted


@pytest.mark.parametrize(("operator", "sign"), [("$gt", ">"), ("$gte", ">"), ("$lt", "<="), ("$lte", "<=")])
async def test_a_fraction_of_a_second_keeps_its_side_of_the_whole_second(
    assistant: Assistant, sql: Sql, operator: str, sign: str
) -> None:
    """23:59:59.5 lies after what happened at 23:59:59 and before what happened at midnight."""
    second = sql("select createdAt from deals where id = 300")[0][0]
    wanted = [row[0] for row in sql(f"select id from deals where createdAt {sign} ? order by id", second)]

    found = await found_ids(assistant, entity="deals", filter={"createdAt": {operator: second.replace("Z", ".500Z")}})

    assert found == wanted


@pytest.mark.parametrize(
    ("condition", "where"),
    [
        ({"Дата сдачи": {"$lt": "2025-05-12"}}, "< '2025-05-12'"),
        ({"Дата сдачи": {"$lte": "2025-05-12"}}, "<= '2025-05-12'"),
        ({"Дата сдачи": {"$gt": "2025-05-12"}}, "> '2025-05-12'"),
        ({"Дата сдачи": {"$gte": "2025-05-12"}}, ">= '2025-05-12'"),
        ({"Дата сдачи": "2025-05-12"}, "= '2025-05-12'"),
        ({"Дата сдачи": {"$between": ["2025-05-12", "2025-06-12"]}}, "between '2025-05-12' and '2025-06-12'"),
    ],
)
async def test_a_field_of_days_compares_days(
    assistant: Assistant, sql: Sql, condition: dict[str, Any], where: str
) -> None:
    wanted = [row[0] for row in sql(f"select id from deals where UF_CRM_1700000007 {where} order by id")]

    assert wanted
    assert await found_ids(assistant, entity="deals", filter=condition) == wanted


@pytest.mark.parametrize(
    "value", ["2026-02-30", "2026-13-01", "12.07.2026", "soon", "2026-07-01T25:00:00", 20260701, True]
)
@pytest.mark.parametrize("field", ["createdAt", "UF_CRM_1700000007"])
async def test_what_is_no_date_is_an_error(assistant: Assistant, field: str, value: Any) -> None:
    error = await assistant.fail("search_items", entity="deals", filter={field: {"$gte": value}})

    assert error["code"] == "INVALID_VALUE"
