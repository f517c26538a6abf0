"""Every way of writing a filter leads to the same terms, and what cannot be read is refused with advice."""

from typing import Any

import pytest

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.filters.syntax import MAX_TERMS, MAX_TEXT, MAX_VALUES, Term, parse_filter

WRITTEN: list[tuple[dict[str, Any], tuple[str, Any]]] = [
    ({"f": 1}, ("eq", 1)),
    ({"f": {"$eq": 1}}, ("eq", 1)),
    ({"=f": 1}, ("eq", 1)),
    ({"f": {"=": 1}}, ("eq", 1)),
    ({"$eq": {"f": 1}}, ("eq", 1)),
    ({"f": {"$ne": 1}}, ("ne", 1)),
    ({"!f": 1}, ("ne", 1)),
    ({"!=f": 1}, ("ne", 1)),
    ({"f": {"!": 1}}, ("ne", 1)),
    ({"f": {"!=": 1}}, ("ne", 1)),
    ({"$ne": {"f": 1}}, ("ne", 1)),
    ({"f": {"$gt": 1}}, ("gt", 1)),
    ({">f": 1}, ("gt", 1)),
    ({"f": {">": 1}}, ("gt", 1)),
    ({"$gt": {"f": 1}}, ("gt", 1)),
    ({"f": {"$gte": 1}}, ("gte", 1)),
    ({">=f": 1}, ("gte", 1)),
    ({"f": {">=": 1}}, ("gte", 1)),
    ({"$gte": {"f": 1}}, ("gte", 1)),
    ({"f": {"$lt": 1}}, ("lt", 1)),
    ({"<f": 1}, ("lt", 1)),
    ({"f": {"<": 1}}, ("lt", 1)),
    ({"$lt": {"f": 1}}, ("lt", 1)),
    ({"f": {"$lte": 1}}, ("lte", 1)),
    ({"<=f": 1}, ("lte", 1)),
    ({"f": {"<=": 1}}, ("lte", 1)),
    ({"$lte": {"f": 1}}, ("lte", 1)),
    ({"f": {"$contains": "x"}}, ("contains", "x")),
    ({"%f": "x"}, ("contains", "x")),
    ({"f": {"%": "x"}}, ("contains", "x")),
    ({"$contains": {"f": "x"}}, ("contains", "x")),
    ({"f": {"$in": [1, 2]}}, ("in", [1, 2])),
    ({"f": [1, 2]}, ("in", [1, 2])),
    ({"=f": [1, 2]}, ("in", [1, 2])),
    ({"f": {"$eq": [1, 2]}}, ("in", [1, 2])),
    ({"f": {"$in": 1}}, ("in", [1])),
    ({"$in": {"f": [1, 2]}}, ("in", [1, 2])),
    ({"f": {"$nin": [1, 2]}}, ("nin", [1, 2])),
    ({"!f": [1, 2]}, ("nin", [1, 2])),
    ({"f": {"$ne": [1, 2]}}, ("nin", [1, 2])),
    ({"f": {"$nin": 1}}, ("nin", [1])),
    ({"$nin": {"f": [1, 2]}}, ("nin", [1, 2])),
]


def shown(raw: dict[str, Any]) -> str:
    return str(raw)[:60]


@pytest.mark.parametrize(("raw", "term"), WRITTEN, ids=[shown(raw) for raw, _ in WRITTEN])
def test_every_syntax_gives_its_term(raw: dict[str, Any], term: tuple[Any, Any]) -> None:
    assert parse_filter(raw) == [Term("f", *term)]


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_filter_has_no_terms(nothing: dict[str, Any] | None) -> None:
    assert parse_filter(nothing) == []


def test_syntaxes_mix_and_keep_their_order() -> None:
    mixed = {">=a": 1, "b": {"$ne": 2, "<": 9}, "c": [3, 4], "$lt": {"d": 5, "e": 6}, "%f": "x", "g": "y"}

    assert parse_filter(mixed) == [
        Term("a", "gte", 1),
        Term("b", "ne", 2),
        Term("b", "lt", 9),
        Term("c", "in", [3, 4]),
        Term("d", "lt", 5),
        Term("e", "lt", 6),
        Term("f", "contains", "x"),
        Term("g", "eq", "y"),
    ]


