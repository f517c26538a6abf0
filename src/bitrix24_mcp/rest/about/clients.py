"""Whom a phone or an e-mail address belongs to (crm.duplicate.findbycomm)."""

from collections.abc import Sequence
from typing import Any, cast

from bitrix24_mcp.crm.phones import address, phone_number, spellings
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.forms import known_form
from bitrix24_mcp.rest.calling.lists import Lists

_CONTACTS = "CONTACT"


async def contacts_with(phones: Sequence[str], emails: Sequence[str], lists: Lists) -> tuple[int, ...]:
    """The contacts with one of them; of each phone and address the twenty oldest, which is all that REST gives."""
    calls = [_call("PHONE", spellings(each)) for each in phones if phone_number(each)]
    calls += [_call("EMAIL", tuple(dict.fromkeys((each.strip(), address(each))))) for each in emails if address(each)]
    found: set[int] = set()
    for answer in await lists.answers(*calls) if calls else ():
        found.update(_ids(answer.result))
    return tuple(sorted(found))


def _call(kind: str, values: Sequence[str]) -> RestCall:
    return RestCall("crm.duplicate.findbycomm", {"entity_type": _CONTACTS, "type": kind, "values": list(values)})


def _ids(result: Any) -> list[int]:
    """The ids of an answer, which is an empty list where nobody was found."""
    if result == []:
        return []
    with known_form():
        return [int(each) for each in cast("dict[str, list[Any]]", result).get(_CONTACTS, [])]
