"""A batch carries a call as a query string, in PHP's form, so that the portal reads the same parameters out of it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_mcp.rest.calling.calls import RestCall

COMMANDS: Mapping[str, Mapping[str, Any]] = {
    "profile": {},
    "crm.item.list?entityTypeId=2&start=-1": {"entityTypeId": 2, "start": -1},
    "x?filter[%3E%3Did]=5&filter[%25title]=%D0%81%D0%BB%D0%BA%D0%B0%20%26%20Co%2B": {
        "filter": {">=id": 5, "%title": "Ёлка & Co+"}
    },
    "x?select[0]=id&select[1]=ufCrm_1": {"select": ["id", "ufCrm_1"]},
    "x?filter[@id][0]=1&filter[@id][1]=2".replace("@", "%40"): {"filter": {"@id": (1, 2)}},
    "x?filter[0][logic]=OR&filter[0][0][a]=1&filter[0][1][b]=2.5": {
        "filter": {"0": {"logic": "OR", "0": {"a": 1}, "1": {"b": 2.5}}}
    },
    "x?a=1&b=0&c=": {"a": True, "b": False, "c": "", "d": None, "e": [], "f": {}},
    "x?filter[%3Eid]=$result[c0][items][49][id]": {"filter": {">id": "$result[c0][items][49][id]"}},
    "x?a=%24result%5Bc0": {"a": "$result[c0"},
    "x?order[id]=ASC&order[title]=DESC": {"order": {"id": "ASC", "title": "DESC"}},
}


@pytest.mark.parametrize(("command", "params"), COMMANDS.items())
def test_a_command_is_the_method_with_its_parameters_encoded_once(command: str, params: dict[str, Any]) -> None:
    assert RestCall(command.partition("?")[0], params).command == command


NAMES = st.text(st.characters(exclude_characters="[]", exclude_categories=("Cs",)), min_size=1, max_size=8)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def flat(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """What PHP would make of a value: each scalar as text under the path to it."""
    if isinstance(value, dict | list):
        pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType] - any JSON
        return [found for name, inner in pairs for found in flat(inner, (*path, str(name)))]
    return [(path, {True: "1", False: "0"}[value] if isinstance(value, bool) else str(value))]


def decoded(command: str) -> list[tuple[tuple[str, ...], str]]:
    """The same, read back by the standard library."""
    pairs = parse_qsl(command.partition("?")[2], keep_blank_values=True, strict_parsing="?" in command)
    return [(tuple(name.replace("]", "").split("[")), value) for name, value in pairs]


@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_is_sent_is_what_is_read_back(params: dict[str, Any]) -> None:
    assert decoded(RestCall("x", params).command) == flat(params)


@pytest.mark.parametrize(
    "params", [{"filter": {"@id": []}}, {"filter": {"a": {}}}, {"filter": {"a": None}}, {"a": {1, 2}}]
)
def test_what_would_drop_a_condition_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^a batch cannot carry "):
        _ = RestCall("x", params).command


def test_calls_are_equal_when_they_ask_the_same() -> None:
    ask = RestCall("crm.item.list", {"order": {"id": "ASC", "title": "DESC"}})

    assert ask.key == RestCall("crm.item.list", {"order": {"id": "ASC", "title": "DESC"}}).key
    others = [
        RestCall("crm.item.list", {"order": {"title": "DESC", "id": "ASC"}}),
        RestCall("crm.item.list", {"order": {"id": "ASC"}}),
        RestCall("crm.deal.list", {"order": {"id": "ASC", "title": "DESC"}}),
        RestCall("x", {"a": 1}),
        RestCall("x", {"a": "1"}),
        RestCall("x", {"a": True}),
    ]
    assert len({ask.key, *(other.key for other in others)}) == 7


@pytest.mark.parametrize(
    ("value", "refers"), [("$result[c0][id]", True), ("see $result[x", True), ("$result", False), ("result[c0]", False)]
)
def test_words_that_a_batch_would_take_for_a_reference_are_known(value: str, refers: bool) -> None:  # noqa: FBT001 - a case
    assert RestCall("x", {"filter": {"%title": value}}).refers is refers
