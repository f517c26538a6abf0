"""`funnel_report`: every figure compared with SQL's own."""

from typing import Any

import pytest

from assistants import Assistant, Sql, assistant_for, sql_over
from bitrix24_mcp.demo import DemoPortal
from funnel_rows import KEPT, block, history, stuck_of_any_age
from oracle import change, found_ids, moment

pytestmark = pytest.mark.anyio

FUNNELS = {
    "deals": {0: ("Общая", "DEAL_STAGE"), 5: ("Партнёры", "DEAL_STAGE_5"), 7: ("Export", "DEAL_STAGE_7")},
    "174": {8: ("General", "DYNAMIC_174_STAGE_8"), 9: ("Renewals", "DYNAMIC_174_STAGE_9")},
    "156": {41: ("Закупки", "DYNAMIC_156_STAGE_41")},
}
"""By entity, each funnel's name and the directory of its stages."""
YEAR = ("2025-12-31T21:00:00Z", "2026-12-31T21:00:00Z")
QUARTER = ("2026-03-31T21:00:00Z", "2026-06-30T21:00:00Z")


def within(entity: str, period: tuple[str, str]) -> str:
    field = KEPT[entity].created
    return f"{field} >= '{period[0]}' and {field} < '{period[1]}'"


def shown(period: tuple[str, str]) -> dict[str, str]:
    return {"$gte": moment(period[0]), "$lt": moment(period[1])}


def untimed(what: str) -> str:
    return (
        f"The portal keeps no moment of the last stage change of {what}: how long they have been in their stage, and "
        "which are stuck, is not known."
    )


def open_stages(entity: str) -> dict[str, Any]:
    """The condition for records in progress: deals say it themselves, of items the stages tell."""
    if entity == "deals":
        return {"stageSemanticId": "P"}
    funnels = FUNNELS[entity]
    return {
        "stageId": {"$in": [f"DT{entity}_{n}:{code}" for n in funnels for code in ("NEW", "PREPARATION", "CLIENT")]}
    }


@pytest.mark.parametrize(("entity", "written"), [("deals", "Сделки"), ("174", "Contracts"), ("156", 156)])
@pytest.mark.parametrize("stuck_days", [30, 12])
async def test_a_report_holds_a_block_for_each_funnel(
    assistant: Assistant, sql: Sql, entity: str, written: object, stuck_days: int
) -> None:
    where = within(entity, YEAR)
    blocks: list[dict[str, Any]] = [
        {"id": number, "name": name} | block(sql, entity, directory, f"{where} and categoryId = {number}", stuck_days)
        for number, (name, directory) in FUNNELS[entity].items()
    ]
    since = {30: "2026-06-15T12:00:00+03:00", 12: "2026-07-03T12:00:00+03:00"}[stuck_days]

    answer = await assistant.ask("funnel_report", entity=written, created="2026", stuck_days=stuck_days)

    assert answer == {
        "entity": entity,
        "created": shown(YEAR),
        "funnels": blocks,
        "stuck": {
            "days": stuck_days,
            "records": sum(stage.get("stuck", 0) for each in blocks for stage in each["stages"]),
            "filter": {KEPT[entity].created: shown(YEAR), **open_stages(entity), "movedTime": {"$lt": since}},
            "of_any_age": {
                "records": len(stuck_of_any_age(sql, entity, stuck_days)),
                "filter": {**open_stages(entity), "movedTime": {"$lt": since}},
            },
        },
        "total": sum(each["entered"] for each in blocks),
        "complete": True,
    }
    assert [sum(stage["records"] for stage in each["stages"]) for each in blocks] == [
        each["entered"] for each in blocks
    ]


@pytest.mark.parametrize(
    ("entity", "directory", "funnel"),
    [
        ("leads", "STATUS", {}),
        ("quotes", "QUOTE_STATUS", {}),
        ("invoices", "SMART_INVOICE_STAGE_3", {"id": 3, "name": "Счета"}),
    ],
)
async def test_what_the_portal_does_not_keep_is_said(
    assistant: Assistant, sql: Sql, entity: str, directory: str, funnel: dict[str, Any]
) -> None:
    counted = block(sql, entity, directory, within(entity, YEAR))

    answer = await assistant.ask("funnel_report", entity=entity, created="2026")

    assert answer == {
        "entity": entity,
        "created": shown(YEAR),
        "funnels": [funnel | counted],
        "total": counted["entered"],
        "complete": True,
        "note": untimed(entity),
    }


