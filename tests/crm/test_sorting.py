"""An order in any documented form is one checked sequence that always ends the same way."""

from typing import Any

import pytest

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.portal_values import FieldInfo, Sort
from bitrix24_mcp.crm.records.sorting import resolve_sort, stable

UP, DOWN = Sort("amount"), Sort("amount", descending=True)


@pytest.mark.parametrize(
    ("raw", "steps"),
    [
        (None, []),
        ("", []),
        ([], []),
        ({}, []),
        ("amount", [UP]),
        ("-amount", [DOWN]),
        (" - Сумма ", [DOWN]),
        ("amount,-id", [UP, Sort("id", descending=True)]),
        ("stageId , -createdAt", [Sort("stageId"), Sort("createdAt", descending=True)]),
        (["-amount", "id"], [DOWN, Sort("id")]),
        (["UF_CRM_SCORE"], [Sort("ufCrm_score")]),
        ({"amount": "asc"}, [UP]),
        ({"amount": "DESC"}, [DOWN]),
        ({"amount": 1}, [UP]),
        ({"amount": -1, "title": "Asc"}, [DOWN, Sort("title")]),
        ({"title": "1", "amount": "-1"}, [Sort("title"), DOWN]),
    ],
    ids=str,
)
def test_every_documented_form_gives_its_steps(raw: Any, steps: list[Sort], deals: Fields) -> None:
    assert resolve_sort(raw, deals) == tuple(steps)


@pytest.mark.parametrize(
    "raw", ["-", ",", "amount,", " ", 5, True, [5], [None], [""], [["amount"]], {"amount": "down"}, {"amount": 0},
            {"amount": None}, {"amount": True}, {"amount": ["asc"]}], ids=str
)  # fmt: skip
def test_what_is_no_order_is_refused_with_an_example(raw: Any, deals: Fields) -> None:
    with pytest.raises(InvalidArguments, match="The sort cannot be read") as refused:
        resolve_sort(raw, deals)

    assert refused.value.code == "INVALID_SORT"
    assert '"-amount"' in refused.value.advice


def test_a_field_named_twice_is_refused(deals: Fields) -> None:
    with pytest.raises(InvalidArguments, match="names amount twice") as refused:
        resolve_sort("amount,-Сумма", deals)

    assert refused.value.code == "INVALID_SORT"


def test_an_unknown_field_is_refused_with_the_nearest(deals: Fields) -> None:
    with pytest.raises(InvalidArguments) as refused:
        resolve_sort("-ammount", deals)

    assert (refused.value.code, refused.value.candidates[0]) == ("UNKNOWN_FIELD", "amount")


def test_a_field_with_several_values_has_no_order(deals: Fields) -> None:
    with pytest.raises(InvalidArguments, match="Deals cannot be sorted by ufCrm_marks") as refused:
        resolve_sort("ufCrm_marks", deals)

    assert (refused.value.code, refused.value.candidates) == ("UNSUPPORTED_SORT", ())


def test_an_order_that_the_portal_would_ignore_is_refused() -> None:
    timelines = Fields(BY_NAME["timelines"], [FieldInfo("createdAt", "datetime")])

    assert resolve_sort("id", timelines) == (Sort("id"),)
    for ignored in ("createdAt", "-id"):
        with pytest.raises(InvalidArguments, match="The portal gives them by id, upwards") as refused:
            resolve_sort(ignored, timelines)
        assert (refused.value.code, refused.value.candidates) == ("UNSUPPORTED_SORT", ("id",))


@pytest.mark.parametrize(
    ("sort", "ends"),
    [
        ((), (Sort("id"),)),
        ((DOWN,), (DOWN, Sort("id"))),
        ((Sort("id", descending=True),), (Sort("id", descending=True),)),
        ((Sort("id"), DOWN), (Sort("id"), DOWN)),
    ],
)
def test_an_order_ends_in_the_id(sort: tuple[Sort, ...], ends: tuple[Sort, ...]) -> None:
    assert stable(sort) == ends
