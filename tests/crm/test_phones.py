"""A phone is the same however it is written, and another one is another."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_mcp.crm.phones import address, endings, phone_number, spellings

_BETWEEN = st.sampled_from(["", " ", "-", ".", "\u00a0"])


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+7 (916) 123-45-67", "79161234567"),
        ("8 916 123 45 67", "79161234567"),
        ("89161234567", "79161234567"),
        ("7-916-123-45-67", "79161234567"),
        ("0049 30 901820", "4930901820"),
        ("+49 30 901820", "4930901820"),
        ("+81 3-1234-5678", "81312345678"),
        ("+7 916 123-45-67 доб. 4048", "79161234567"),
        ("+78129999331#4048", "78129999331"),
        ("+1 555 123 4567 ext 9", "15551234567"),
        ("112", ""),
        ("нет", ""),
        ("", ""),
    ],
)
def test_what_counts_are_the_digits_with_the_country_code(written: str, number: str) -> None:
    assert phone_number(written) == number


@pytest.mark.parametrize(
    ("written", "compared"),
    [(" Info@Example.ORG ", "info@example.org"), ("info", ""), ("", ""), ("ИНФО@почта.рф", "инфо@почта.рф")],
)
def test_capitals_do_not_matter_in_an_address(written: str, compared: str) -> None:
    assert address(written) == compared


@given(
    st.from_regex(r"[1-9]\d{9}", fullmatch=True),
    st.sampled_from(["+7", "8", "7"]),
    st.lists(_BETWEEN, min_size=4, max_size=4),
)
def test_every_spelling_of_a_russian_phone_is_one_number(digits: str, prefix: str, between: list[str]) -> None:
    groups = (digits[:3], digits[3:6], digits[6:8], digits[8:])
    written = prefix + "".join(f"{gap}{group}" for gap, group in zip(between, groups, strict=True))

    assert phone_number(written) == f"7{digits}"
    assert any(ending in written.replace("\u00a0", " ") for ending in endings(f"+7{digits}")), written
    assert {re.sub(r"\D", "", each) for each in spellings(written)} >= {f"7{digits}", f"8{digits}", digits}


@given(st.text(max_size=30))
def test_any_text_can_be_compared(text: str) -> None:
    assert re.fullmatch(r"\d{5,}|", phone_number(text))
    assert all(endings(text)) or not phone_number(text)