@pytest.mark.parametrize("funnel", ["Партнеры", 5, "5"])
async def test_one_funnel_is_asked_for_by_name_or_id(assistant: Assistant, sql: Sql, funnel: object) -> None:
    wanted = block(sql, "deals", "DEAL_STAGE_5", f"{within('deals', QUARTER)} and categoryId = 5")

    answer = await assistant.ask("funnel_report", entity="deals", funnel=funnel, created="прошлый квартал")

    assert answer["funnels"] == [{"id": 5, "name": "Партнёры"} | wanted]
    assert answer["stuck"]["filter"] == {
        "categoryId": 5,
        "createdAt": shown(QUARTER),
        "stageSemanticId": "P",
        "movedTime": {"$lt": "2026-06-15T12:00:00+03:00"},
    }


@pytest.mark.parametrize(
    ("created", "shown_as"),
    [
        (None, {"$gte": "2026-07-01T00:00:00+03:00", "$lt": "2026-10-01T00:00:00+03:00"}),
        ("last_month", {"$gte": "2026-06-01T00:00:00+03:00", "$lt": "2026-07-01T00:00:00+03:00"}),
        (2025, {"$gte": "2025-01-01T00:00:00+03:00", "$lt": "2026-01-01T00:00:00+03:00"}),
        ({"$lte": "2025-12-31"}, {"$lt": "2026-01-01T00:00:00+03:00"}),
        ("2026-06-30T09:30:00+03:00", {"$eq": "2026-06-30T09:30:00+03:00"}),
    ],
)
async def test_the_period_is_echoed_as_it_was_understood(
    assistant: Assistant, created: object, shown_as: dict[str, str]
) -> None:
    answer = await assistant.ask("funnel_report", entity="deals", **({} if created is None else {"created": created}))

    assert answer["created"] == shown_as


async def test_further_conditions_narrow_the_records(assistant: Assistant, sql: Sql) -> None:
    where = f"{within('deals', YEAR)} and categoryId in (5, 7) and currency = 'EUR' and amount > 1000"
    filters = {"Воронка": ["Партнёры", "Export"], "currency": "EUR", ">amount": 1000}

    answer = await assistant.ask("funnel_report", entity="deals", created="2026", filter=filters)

    assert answer["funnels"] == [
        {"id": number, "name": FUNNELS["deals"][number][0]}
        | block(sql, "deals", FUNNELS["deals"][number][1], f"{where} and categoryId = {number}")
        for number in (5, 7)
    ]
    assert answer["filter_used"] == {"categoryId": {"$in": [5, 7]}}


async def test_a_stage_name_of_two_funnels_means_that_of_the_funnel_asked_for(assistant: Assistant, sql: Sql) -> None:
    count = sql(f"select count(*) from deals where {within('deals', YEAR)} and stageId = 'C5:PREPAYMENT_INVOICE'")[0][0]

    answer = await assistant.ask(
        "funnel_report", entity="deals", funnel=5, created="2026", filter={"stageId": "Счёт на предоплату"}
    )

    assert count
    assert (answer["total"], answer["filter_used"]) == (count, {"stageId": "C5:PREPAYMENT_INVOICE"})
    assert [stage["code"] for stage in answer["funnels"][0]["stages"] if stage["records"]] == ["C5:PREPAYMENT_INVOICE"]


@pytest.mark.parametrize("entity", ["deals", "174", "156"])
@pytest.mark.parametrize("stuck_days", [1, 10, 100])
async def test_the_filter_of_the_stuck_lists_them(assistant: Assistant, sql: Sql, entity: str, stuck_days: int) -> None:
    kept = KEPT[entity]
    wanted = sql(
        f"select id from {kept.table} where {within(entity, YEAR)} and stageId in (select statusId from statuses"
        f" where semantics is null) and julianday('2026-07-15T09:00:00Z') - julianday(movedTime) > {stuck_days}"
        " order by id"
    )

    answer = await assistant.ask("funnel_report", entity=entity, created="2026", stuck_days=stuck_days)

    stuck = answer["stuck"]
    assert await found_ids(assistant, entity=entity, filter=stuck["filter"], sort="id") == [row[0] for row in wanted]
    assert stuck["records"] == len(wanted)


