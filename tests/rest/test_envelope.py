"""Every form in which REST has been seen to answer is read for what it means."""

import json
from datetime import timedelta, timezone
from typing import Any

import pytest

from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.rest.calling.envelope import Answer, Reply, Timing, number, read, timing_of
from bitrix24_mcp.rest.calling.errors import Refusal
from bitrix24_mcp.sending.failures import Failure

TIME = {
    "start": 1778747192.91,
    "finish": 1778747193.5,
    "date_start": "2026-05-14T10:26:32+02:00",
    "operating_reset_at": 1778747792,
    "operating": 3.3076,
}


def sent(envelope: Any, status: int = 200) -> Reply:
    return read(status, json.dumps(envelope).encode())


def test_an_answer_has_its_total_and_next_beside_the_result_and_says_what_it_cost() -> None:
    assert sent({"result": {"items": []}, "total": 128, "next": 50, "time": TIME}) == Reply(
        Answer({"items": []}, 128, 50), Timing(3.3076, 598.5, timezone(timedelta(hours=2)))
    )


@pytest.mark.parametrize("result", [773, True, "66e8", [], None, {}, 0, ""])
def test_any_value_is_a_result(result: Any) -> None:
    assert sent({"result": result}) == Reply(Answer(result), Timing())


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_the_error_key_decides_whatever_the_status(status: int) -> None:
    told: Any = {"error": "expired_token", "error_description": "x", "result": []}

    assert sent(told, status).meaning == Refusal("EXPIRED_TOKEN", "x", status)


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_an_http_error_without_an_envelope_is_never_an_answer(status: int) -> None:
    for body in (b"<html>no</html>", b"", b"[]", b'{"result": 1}', b"{}"):
        assert isinstance(read(status, body).meaning, Failure)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"",
        b'{"result": {"items": [',
        b"[]",
        b'"fine"',
        b"null",
        b"\xff\xfe{",
        b"{}",
        b"[" * 9**6,
    ],
)
def test_what_is_no_envelope_is_no_answer(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer) as raised:
        read(200, body)

    assert raised.value.code == "UNEXPECTED_ANSWER"


def test_an_error_that_is_null_is_none() -> None:
    assert sent({"result": 1, "error": None}).meaning == Answer(1)


@pytest.mark.parametrize(
    ("told", "meant"),
    [("128", 128), (128, 128), (0, 0), (True, None), ("many", None), (1.5, None), (None, None), ([], None)],
)
def test_numbers_may_come_as_text(told: Any, meant: int | None) -> None:
    assert number(told) == meant
    assert sent({"result": [], "total": told, "next": told}).meaning == Answer([], meant, meant)


@pytest.mark.parametrize(
    ("time", "timing"),
    [
        (None, Timing()),
        ([], Timing()),
        ({"start": 1, "finish": 2, "date_start": "2026-05-14T10:26:32+00:00"}, Timing(offset=timezone(timedelta(0)))),
        ({"operating": "3.5", "operating_reset_at": "10", "finish": "4"}, Timing(3.5, 6.0)),
        ({"operating": 0, "operating_reset_at": 10, "finish": 40}, Timing(0.0, 0.0)),
        ({"operating": "x", "operating_reset_at": None, "date_start": "yesterday"}, Timing()),
        ({"operating": float("nan"), "date_start": "2026-05-14T10:26:32"}, Timing()),
    ],
)
def test_the_time_block_may_be_short_or_missing(time: Any, timing: Timing) -> None:
    assert timing_of(time) == timing


@pytest.mark.parametrize(
    ("result", "path", "rows"),
    [
        ([{"ID": "1"}], (), [{"ID": "1"}]),
        ([], (), []),
        ({}, (), []),
        ({"items": [{"id": 1}]}, ("items",), [{"id": 1}]),
        ({"items": []}, ("items",), []),
        ({"items": {}}, ("items",), []),
        ([], ("items",), []),
        ({"items": {"0": {"id": 1}, "2": {"id": 3}}}, ("items",), [{"id": 1}, {"id": 3}]),
        ({"a": {"b": [{"id": 1}]}}, ("a", "b"), [{"id": 1}]),
    ],
)
def test_rows_stand_where_the_method_puts_them(result: Any, path: tuple[str, ...], rows: list[Any]) -> None:
    assert Answer(result).rows(*path) == rows


@pytest.mark.parametrize(
    ("result", "path"),
    [
        (None, ()),
        ("no", ()),
        ([1], ()),
        ([{"id": 1}, None], ()),
        ({"items": [{"id": 1}]}, ()),
        ({"item": {"id": 1}}, ("items",)),
        ({"items": {"a": {"id": 1}}}, ("items",)),
        ([{"id": 1}], ("items",)),
        ({"items": None}, ("items",)),
    ],
)
def test_what_is_no_list_of_records_is_an_error_and_no_empty_list(result: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"something else than (?:a record|records)"):
        Answer(result).rows(*path)


@pytest.mark.parametrize(
    ("result", "path", "record"),
    [
        ({"item": {"id": 1}}, ("item",), {"id": 1}),
        ({"ID": "1"}, (), {"ID": "1"}),
        ([], (), {}),
        ({"fields": []}, ("fields",), {}),
    ],
)
def test_an_empty_list_stands_for_an_empty_map(result: Any, path: tuple[str, ...], record: Any) -> None:
    assert Answer(result).record(*path) == record


@pytest.mark.parametrize(
    ("result", "path"),
    [(None, ()), ([{"ID": 1}], ()), ("no", ()), ({"item": [1]}, ("item",)), ({"x": 1}, ("item",)), ([], ("item",))],
)
def test_what_is_no_record_is_an_error(result: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(UnexpectedAnswer, match="something else than a record"):
        Answer(result).record(*path)