@pytest.mark.parametrize("raw", [{"f": {"$between": [1, 9]}}, {"$between": {"f": [1, 9]}}], ids=shown)
def test_between_is_both_bounds_inclusive(raw: dict[str, Any]) -> None:
    assert parse_filter(raw) == [Term("f", "gte", 1), Term("f", "lte", 9)]


@pytest.mark.parametrize("bounds", [1, None, [], [1], [1, 2, 3], {"from": 1}, "1,2"])
def test_between_needs_exactly_two_values(bounds: Any) -> None:
    with pytest.raises(InvalidArguments, match="needs two values") as refused:
        parse_filter({"amount": {"$between": bounds}})

    assert (refused.value.code, refused.value.advice) == (
        "INVALID_FILTER",
        'Write {"$between": [lowest, highest]}; both belong to the range.',
    )


@pytest.mark.parametrize("joiner", ["$or", "$and", "$not", "$nor"])
@pytest.mark.parametrize("within", [False, True], ids=["across fields", "within a field"])
def test_alternatives_are_refused_with_what_to_do_instead(joiner: str, *, within: bool) -> None:
    alternatives: list[dict[str, Any]] = [{"a": 1}, {"b": 2}]
    raw: dict[str, Any] = {"f": {joiner: alternatives}} if within else {joiner: alternatives}

    with pytest.raises(InvalidArguments, match=r"^The portal has no \$") as refused:
        parse_filter(raw)

    assert refused.value.code == "UNSUPPORTED_FILTER"
    assert "a list" in refused.value.advice
    assert "ask once for each" in refused.value.advice


@pytest.mark.parametrize(
    ("operator", "nearest"),
    [("$equals", "$eq"), ("$gte ", "$gte"), ("to", None), ("between", "$between"), ("contains", "$contains")],
)
def test_an_unknown_operator_is_an_error_with_the_nearest_ones(operator: str, nearest: str | None) -> None:
    with pytest.raises(InvalidArguments) as refused:
        parse_filter({"f": {operator: 1}})

    error = refused.value
    assert (error.message, error.code) == (f"There is no filter operator “{operator}”.", "UNKNOWN_OPERATOR")
    assert nearest is None or error.candidates[0] == nearest
    assert "$between" in error.advice


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"f": {}}, "The condition on “f” is empty."),
        ({"f": []}, "The condition on “f” has an empty list where a value belongs."),
        ({"f": {"$in": []}}, "The condition on “f” has an empty list where a value belongs."),
        ({">f": [1, 2]}, "The condition on “f” has a list where a value belongs."),
        ({"f": {"$lte": [1]}}, "The condition on “f” has a list where a value belongs."),
        ({"%f": ["x"]}, "The condition on “f” has a list where a value belongs."),
        ({"$gte": 5}, "$gte stands without a field."),
        ({"$in": [1, 2]}, "$in stands without a field."),
    ],
    ids=str,
)
def test_a_malformed_condition_is_named(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        parse_filter(raw)

    assert (refused.value.message, refused.value.code) == (message, "INVALID_FILTER")
    assert refused.value.advice


LARGEST: list[dict[str, Any]] = [
    {f"f{number}": 1 for number in range(MAX_TERMS)},
    {"f": list(range(MAX_VALUES))},
    {"f": "x" * MAX_TEXT},
]
TOO_LARGE: list[dict[str, Any]] = [
    {f"f{number}": 1 for number in range(MAX_TERMS + 1)},
    {"f": list(range(MAX_VALUES + 1))},
    {"f": "x" * (MAX_TEXT + 1)},
    {"f": ["x" * (MAX_TEXT + 1)]},
    {"f": {"$in": "x" * (MAX_TEXT + 1)}},
]


@pytest.mark.parametrize("raw", LARGEST, ids=["conditions", "values", "text"])
def test_a_filter_of_the_largest_size_is_read(raw: dict[str, Any]) -> None:
    assert {term.name for term in parse_filter(raw)} == set(raw)


@pytest.mark.parametrize("raw", TOO_LARGE, ids=["conditions", "values", "text", "text in a list", "text in $in"])
def test_a_filter_beyond_all_reason_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments, match="too large") as refused:
        parse_filter(raw)

    assert refused.value.code == "FILTER_TOO_LARGE"
