"""A cursor leads back to its place for its own question, and to an error for anything else."""

import base64
import json
from typing import Any

import pytest

from bitrix24_mcp.crm.cursors import Cursor, decode, encode
from bitrix24_mcp.crm.errors import InvalidArguments

QUESTION = ["deals", {"stageId": "NEW", "amount": {"$gte": 5}}, "-amount,id"]
PLACE = Cursor("after", ("2026-07-17T14:16:18Z", 4711))


def as_text(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        PLACE,
        Cursor("offset", (20,)),
        Cursor("after", (7,), marks="aZ0-_"),
        Cursor("after", (1500.5, 7)),
        Cursor("x", ("Ёж", None, [1, {"a": 2}])),
    ],
)
def test_a_cursor_leads_back_to_its_place(cursor: Cursor) -> None:
    assert decode(encode(cursor, QUESTION), QUESTION) == cursor


def test_the_order_of_a_filters_keys_does_not_change_the_question() -> None:
    same = ["deals", {"amount": {"$gte": 5}, "stageId": "NEW"}, "-amount,id"]

    assert decode(encode(PLACE, QUESTION), same) == PLACE


@pytest.mark.parametrize(
    "other",
    [
        ["leads", {"stageId": "NEW", "amount": {"$gte": 5}}, "-amount,id"],
        ["deals", {"stageId": "NEW", "amount": {"$gte": 6}}, "-amount,id"],
        ["deals", {"stageId": "NEW", "amount": {"$gte": 5}}, "amount,id"],
        None,
    ],
)
def test_a_cursor_of_another_question_is_refused(other: Any) -> None:
    with pytest.raises(InvalidArguments, match="The cursor belongs to another question") as refused:
        decode(encode(PLACE, other), QUESTION)

    assert refused.value.code == "INVALID_CURSOR"
    assert "leave the cursor out" in refused.value.advice


GOOD = encode(PLACE, QUESTION)


@pytest.mark.parametrize(
    "text",
    ["", "x", "???", "2", "курсор", GOOD[1:], f"{GOOD}!", f" {GOOD}", "A" * 100_001, as_text(5), as_text([]),
     as_text(["x"]), as_text({"a": 1, "b": 2}), as_text("ab"), as_text([["x"], "after"]), as_text(None),
     base64.urlsafe_b64encode(b"[" * 50_000).decode(), base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode()],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidArguments, match=r"^The cursor (is not one|belongs to)") as refused:
        decode(text, QUESTION)

    assert refused.value.code == "INVALID_CURSOR"


def test_a_cursor_holds_only_characters_that_need_no_quoting() -> None:
    assert GOOD.replace("-", "a").replace("_", "a").isalnum()
