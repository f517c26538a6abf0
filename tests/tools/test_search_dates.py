"""`search_items`: days and moments in a filter, compared with the stored UTC moments."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assistants import Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.vibecode.client import GatewayClient
from oracle import MOSCOW, every_item, found_ids, stored

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


PERIODS = [
    ("today", "2026-07-15", "2026-07-16"),
    ("Вчера", "2026-07-14", "2026-07-15"),
    ("this_week", "2026-07-13", "2026-07-20"),
    ("на прошлой неделе", "2026-07-06", "2026-07-13"),
    ("last_month", "2026-06-01", "2026-07-01"),
    ("за прошлый квартал", "2026-04-01", "2026-07-01"),
    ("last year", "2025-01-01", "2026-01-01"),
    ("-30d", "2026-06-15", "2026-07-16"),
    ("последние 2 недели", "2026-07-01", "2026-07-16"),
    ("2026-Q2", "2026-04-01", "2026-07-01"),
    ("2026-05", "2026-05-01", "2026-06-01"),
    (2025, "2025-01-01", "2026-01-01"),
    ("2026-W28", "2026-07-06", "2026-07-13"),
]


@pytest.mark.parametrize(("written", "first", "end"), PERIODS)
@pytest.mark.parametrize("place", FIELDS, ids=str)
async def test_a_period_counts_from_the_portals_own_day(
    place: tuple[str, str, str], written: object, first: str, end: str, assistant: Assistant, sql: Sql
) -> None:
    entity, table, field = place
    begins, ends = (stored(datetime.fromisoformat(day).replace(tzinfo=MOSCOW)) for day in (first, end))
    meanings: list[tuple[dict[str, Any], str]] = [
        ({field: written}, f"{field} >= '{begins}' and {field} < '{ends}'"),
        ({field: {"$gte": written}}, f"{field} >= '{begins}'"),
        ({field: {"$lt": written}}, f"{field} < '{begins}'"),
    ]
    for condition, where in meanings:
        wanted = [row[0] for row in sql(f"select id from {table} where {where} order by id")]

        assert await found_ids(assistant, entity=entity, filter=condition) == wanted


@pytest.mark.parametrize(("written", "first", "end"), PERIODS)
async def test_a_period_on_a_field_of_days_holds_its_days(
    written: object, first: str, end: str, assistant: Assistant, sql: Sql
) -> None:
    wanted = [row[0] for row in sql("select id from deals where closedAt >= ? and closedAt < ?", first, end)]

    assert sorted(await found_ids(assistant, entity="deals", filter={"closedAt": written})) == sorted(wanted)


async def test_hours_count_back_from_the_portals_present_moment(assistant: Assistant, sql: Sql) -> None:
    wanted = [row[0] for row in sql("select id from deals where createdAt >= '2026-07-12T09:00:00Z' order by id")]

    assert wanted
    assert await found_ids(assistant, entity="deals", filter={"createdAt": {"$gte": "-72h"}}) == wanted
    assert await found_ids(assistant, entity="deals", filter={"createdAt": "last 72 hours"}) == wanted


async def test_the_answer_says_which_moments_were_asked_for(assistant: Assistant) -> None:
    conditions = {"createdAt": {"$between": ["-30d", "yesterday"]}, "amount": {"$gt": 0}, "closedAt": {"$lt": 2027}}

    answer = await assistant.ask("search_items", entity="deals", filter=conditions, limit=1)

    assert answer["filter_used"] == {
        "createdAt": {"$gte": "2026-06-15T00:00:00+03:00", "$lt": "2026-07-15T00:00:00+03:00"},
        "closedAt": {"$lt": "2027-01-01"},
    }


@pytest.mark.parametrize("zone", ["", "Asia/Tokyo"])
async def test_the_first_question_of_all_counts_from_the_portals_clock(zone: str, portal: DemoPortal, sql: Sql) -> None:
    """Its clock is known from its first answer on; the running workflows need none before they are asked for."""
    [(count,)] = sql("select count(*) from workflows where STARTED >= '2026-06-25T09:00:00Z'")

    async with assistant_for(portal.url, BITRIX24_MCP_TIME_ZONE=zone) as assistant:
        answer = await assistant.ask("list_workflows", filter={"started": {"$gte": "-480h"}})

    assert answer["total"] == count > 0


def in_august(_: GatewayClient) -> datetime:
    return datetime(2026, 8, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_items", {"entity": "deals", "filter": {"createdAt": "-2400h"}, "sort": "createdAt", "limit": 9}),
        ("search_items", {"entity": "deals", "filter": {"createdAt": "this_month"}, "sort": "title", "limit": 3}),
        ("list_workflows", {"filter": {"started": {"$gte": "-480h"}}, "sort": "started", "limit": 9}),
    ],
    ids=str,
)
async def test_all_pages_count_from_the_moment_of_the_first(
    tool: str, arguments: dict[str, Any], assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [item["id"] for item in await every_item(assistant, tool, **{**arguments, "limit": 500})]
    first = await assistant.ask(tool, **arguments)
    monkeypatch.setattr(GatewayClient, "now", in_august)

    rest = await every_item(assistant, tool, **arguments, cursor=first["next_cursor"])

    assert [item["id"] for item in (*first["items"], *rest)] == wanted


@pytest.mark.parametrize("cut", ["~", "~soon", "~999999999999", "~-5"])
async def test_a_cursor_with_another_moment_is_refused(cut: str, assistant: Assistant) -> None:
    question: dict[str, Any] = {"entity": "deals", "filter": {"createdAt": "-2400h"}, "limit": 1}
    first = await assistant.ask("search_items", **question)
    cursor = first["next_cursor"].partition("~")[0] + cut

    if cut == "~":
        assert (await assistant.ask("search_items", **question, cursor=cursor))["returned"] == 1
    else:
        assert (await assistant.fail("search_items", **question, cursor=cursor))["code"] == "INVALID_CURSOR"


@pytest.mark.parametrize(
    "value", ["2026-02-30", "2026-13-01", "12.07.2026", "soon", "2026-07-01T25:00:00", 20260701, True]
)
@pytest.mark.parametrize("field", ["createdAt", "UF_CRM_1700000007"])
async def test_what_is_no_date_is_an_error(assistant: Assistant, field: str, value: Any) -> None:
    error = await assistant.fail("search_items", entity="deals", filter={field: {"$gte": value}})

    assert error["code"] == "INVALID_VALUE"
