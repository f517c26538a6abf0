"""Answers are read strictly: what has another form than REST is known for is an error, never a guess."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from bitrix24_mcp.sending.failures import unexpected


@contextmanager
def known_form() -> Generator[None]:
    """Turns whatever fails while an answer is read into the one error for an answer of another form."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise unexpected("The portal sent an answer in a form that REST does not know.") from None


def whole_number(value: Any) -> int | None:
    """A whole number, also where it comes as text; None where there is none. Raises ValueError for anything else."""
    return None if value is None or value == "" else int(value)


def text(row: Mapping[str, Any], name: str) -> str:
    """A text without spaces around it; empty where there is none, for which an empty map may stand as well."""
    value = row.get(name)
    return str(value).strip() if isinstance(value, str | int | float) else ""
