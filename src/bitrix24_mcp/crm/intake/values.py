"""What somebody answered becomes what a field of the portal holds."""

import re
from datetime import datetime
from typing import Any, cast

from bitrix24_mcp.crm.errors import InvalidArguments, PermissionRefused
from bitrix24_mcp.crm.fields import Fields, Kind, fold
from bitrix24_mcp.crm.intake.incoming import is_empty
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.phones import address, phone_number
from bitrix24_mcp.crm.writing.values import stored

_YES_OR_NO = {"да": True, "нет": False}
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ ,]+(\d{1,2}:\d{2}))?")
"""A date with points, which has its day first wherever it is written so."""
_SPACES = re.compile(r"[\s\u00a0\u202f]+")
_NUMERIC: frozenset[Kind] = frozenset({"integer", "number", "money"})


async def answer_value(name: str, written: Any, fields: Fields, metadata: Metadata, at: datetime) -> Any:
    """The value as stored; several choices become several values, or one text where the field holds one text.

    Raises InvalidArguments for an answer that does not fit.
    """
    several = fields[name].multiple or fields.has_parts(name)
    given = [each for each in _listed(written) if not is_empty(each)]
    told = [await _said(each, fields.kind(name), metadata) for each in given]
    if several:
        value = await stored(name, told, fields, metadata, at)
        _check_parts(name, value)
        return value
    if len(told) > 1 and fields.kind(name) == "string":
        return await stored(name, ", ".join(map(str, told)), fields, metadata, at)
    return await stored(name, told[0] if len(told) == 1 else told, fields, metadata, at)


def parts_of(held: Any) -> list[str]:
    """The texts of a field of phones or addresses."""
    rows = cast("list[Any]", held) if isinstance(held, list) else []
    return [str(cast("dict[str, Any]", each).get("VALUE") or "") for each in rows if isinstance(each, dict)]


def _listed(written: Any) -> list[Any]:
    return cast("list[Any]", written) if isinstance(written, list) else [written]


async def _said(written: Any, kind: Kind, metadata: Metadata) -> Any:
    """The answer in the words that fields take: people write да, 12 500,50, 1.08.2026, and no currency."""
    if not isinstance(written, str):
        return await _with_currency(str(written), metadata) if kind == "money" and _is_number(written) else written
    text = written.strip()
    if kind == "boolean":
        return _YES_OR_NO.get(fold(text), text)
    if kind in {"date", "datetime"} and (day := _DAY.fullmatch(text)):
        return f"{day[3]}-{day[2]:0>2}-{day[1]:0>2}{f'T{day[4]:0>5}' if day[4] else ''}"
    amount, _, currency = _SPACES.sub("", text).partition("|") if kind in _NUMERIC else ("", "", "")
    if not _NUMBER.fullmatch(amount):
        return text
    number = amount.replace(",", ".")
    if currency:
        return f"{number}|{currency}"
    return await _with_currency(number, metadata) if kind == "money" else number


def _is_number(written: Any) -> bool:
    return isinstance(written, int | float) and not isinstance(written, bool)


async def _with_currency(amount: str, metadata: Metadata) -> str:
    """The amount in the portal's own currency; without one where the key may not see which that is."""
    try:
        currencies = await metadata.currencies()
    except PermissionRefused:
        return amount
    return f"{amount}|{currencies[0].code}" if currencies else amount


def _check_parts(name: str, value: Any) -> None:
    """Raises InvalidArguments for a phone without digits and an address without its sign: nobody is found by them."""
    recognised = {"phone": phone_number, "email": address}.get(name)
    wrong = [each for each in parts_of(value) if recognised is not None and not recognised(each)]
    if wrong:
        raise InvalidArguments(
            f"{name} takes {'a phone number' if name == 'phone' else 'an e-mail address'}, not “{wrong[0][:40]}”.",
            advice="Write it so, or leave it out.",
            code="INVALID_VALUE",
        )
