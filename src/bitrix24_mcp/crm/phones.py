"""Phones and e-mail addresses as they are compared: how somebody happens to write them does not matter."""

import re
from collections.abc import Iterator

_EXTENSION = re.compile(r"\s*(?:[#;,]|доб|ext|x).*", re.IGNORECASE | re.DOTALL)
"""What is dialled after the connection stands; Bitrix24 does not compare it either (crm.duplicate.findbycomm)."""
_LEAST = 5
"""Digits of a phone that may belong to one client only; fewer are an extension."""
_LONG_DISTANCE = 11
"""Digits of a Russian phone with the country code, or with the 8 that is dialled instead of +7."""
_TAIL = 4


def phone_number(written: str) -> str:
    """The digits of a phone with its country code; empty for what is too short to find a client by."""
    text = _EXTENSION.sub("", written.strip())
    digits = re.sub(r"\D", "", text)
    if digits.startswith("00"):
        digits = digits[2:]
    elif len(digits) == _LONG_DISTANCE and digits.startswith("8") and "+" not in text:
        digits = f"7{digits[1:]}"
    return digits if len(digits) >= _LEAST else ""


def address(written: str) -> str:
    """An e-mail address without its capitals; empty for what is none."""
    text = written.strip().casefold()
    return text if "@" in text else ""


def spellings(written: str) -> tuple[str, ...]:
    """How the same phone may be kept, for a portal that compares digits."""
    number = phone_number(written)
    russian = len(number) == _LONG_DISTANCE and number.startswith("7")
    return tuple(
        dict.fromkeys((written.strip(), number, f"+{number}", *((f"8{number[1:]}", number[1:]) if russian else ())))
    )


def endings(written: str) -> tuple[str, ...]:
    """How the last digits of the phone may stand in a text, for a portal that looks for parts of texts.

    The groups in which people write the end of a phone: 4567, 45-67, 4-567.
    """
    return tuple(dict.fromkeys(_grouped(phone_number(written)[-_TAIL:])))


def _grouped(tail: str) -> Iterator[str]:
    yield tail
    for between in "- .":
        yield f"{tail[:2]}{between}{tail[2:]}"
        yield f"{tail[:1]}{between}{tail[1:]}"
