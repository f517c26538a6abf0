"""REST's texts and letters become values of the CRM, and conditions become what REST's filters take."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_mcp.crm.portal_values import Scalar
from bitrix24_mcp.rest.reading.values import Form, between_seconds, read, read_several, written

MOSCOW = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("form", "told", "kept"),
    [
        ("plain", "text", "text"),
        ("plain", {"id": 3}, {"id": 3}),
        ("text", 202, "202"),
        ("text", "NEW", "NEW"),
        ("text", False, None),
        ("number", "12", 12),
        ("number", "1500.50", 1500.5),
        ("number", "1500.00", 1500),
        ("number", 2.0, 2),
        ("number", -7, -7),
        ("number", False, None),
        ("number", "CO_5", "CO_5"),
        ("flag", "Y", True),
        ("flag", "N", False),
        ("flag", "y", True),
        ("bit", "1", True),
        ("bit", 0, False),
        ("bit", True, True),
        ("flag", "?", None),
        ("day", "2024-04-19T03:00:00+03:00", "2024-04-19"),
        ("day", "2024-04-19T00:00:00+03:00", "2024-04-19"),
        ("day", "2024-04-18T19:00:00-05:00", "2024-04-19"),
        ("day", "2024-04-19", "2024-04-19"),
        ("moment", "2024-04-19T10:11:12+03:00", "2024-04-19T10:11:12+03:00"),
        ("moment", {}, None),
    ],
)
def test_a_value_is_kept_by_what_its_field_is(form: Form, told: Any, kept: Any) -> None:
    read_now = read(told, form)
    assert (read_now, type(read_now)) == (kept, type(kept))


@pytest.mark.parametrize("form", ["text", "number", "flag", "bit", "day", "moment"])
@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_nothing_in_any_spelling_is_none(form: Form, nothing: Any) -> None:
    assert read(nothing, form) is None


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (None, []),
        (False, []),
        ("", []),
        ([], []),
        (["301", 302], [301, 302]),
        ({"1": "301", "2": "302"}, [301, 302]),
        ("301", [301]),
    ],
)
def test_several_values_come_in_many_forms(told: Any, kept: list[int]) -> None:
    assert read_several(told, "number") == kept


@given(day=st.dates(date(1970, 1, 2), date(2100, 1, 1)), hours=st.integers(-11, 12))
def test_a_day_is_itself_whichever_midnight_it_is_written_as(day: date, hours: int) -> None:
    """Midnight in UTC printed with the portal's offset, which is what REST sends, and midnight at the portal."""
    zone = timezone(timedelta(hours=hours))
    in_utc = datetime.combine(day, time(), UTC).astimezone(zone)
    there = datetime.combine(day, time(), zone)
    assert read(in_utc.isoformat(), "day") == read(there.isoformat(), "day") == day.isoformat()


@pytest.mark.parametrize(
    ("form", "value", "asked"),
    [
        ("flag", True, "Y"),
        ("flag", False, "N"),
        ("plain", True, "Y"),
        ("bit", True, 1),
        ("bit", False, 0),
        ("number", 12.5, 12.5),
        ("plain", "+7 900", "+7 900"),
        ("day", "2026-07-01", "2026-07-01"),
        ("moment", "2026-07-01T00:00:00Z", "2026-07-01T03:00:00+03:00"),
        ("moment", "2026-07-01T00:00:00+03:00", "2026-07-01T00:00:00+03:00"),
        ("moment", "2026-07-01T00:00:00.500+05:00", "2026-06-30T22:00:00+03:00"),
        ("moment", "2026-07-01T09:00:00", "2026-07-01T09:00:00"),
        ("moment", "soon", "soon"),
    ],
)
def test_a_condition_is_written_as_filters_take_it(form: Form, value: Scalar, asked: Scalar) -> None:
    written_now = written(value, form, MOSCOW)
    assert (written_now, type(written_now)) == (asked, type(asked))


def test_a_moment_is_written_in_utc_where_the_portal_has_no_offset_or_has_not_said_it() -> None:
    """It is the same moment; a portal in UTC that passed over another offset would take it for hours later."""
    assert written("2026-07-01T00:00:00+05:00", "moment", None) == "2026-06-30T19:00:00+00:00"


@pytest.mark.parametrize(
    ("form", "value", "between"),
    [
        ("moment", "2026-07-01T00:00:00.500+05:00", True),
        ("moment", "2026-07-01T00:00:00+05:00", False),
        ("moment", "soon", False),
        ("moment", 5, False),
        ("plain", "2026-07-01T00:00:00.500+05:00", False),
    ],
)
def test_only_a_moment_with_a_fraction_lies_between_seconds(form: Form, value: Scalar, *, between: bool) -> None:
    assert between_seconds(value, form) is between
