"""The model sees the columns asked for, without the empty, the technical and the invisible, within its budget."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bitrix24_mcp.crm.cursors import Cursor, encode
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.shape import columnar, compact, fitting, shape, tokens

BERLIN = ZoneInfo("Europe/Berlin")


def shaped(row: dict[str, Any], fields: Fields) -> dict[str, Any]:
    return shape(row, fields, list(row), BERLIN)


def test_only_the_columns_asked_for_come_in_their_order_after_the_id(deals: Fields) -> None:
    row = {"title": "T", "amount": 5, "id": 7, "stageId": "NEW"}

    assert list(shape(row, deals, ["stageId", "title", "stageId"], BERLIN).items()) == [
        ("id", 7),
        ("stageId", "NEW"),
        ("title", "T"),
    ]


def test_empty_values_are_left_out_and_zero_and_false_are_not(deals: Fields) -> None:
    row: dict[str, Any] = {"id": 7, "title": "", "comments": None, "ufCrm_marks": [], "probability": 0, "opened": False}

    assert shaped(row, deals) == {"id": 7, "probability": 0, "opened": False}


@pytest.mark.parametrize(
    ("field", "stored", "read"),
    [
        ("createdAt", "2026-07-17T14:16:18.000Z", "2026-07-17T16:16:18+02:00"),
        ("closedAt", "2026-07-24T00:00:00.000Z", "2026-07-24"),
        ("closedAt", "2026-07-24", "2026-07-24"),
        ("amount", "1500.50", 1500.5),
        ("amount", "1500.00", 1500),
        ("amount", 1500.5, 1500.5),
        ("probability", "70", 70),
        ("assignedById", "12", 12),
        ("companyId", "15", 15),
        ("ufCrm_score", "NaN", "NaN"),
        ("probability", "n/a", "n/a"),
        ("title", "<b>A&amp;B</b>\u200b", "A&B"),
        ("comments", "[b]x[/b]\n\n[url=https://x.example]y[/url]", "x\ny"),
        ("title", "007", "007"),
        ("ufCrm_marks", ["1", "2", ""], [1, 2]),
        ("ufCrm_odd", [{"VALUE": "+7 916", "VALUE_TYPE": "WORK"}, {"VALUE": ""}], ["+7 916"]),
    ],
)
def test_a_value_is_read_as_its_kind(field: str, stored: Any, read: Any, deals: Fields) -> None:
    assert shaped({"id": 1, field: stored}, deals) == {"id": 1, field: read}


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("1500.50|RUB", {"ufCrm_budget": 1500.5, "ufCrm_budget_currency": "RUB"}),
        ("0|EUR", {"ufCrm_budget": 0, "ufCrm_budget_currency": "EUR"}),
        ("1500|", {"ufCrm_budget": 1500}),
        ("|", {}),
        (["5|RUB", "6|EUR"], {"ufCrm_budget": ["5|RUB", "6|EUR"]}),
    ],
)
def test_money_of_a_user_field_has_its_currency_beside_it(stored: Any, read: dict[str, Any], deals: Fields) -> None:
    assert shaped({"id": 1, "ufCrm_budget": stored}, deals) == {"id": 1, **read}


def test_a_file_never_shows_a_link(deals: Fields) -> None:
    token = "https://portal.example/download?token=secret"
    stored = {
        "id": 15,
        "name": "offer.pdf",
        "url": token,
        "urlMachine": token,
        "downloadUrl": token,
        "DOWNLOADMACHINE": "x",
        "preview": token,
        "links": [token],
        "size": None,
    }

    assert shaped({"id": 1, "ufCrm_odd": stored}, deals) == {"id": 1, "ufCrm_odd": {"id": 15, "name": "offer.pdf"}}
    assert shaped({"id": 1, "ufCrm_odd": [stored]}, deals) == {"id": 1, "ufCrm_odd": [{"id": 15, "name": "offer.pdf"}]}


def test_a_column_that_the_portal_does_not_describe_is_shown_as_it_is(deals: Fields) -> None:
    assert shaped({"id": 1, "new": "<b>x</b>"}, deals) == {"id": 1, "new": "x"}


REAL_COUNTS: list[tuple[Any, int]] = [
    (
        {
            "id": 4711,
            "title": "Website for Miller & Sons",
            "stageId": "C5:PREPAYMENT_INVOICE",
            "stageId_name": "Prepayment",
            "categoryId": 5,
            "amount": 125000.5,
            "currency": "EUR",
            "assignedById": 12,
            "assignedById_name": "Ann Baker",
            "createdAt": "2026-07-17T17:16:18+03:00",
        },
        83,
    ),
    (
        {
            "id": 812,
            "title": "Поставка оборудования для ООО «Северный ветер»",
            "stageId": "EXECUTING",
            "stageId_name": "В работе",
            "assignedById_name": "Ёлкина Анна Щербатовна",
            "amount": 1890000,
            "currency": "RUB",
        },
        61,
    ),
    ([{"id": number, "amount": number * 7919.25} for number in range(100_001, 100_021)], 262),
    ("СРОЧНЫЙ ДОГОВОР № 15/ЩЦ-Ю «ЭЛЕКТРОМОНТАЖ»", 28),
]
"""Counted once with the o200k vocabulary (the last as bare text)."""


@pytest.mark.parametrize(("sample", "real"), REAL_COUNTS, ids=["english", "russian", "figures", "russian capitals"])
def test_the_estimate_of_tokens_is_never_below_the_real_count(sample: Any, real: int) -> None:
    text = sample if isinstance(sample, str) else compact(sample)

    assert real <= tokens(text) <= 2 * real


def test_an_answer_is_written_without_a_spare_character() -> None:
    assert compact({"a": [1, "é"], "b": {"c": True}}) == '{"a":[1,"é"],"b":{"c":true}}'


NOTE = (
    "Ended after 9 of 20 records to keep within the token budget; next_cursor continues right after the last one. "
    "Fewer columns in select make room for more records."
)


@pytest.mark.parametrize("budget", [300, 500, 1_000, 4_000])
def test_an_answer_cut_to_its_budget_keeps_to_it_with_all_that_surrounds_the_rows(budget: int) -> None:
    rows = [{"id": number, "title": "Договор поставки оборудования"} for number in range(1, 301)]
    count = fitting(rows, budget)
    cursor = encode(Cursor("after", ("2026-07-17T14:16:18.000Z", 123_456)), [])
    answer = {"items": rows[:count], "returned": count, "total": 12_345, "next_cursor": cursor, "note": NOTE}

    assert 1 < count < len(rows)
    assert tokens(compact(answer)) <= budget
    assert tokens(compact(rows[: count + 1])) > budget - 200 - 2 * count


def test_one_row_is_always_given_and_none_of_nothing() -> None:
    assert fitting([{"title": "x" * 10_000}, {"id": 2}], 300) == 1
    assert fitting([], 300) == 0


TABLES: list[tuple[list[dict[str, Any]], list[str], list[list[Any]]]] = [
    ([], [], []),
    ([{}], [], [[]]),
    ([{"id": 1, "a": 0, "b": False}], ["id", "a", "b"], [[1, 0, False]]),
    ([{"id": 1, "c": 3}, {"id": 2, "a": 1, "c": 4}], ["id", "a", "c"], [[1, None, 3], [2, 1, 4]]),
    ([{"id": 1, "a": 1}, {"id": 2, "b": 2}], ["id", "a", "b"], [[1, 1, None], [2, None, 2]]),
    ([{"count": 1, "avg": None}, {"count": 2, "avg": None}], ["count"], [[1], [2]]),
    ([{"stageId": None, "count": 1}, {"stageId": "WON", "count": 2}], ["stageId", "count"], [[None, 1], ["WON", 2]]),
    ([{"id": 1, "tags": ["x", "y"]}], ["id", "tags"], [[1, ["x", "y"]]]),
]


@pytest.mark.parametrize(("rows", "columns", "values"), TABLES, ids=str)
def test_rows_become_columns_in_their_order_without_the_empty_ones(
    rows: list[dict[str, Any]], columns: list[str], values: list[list[Any]]
) -> None:
    assert columnar(rows) == (columns, values)
