"""The gateway's envelope is understood in all the forms in which it has been seen."""

import json
from typing import Any

import pytest

from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.vibecode.envelope import Answer, read
from bitrix24_mcp.vibecode.errors import Refusal

ROWS = [{"id": 1}, {"id": 2}]


def answer(**envelope: Any) -> Answer:
    found = read(200, json.dumps({"success": True, **envelope}).encode(), "")
    assert isinstance(found, Answer)
    return found


def refusal(status: int, error: Any, retry_after: str = "") -> Refusal:
    found = read(status, json.dumps({"success": False, "error": error}).encode(), retry_after)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize(
    ("envelope", "total"),
    [
        ({"data": ROWS, "meta": {"total": 7}}, 7),
        ({"data": ROWS, "total": 7}, 7),
        ({"data": ROWS, "meta": {"total": 7}, "total": 9}, 7),
        ({"data": ROWS, "meta": {"total": None}, "total": 7}, 7),
        ({"data": ROWS, "meta": None, "total": 7}, 7),
        ({"data": ROWS, "meta": []}, None),
        ({"data": ROWS}, None),
        ({"data": ROWS, "meta": {"total": 0, "hasMore": True}}, None),
        ({"data": ROWS, "total": 0}, None),
        ({"data": {"id": 1}, "meta": {"total": 0}}, None),
        ({"data": [], "meta": {"total": 0}}, 0),
        ({"data": [], "total": 0}, 0),
        ({"data": [], "meta": {"total": 12}}, 12),
        ({"data": ROWS, "meta": {"total": "many"}}, None),
        ({"data": ROWS, "meta": {"total": True}}, None),
        ({"data": ROWS, "meta": {"total": 2, "hasMore": False}}, 2),
        ({"data": ROWS, "meta": {"total": 2, "hasMore": True}}, None),
        ({"data": ROWS, "meta": {"total": 1}}, None),
        ({"data": ROWS, "meta": {"total": 3, "hasMore": True}}, 3),
    ],
    ids=str,
)
def test_the_total_is_found_where_it_stands_and_one_that_leaves_out_rows_is_unknown(
    envelope: dict[str, Any], total: int | None
) -> None:
    assert answer(**envelope).total() == total


@pytest.mark.parametrize(
    ("data", "rows"),
    [(ROWS, ROWS), ([], []), ({"id": 1}, [{"id": 1}])],
)
def test_rows_come_as_an_array_or_as_a_bare_object(data: Any, rows: list[Any]) -> None:
    assert answer(data=data).rows() == rows


@pytest.mark.parametrize("data", ["text", 5, True, [1, 2], [{"id": 1}, None]])
def test_what_is_no_record_is_no_answer(data: Any) -> None:
    with pytest.raises(UnexpectedAnswer, match="something else than records"):
        answer(data=data).rows()


def test_a_single_record_is_an_object() -> None:
    assert answer(data={"id": 1}).record() == {"id": 1}
    for other in ([{"id": 1}], None, "text"):
        with pytest.raises(UnexpectedAnswer, match="something else than a record"):
            answer(data=other).record()


@pytest.mark.parametrize(
    ("envelope", "offset", "asked", "more"),
    [
        ({"data": ROWS, "meta": {"total": 5}}, 0, 2, True),
        ({"data": ROWS, "meta": {"total": 5}}, 3, 2, False),
        ({"data": ROWS, "meta": {"total": 2, "hasMore": True}}, 0, 2, True),
        ({"data": ROWS, "meta": {"total": 5, "hasMore": True}}, 3, 2, True),
        ({"data": ROWS, "meta": {"total": 2, "hasMore": False}}, 0, 2, False),
        ({"data": ROWS, "meta": {"total": 1, "hasMore": True}}, 0, 2, True),
        ({"data": ROWS, "meta": {"total": 0, "hasMore": True}}, 0, 2, True),
        ({"data": ROWS, "meta": {"total": 0, "hasMore": False}}, 0, 2, False),
        ({"data": ROWS}, 0, 2, True),
        ({"data": ROWS}, 0, 3, False),
        ({"data": [], "meta": {"total": 5}}, 10, 2, False),
    ],
    ids=str,
)
def test_more_follows_when_the_total_or_the_gateway_or_a_full_page_says_so(
    envelope: dict[str, Any], offset: int, asked: int, *, more: bool
) -> None:
    assert answer(**envelope).has_more(offset, asked) is more


@pytest.mark.parametrize(
    ("error", "header", "read_as"),
    [
        ({"code": "RATE_LIMITED", "message": "m", "retryAfter": 2}, "", Refusal(429, "RATE_LIMITED", "m", 2)),
        ({"code": "RATE_LIMITED", "message": "m"}, "3", Refusal(429, "RATE_LIMITED", "m", 3)),
        ({"code": "RATE_LIMITED", "message": "m", "retryAfter": 2}, "3", Refusal(429, "RATE_LIMITED", "m", 3)),
        ({"code": "X", "message": None, "retryAfter": None}, "", Refusal(429, "X", "", None)),
        ({"code": None}, "", Refusal(429, "", "", None)),
        ("text", "", Refusal(429, "", "", None)),
        (None, "", Refusal(429, "", "", None)),
        ([], "-1", Refusal(429, "", "", None)),
    ],
    ids=str,
)
def test_a_refusal_holds_what_the_gateway_said(error: Any, header: str, read_as: Refusal) -> None:
    assert refusal(429, error, header) == read_as


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{", b"null"])
def test_a_refusal_without_an_envelope_is_known_by_its_status(body: bytes) -> None:
    assert read(502, body, "5") == Refusal(502, "", "", 5)


def test_no_content_is_no_answer_to_a_question() -> None:
    with pytest.raises(UnexpectedAnswer):
        read(204, b"", "")


def test_an_answer_without_data_has_no_rows_to_give() -> None:
    with pytest.raises(UnexpectedAnswer, match="without data"):
        answer(data=None).rows()


def test_more_records_without_any_are_no_answer() -> None:
    with pytest.raises(UnexpectedAnswer):
        answer(data=[], meta={"hasMore": True}).has_more(0, 2)


def test_a_list_goes_on_only_where_nobody_counted() -> None:
    said = [
        answer(data=ROWS, meta=meta).goes_on()
        for meta in (
            {"hasMore": True},
            {"total": 0, "hasMore": True},
            {"total": 9, "hasMore": True},
            {"total": 2, "hasMore": True},
            {"hasMore": False},
        )
    ]

    assert said == [True, True, False, True, False]