async def test_a_question_that_leaves_out_the_open_stages_has_no_filter_for_the_stuck(assistant: Assistant) -> None:
    answer = await assistant.ask("funnel_report", entity="deals", created="2026", filter={"stageSemanticId": "won"})

    assert answer["stuck"] == {"days": 30, "records": 0, "filter": None}
    assert {(each["conversion"], each["win_rate"]) for each in answer["funnels"]} == {(100, 100)}
    assert answer["note"] == "The filter asks for an outcome, so conversion says nothing."


async def test_a_period_without_records_has_neither_conversion_nor_stages(assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("funnel_report", entity="deals", created="2019")

    nothing = {"entered": 0, "in_progress": 0, "won": 0, "lost": 0, "conversion": None, "win_rate": None}
    assert answer == {
        "entity": "deals",
        "created": {"$gte": "2019-01-01T00:00:00+03:00", "$lt": "2020-01-01T00:00:00+03:00"},
        "funnels": [
            {"id": number, "name": name, **nothing, "won_amount": [], "stages": []}
            for number, (name, _) in FUNNELS["deals"].items()
        ],
        "stuck": {
            "days": 30,
            "records": 0,
            "filter": {
                "createdAt": {"$gte": "2019-01-01T00:00:00+03:00", "$lt": "2020-01-01T00:00:00+03:00"},
                "stageSemanticId": "P",
                "movedTime": {"$lt": "2026-06-15T12:00:00+03:00"},
            },
            "of_any_age": {
                "records": len(stuck_of_any_age(sql, "deals")),
                "filter": {"stageSemanticId": "P", "movedTime": {"$lt": "2026-06-15T12:00:00+03:00"}},
            },
        },
        "total": 0,
        "complete": True,
        "note": "No record matches. Without the condition on createdAt, 600 match.",
    }


async def test_a_record_in_a_stage_that_is_gone_is_counted(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    """Deals say their outcome themselves, items do not."""
    before = await own_assistant.ask("funnel_report", entity="deals", funnel=0, created="2026")
    items = await own_assistant.ask("funnel_report", entity="174", funnel=8, created="2026")
    change(own_portal.database, "delete from statuses where statusId in ('PREPARATION', 'LOSE', 'DT174_8:CLIENT')")

    async with assistant_for(own_portal.url) as later:
        deals = await later.ask("funnel_report", entity="deals", funnel=0, created="2026")
        contracts = await later.ask("funnel_report", entity="174", funnel=8, created="2026")

    known = {stage["code"]: stage for stage in before["funnels"][0]["stages"]}
    gone = [known.pop(code) | {"name": "unknown stage"} for code in ("LOSE", "PREPARATION")]
    missing = sum(stage["records"] for stage in gone)
    assert deals == {
        **before,
        "funnels": [{**before["funnels"][0], "stages": [*known.values(), *gone]}],
        "note": f"Records in a stage or funnel that the portal does not show: {missing}.",
    }
    [item] = [stage for stage in items["funnels"][0]["stages"] if stage["code"] == "DT174_8:CLIENT"]
    held = contracts["funnels"][0]
    assert held["stages"][-1] == {"code": "DT174_8:CLIENT", "name": "unknown stage", "records": item["records"]}
    assert held["entered"] == held["in_progress"] + held["won"] + held["lost"] + item["records"]
    assert contracts["note"] == (
        f"Records in a stage or funnel that the portal does not show: {item['records']}. Those of them whose "
        f"outcome is not known: {item['records']}."
    )
    listed = await found_ids(own_assistant, entity="174", filter=contracts["stuck"]["filter"])
    assert contracts["stuck"]["records"] == len(listed)


async def test_a_deal_that_does_not_say_its_outcome_is_judged_by_its_stage(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    before = await own_assistant.ask("funnel_report", entity="deals", funnel=0, created="2026", stuck_days=5)
    change(own_portal.database, "update deals set stageSemanticId = null where id % 2")

    answer = await own_assistant.ask("funnel_report", entity="deals", funnel=0, created="2026", stuck_days=5)

    open_ones = ["NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE"]
    by_stage = {"categoryId": 0, "stageId": {"$in": open_ones}}
    stuck = before["stuck"]
    listed = {**stuck["filter"], **by_stage}
    del listed["stageSemanticId"]
    everywhere = {name: value for name, value in listed.items() if name != "createdAt"}
    assert answer == {
        **before,
        "stuck": {**stuck, "filter": listed, "of_any_age": {**stuck["of_any_age"], "filter": everywhere}},
    }
    assert len(await found_ids(own_assistant, entity="deals", filter=listed)) == before["stuck"]["records"] > 0


async def test_a_record_without_the_moment_of_its_move_is_left_out_of_the_times(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    before = await own_assistant.ask("funnel_report", entity="deals", funnel=0, created="2026")
    change(own_portal.database, "update deals set movedTime = null where stageId = 'NEW'")

    answer = await own_assistant.ask("funnel_report", entity="deals", funnel=0, created="2026")

    first, *others = before["funnels"][0]["stages"]
    timed = {"median_days", "p90_days"}
    assert first["code"] == "NEW"
    assert answer["funnels"][0]["stages"] == [
        {name: value for name, value in first.items() if name not in timed} | {"stuck": 0}, *others,
    ]  # fmt: skip
    assert answer["note"] == (
        "Records in progress without the moment of their last stage change, which are left out of the times and of "
        f"stuck: {first['records']}."
    )


async def test_a_funnel_that_the_portal_does_not_show_has_a_block_of_its_own(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    counted = sql_over(own_portal.database)(
        f"select count(*) from deals where {within('deals', YEAR)} and categoryId = 7"
    )[0][0]
    change(own_portal.database, "delete from deal_categories where id = 7")

    answer = await own_assistant.ask("funnel_report", entity="deals", created="2026")

    assert [(each["id"], each["name"]) for each in answer["funnels"]] == [
        (0, "Общая"), (5, "Партнёры"), (7, "unknown funnel"),
    ]  # fmt: skip
    assert answer["funnels"][-1]["entered"] == counted
    assert answer["note"] == f"Records in a stage or funnel that the portal does not show: {counted}."


async def test_a_record_that_names_no_funnel_is_in_that_of_its_stage(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    before = await own_assistant.ask("funnel_report", entity="deals", created="2026")
    change(own_portal.database, "update deals set categoryId = null where categoryId = 5")

    by_stage = await own_assistant.ask("funnel_report", entity="deals", created="2026")
    change(own_portal.database, "update deals set stageId = 'GONE' where stageId = 'C5:WON'")
    nowhere = await own_assistant.ask("funnel_report", entity="deals", created="2026")

    won = before["funnels"][1]["won"]
    assert by_stage == before
    assert nowhere["funnels"][-1] == {
        "id": None,
        "name": "unknown funnel",
        "entered": won,
        "in_progress": 0,
        "won": won,
        "lost": 0,
        "conversion": 100,
        "win_rate": 100,
        "won_amount": before["funnels"][1]["won_amount"],
        "stages": [{"code": "GONE", "name": "unknown stage", "semantics": "won", "records": won}],
    }


async def test_the_stage_history_tells_who_reached_each_stage_and_for_how_long(assistant: Assistant, sql: Sql) -> None:
    where = f"{within('deals', QUARTER)} and categoryId = 5"
    wanted = block(sql, "deals", "DEAL_STAGE_5", where)
    told = history(sql, where)
    for stage in wanted["stages"]:
        stage.update(told.get(stage["code"], {"reached": 0, "stays": 0}))

    answer = await assistant.ask("funnel_report", entity="deals", funnel=5, created="2026-Q2", history=True)

    assert answer == {
        "entity": "deals",
        "created": shown(QUARTER),
        "funnels": [{"id": 5, "name": "Партнёры"} | wanted],
        "stuck": answer["stuck"],
        "total": wanted["entered"],
        "complete": True,
        "as_of": "2026-07-15T12:00:00+03:00",
    }
    assert wanted["stages"][0]["reached"] == wanted["entered"]
