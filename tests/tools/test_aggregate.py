"""`aggregate`: counts and figures compared with SQL's own."""

from typing import Any

import pytest

from assistants import Assistant, Sql
from oracle import FUNCTIONS, figures, moment

pytestmark = pytest.mark.anyio

BOOLEANS = {"UF_CRM_1700000009", "closed", "completed", "active", "ufCrm3_1700000105"}


def measures(*fields: str) -> list[dict[str, str]]:
    return [{"function": function, "field": field} for field in fields for function in FUNCTIONS]


def said_of(field: str, filled: int, total: int) -> dict[str, str]:
    """What an answer says of an average where some records have no value."""
    missing = {"note": f"avg_{field} is of the {filled:,} records that have a value, not of all {total:,}."}
    return missing if filled < total else {}


def unnamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without the names beside codes."""
    return [{name: value for name, value in row.items() if not name.endswith("_name")} for row in rows]


def largest_first(rows: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    """By count downwards, then by key with the empty one last."""
    return sorted(
        rows,
        key=lambda row: (-row["count"], *((row[key] is None, row[key] if row[key] is not None else 0) for key in keys)),
    )


async def grouped(assistant: Assistant, **arguments: Any) -> dict[str, Any]:
    return await assistant.ask("aggregate", limit=500, **arguments)


@pytest.mark.parametrize(
    ("conditions", "where", "more"),
    [
        ({}, "1", {}),
        ({"stageId": "C5:WON"}, "stageId = 'C5:WON'", {}),
        ({"stageId": "WON"}, "stageId = 'WON'",
         {"note": "stageId WON (Сделка успешна, funnel Общая) is a stage of one funnel; for all funnels filter by "
                  "stageSemanticId: won."}),
        ({"stageId": "WON", "categoryId": 0}, "stageId = 'WON'", {}),
        ({">=amount": 10_000, "currency": "EUR"}, "amount >= 10000 and currency = 'EUR'", {}),
        ({"createdAt": {"$between": ["2025-01-01", "2025-12-31"]}},
         "createdAt >= '2024-12-31T21:00:00Z' and createdAt < '2025-12-31T21:00:00Z'",
         {"filter_used": {"createdAt": {"$gte": "2025-01-01T00:00:00+03:00", "$lt": "2026-01-01T00:00:00+03:00"}}}),
        ({"Приоритет": "Высокий", "closed": False}, "UF_CRM_1700000001 = '202' and closed = 0",
         {"filter_used": {"UF_CRM_1700000001": "202"}, "names_used": {"UF_CRM_1700000001": "Высокий"}}),
        ({"amount": {"$lt": 0}}, "amount < 0", {"note": "Without the condition on amount, 600 match."}),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "asked", [{}, {"measures": [{"function": "count"}]}, {"measures": [{"function": "count", "field": "*"}]}]
)
async def test_a_count_is_the_number_of_records(
    assistant: Assistant, sql: Sql, conditions: dict[str, Any], where: str, more: dict[str, Any], asked: dict[str, Any]
) -> None:
    count = sql(f"select count(*) from deals where {where}")[0][0]

    answer = await assistant.ask("aggregate", entity="deals", filter=conditions, **asked)

    assert answer == {"rows": [{"count": count}], "total": count, "complete": True, **more}


@pytest.mark.parametrize(
    ("entity", "table", "field", "currency", "where"),
    [
        ("deals", "deals", "amount", "currency", "1"),
        ("deals", "deals", "amount", "currency", "categoryId = 7"),
        ("leads", "leads", "amount", "currency", "1"),
        ("quotes", "quotes", "amount", "currency", "1"),
        ("invoices", "invoices", "opportunity", "currencyId", "1"),
        ("companies", "companies", "revenue", "currencyId", "1"),
        ("Contracts", "items_174", "opportunity", "currencyId", "categoryId = 9"),
        ("products", "products", "price", "currency", "1"),
        ("orders", "orders", "price", "currency", "1"),
    ],
)
async def test_money_is_one_row_for_each_currency(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str, currency: str, where: str
) -> None:
    rows = sql(f"select {field}, {currency} from {table} where {where}")
    values = {code: [value for value, held in rows if held == code] for code in {code for _, code in rows}}
    expected = [{"count": len(held), **figures(field, held), "currency": code} for code, held in values.items()]
    name, _, value = where.partition(" = ")

    answer = await grouped(
        assistant, entity=entity, measures=measures(field), filter={name: int(value)} if value else {}
    )

    assert expected
    assert answer == {
        "rows": largest_first(expected, "currency"),
        "total": len(rows),
        "complete": True,
        **said_of(field, sum(value is not None for value, _ in rows), len(rows)),
    }


@pytest.mark.parametrize(
    ("entity", "table", "field"),
    [
        ("deals", "deals", "probability"),
        ("activities", "activities", "priority"),
        ("products", "products", "sort"),
        ("deals", "deals", "UF_CRM_1700000002"),
        ("deals", "deals", "UF_CRM_1700000005"),
        ("tasks", "tasks", "timeEstimate"),
        ("закупки", "items_156", "ufCrm7_1652689364"),
        ("1038", "items_1038", "ufCrm11_1700000122"),
    ],
)
async def test_other_figures_leave_empty_values_out(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str
) -> None:
    values = [row[0] for row in sql(f"select {field} from {table}")]

    answer = await grouped(assistant, entity=entity, measures=[*measures(field), {"function": "count", "field": field}])

    filled = len([value for value in values if value is not None])
    assert answer == {
        "rows": [{"count": len(values), **figures(field, values, 4), f"count_{field}": filled}],
        "total": len(values),
        "complete": True,
        **said_of(field, filled, len(values)),
    }


@pytest.mark.parametrize(
    ("entity", "table", "field"),
    [
        *(("deals", "deals", field) for field in ("stageId", "stageSemanticId", "categoryId", "assignedById")),
        *(("deals", "deals", field) for field in ("sourceId", "currency")),
        *(("deals", "deals", f"UF_CRM_17000000{number:02}") for number in (1, 5, 6, 7, 9, 12, 13, 16)),
        *(("leads", "leads", field) for field in ("statusId", "sourceId", "assignedById", "currency")),
        *(("contacts", "contacts", field) for field in ("typeId", "sourceId", "assignedById")),
        *(("companies", "companies", field) for field in ("companyType", "industry", "assignedById", "sourceId")),
        *(("quotes", "quotes", field) for field in ("stageId", "assignedById")),
        *(("invoices", "invoices", field) for field in ("stageId", "assignedById")),
        *(("174", "items_174", field) for field in ("stageId", "categoryId", "assignedById", "currencyId")),
        *(("174", "items_174", f"ufCrm3_170000010{number}") for number in (1, 2, 5, 6)),
        *(("activities", "activities", field) for field in ("typeId", "ownerTypeId", "responsibleId", "completed")),
        *(("tasks", "tasks", field) for field in ("status", "priority", "responsibleId", "title")),
        *(("products", "products", field) for field in ("sectionId", "catalogId", "active")),
    ],
)
async def test_records_are_counted_by_every_field_that_groups(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str
) -> None:
    rows = sql(f"select nullif({field}, ''), count(*) from {table} group by 1")
    expected = largest_first(
        [{field: bool(key) if field in BOOLEANS else key, "count": count} for key, count in rows], field
    )

    answer = await grouped(assistant, entity=entity, group_by=field, filter={})

    shown = answer["rows"]
    currency = {"currency", "currencyId"} & {field}
    assert [{field: row[field], "count": row["count"]} for row in shown] == expected[: len(shown)]
    assert [row.get("currency") for row in shown] == [
        row[field] if currency else None for row in expected[: len(shown)]
    ]
    assert (answer["total"], answer["complete"]) == (sum(count for _, count in rows), True)
    assert len(shown) == len(expected) or "note" in answer


async def test_groups_come_with_names_and_figures_of_their_own(assistant: Assistant, sql: Sql) -> None:
    names = dict(sql("select statusId, name from statuses where entityId like 'DEAL_STAGE%'"))
    rows = sql("select stageId, count(*), sum(amount), max(amount), currency from deals group by stageId, currency")

    answer = await grouped(
        assistant,
        entity="deals",
        group_by=["stageId"],
        measures=[
            {"function": "sum", "field": "amount"},
            {"function": "max", "field": "amount"},
            {"function": "count"},
        ],
        filter={"categoryId": ["Общая", "Export"]},
    )

    assert answer["rows"] == largest_first(
        [
            {
                "stageId": stage,
                "stageId_name": names[stage],
                "count": count,
                "sum_amount": round(total, 2),
                "max_amount": most,
                "currency": currency,
            }
            for stage, count, total, most, currency in rows
            if not stage.startswith("C5:")
        ],
        "stageId",
        "currency",
    )
    assert answer["complete"] is True


async def test_several_fields_group_together_with_the_empty_key_last(assistant: Assistant, sql: Sql) -> None:
    rows = sql("select sourceId, categoryId, count(*), currency from deals group by sourceId, categoryId, currency")

    answer = await grouped(assistant, entity="deals", group_by="sourceId,categoryId,currency", filter={})

    expected = largest_first(
        [
            {"sourceId": source, "categoryId": funnel, "currency": currency, "count": count}
            for source, funnel, count, currency in rows
        ],
        "sourceId",
        "categoryId",
        "currency",
    )
    assert unnamed(answer["rows"]) == expected[: len(answer["rows"])]
    assert (answer["total"], answer["complete"]) == (600, True)


async def test_people_are_named(assistant: Assistant, sql: Sql) -> None:
    names = {id_: f"{name} {last}" for id_, name, last in sql("select id, name, lastName from users")}

    answer = await grouped(assistant, entity="deals", group_by="Ответственный", filter={"closed": False})

    assert {row["assignedById_name"] == names[row["assignedById"]] for row in answer["rows"]} == {True}


@pytest.mark.parametrize(
    ("entity", "table", "field"),
    [("tasks", "tasks", "groupId"), ("deals", "deals", "companyId"), ("174", "items_174", "parentId2")],
)
async def test_links_that_are_not_set_are_the_empty_group(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str
) -> None:
    """The portal sends 0 or null for them."""
    rows = sql(f"select nullif({field}, 0), count(*) from {table} group by 1")
    filled = sql(f"select count(nullif({field}, 0)) from {table}")[0][0]

    answer = await grouped(assistant, entity=entity, group_by=field)
    counted = await grouped(assistant, entity=entity, measures=[{"function": "count", "field": field}])

    expected = largest_first([{field: key, "count": count} for key, count in rows], field)
    assert unnamed(answer["rows"]) == expected[: len(answer["rows"])]
    assert (len(answer["rows"]) == len(expected), answer["complete"]) == ("note" not in answer, True)
    assert counted["rows"] == [{"count": sum(count for _, count in rows), f"count_{field}": filled}]


@pytest.mark.parametrize(
    ("entity", "table", "field"),
    [("deals", "deals", "UF_CRM_1700000003"), ("174", "items_174", "ufCrm3_1700000103")],
)
async def test_money_of_a_user_field_is_one_row_for_each_of_its_own_currencies(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str
) -> None:
    """Records without a value have no currency."""
    stored = [row[0] for row in sql(f"select {field} from {table}")]
    values: dict[str | None, list[float]] = {}
    for value in stored:
        amount, _, code = (value or "").partition("|")
        values.setdefault(code or None, []).extend([float(amount)] if amount else [])
    counts = {
        code: len([1 for value in stored if ((value or "").partition("|")[2] or None) == code]) for code in values
    }

    answer = await grouped(assistant, entity=entity, measures=measures(field))

    assert answer == {
        "rows": largest_first(
            [{"count": counts[code], **figures(field, held), "currency": code} for code, held in values.items()],
            "currency",
        ),
        "total": len(stored),
        "complete": True,
    }


async def test_dates_group_by_periods_of_the_portals_zone(assistant: Assistant, sql: Sql) -> None:
    rows = sql(
        "select strftime('%Y-%m', createdAt, '+3 hours'), max(createdAt), min(closedAt), count(*) from deals group by 1"
    )

    answer = await grouped(
        assistant,
        entity="deals",
        group_by="createdAt:month",
        measures=[{"function": "max", "field": "createdAt"}, {"function": "min", "field": "closedAt"}],
        sort="createdAt_month",
    )

    assert answer == {
        "rows": [
            {"createdAt_month": month, "count": count, "max_createdAt": moment(last), "min_closedAt": first}
            for month, last, first, count in sorted(rows)
        ],
        "total": 600,
        "complete": True,
    }
