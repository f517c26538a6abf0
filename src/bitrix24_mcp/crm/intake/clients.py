"""Whom the portal knows already: the contact with a phone or an address, the company of a contact or of a name."""

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix24_mcp.crm.catalogue.sales import COMPANIES, CONTACTS
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.intake.answers import Filled
from bitrix24_mcp.crm.intake.values import parts_of
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.phones import address, phone_number
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordQuery, Sort
from bitrix24_mcp.crm.writing.same import same

_MOST = 20
_SHOWN = 8


async def contact_with(values: Mapping[str, Any], metadata: Metadata) -> tuple[Record | None, str]:
    """The oldest contact with one of the phones or addresses among the values; a note where there are several."""
    phones, emails = parts_of(values.get("phone")), parts_of(values.get("email"))
    if not phones and not emails:
        return None, ""
    ids = await metadata.portal.contacts_with(phones, emails)
    read = await metadata.portal.records(CONTACTS, list(ids[:_MOST])) if ids else None
    found = [each for each in read.found.values() if _has_one(each, phones, emails)] if read else []
    found.sort(key=lambda each: (str(each.get("createdTime") or ""), int(each["id"])))
    if len(found) < 2:
        return (found[0] if found else None), ""
    told = ", ".join(str(each["id"]) for each in found[:_SHOWN])
    return found[0], f"Several contacts have this phone or address ({told}): the oldest is taken."


async def company_of(contact: Record, metadata: Metadata) -> Record | None:
    """The company that a contact is linked to, where the key may see it."""
    linked = str(contact.get("companyId") or "0")
    if not linked.isdecimal() or not int(linked):
        return None
    return (await metadata.portal.records(COMPANIES, [int(linked)])).found.get(int(linked))


async def company_called(name: str, metadata: Metadata) -> tuple[Record | None, str]:
    """The oldest company of exactly this name; a note where there are several."""
    query = RecordQuery(COMPANIES, (Condition("title", "eq", name),), (Sort("id"),), ("id", "title"), _MOST)
    rows = (await metadata.portal.search(query)).rows
    ids = [int(each["id"]) for each in rows if _one_line(str(each.get("title") or "")) == _one_line(name)]
    if not ids:
        return None, ""
    note = f"Several companies are called so ({', '.join(map(str, ids[:_SHOWN]))}): the oldest is taken."
    read = await metadata.portal.records(COMPANIES, ids[:1])
    return read.found.get(ids[0]), note if len(ids) > 1 else ""


def not_written(filled: Filled, record: Record, fields: Fields) -> list[str]:
    """The questions whose answers an existing record does not hold, and does not get."""
    differing = [name for name, value in filled.values.items() if not _holds(name, record.get(name), value, fields)]
    return [source for name in differing for source in filled.sources.get(name, [name])]


def _holds(name: str, held: Any, wanted: Any, fields: Fields) -> bool:
    if fields.has_parts(name):
        compared = {"phone": phone_number, "email": address}.get(name, str.strip)
        return {compared(each) for each in parts_of(wanted)} <= {compared(each) for each in parts_of(held)}
    return same(name, held, wanted, fields)


def _has_one(contact: Record, phones: Sequence[str], emails: Sequence[str]) -> bool:
    numbers = {phone_number(each) for each in phones} - {""}
    addresses = {address(each) for each in emails} - {""}
    return any(phone_number(each) in numbers for each in parts_of(contact.get("phone"))) or any(
        address(each) in addresses for each in parts_of(contact.get("email"))
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
