"""What one replica writes, another reads as exactly the same; what cannot be written is not told."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitrix24_mcp.crm.portal_values import Currency, FieldInfo, Funnel, Identity, NamedId, Person, Status
from bitrix24_mcp.sharing import forms
from bitrix24_mcp.sharing.forms import Form

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
VALUES: list[tuple[Form[Any], st.SearchStrategy[Any]]] = [
    (forms.IDENTITY, st.from_type(Identity)),
    (forms.FIELDS, st.lists(st.from_type(FieldInfo), max_size=3).map(tuple)),
    (forms.STATUSES, st.lists(st.from_type(Status), max_size=3).map(tuple)),
    (forms.FUNNELS, st.lists(st.from_type(Funnel), max_size=3).map(tuple)),
    (forms.CURRENCIES, st.lists(st.from_type(Currency), max_size=3).map(tuple)),
    (forms.PEOPLE, st.lists(st.from_type(Person), max_size=3).map(tuple)),
    (forms.USER, st.none() | st.from_type(NamedId)),
    (forms.RECORDS, st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=3).map(tuple)),
]


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.parametrize(("form", "values"), VALUES)
def test_a_value_is_read_back_whole(form: Form[Any], values: st.SearchStrategy[Any], data: st.DataObject) -> None:
    value = data.draw(values)
    texts = form.written({"it": value})

    assert [repr(form.read(text)) for text in texts.values()] == [repr(value)]


@pytest.mark.parametrize(
    ("form", "value"),
    [(forms.FUNNELS, (Funnel(1, "half of a smile: \ud83d"),)), (forms.RECORDS, ({"share": float("nan")},))],
)
def test_what_no_text_can_hold_is_left_out(form: Form[Any], value: Sequence[Any]) -> None:
    assert form.written({"it": value}) == {}


@pytest.mark.parametrize("text", ["", "null", "[{}]", '[{"id":"1","name":"General"}]', "[1", "{}"])
def test_what_is_none_of_the_form_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        forms.FUNNELS.read(text)
