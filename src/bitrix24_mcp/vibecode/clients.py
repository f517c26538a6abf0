"""Whom a phone or an e-mail address belongs to: contacts with a part of it, which are compared here.

Filters look for a part of a phone as it is written (docs/filtering), so that its last digits are looked for in all the
ways in which people write them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.sales import CONTACTS
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.phones import address, endings, phone_number
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordPage, RecordQuery, Sort
from bitrix24_mcp.sending.failures import unexpected

Searches = Callable[[Sequence[RecordQuery]], Awaitable[Sequence[RecordPage | PortalError]]]
_PAGE = 500


async def contacts_with(phones: Sequence[str], emails: Sequence[str], searches: Searches) -> tuple[int, ...]:
    """The contacts with one of them, by the lists of contacts whose phone or address holds a part."""
    numbers = {number for each in phones if (number := phone_number(each))}
    addresses = {email for each in emails if (email := address(each))}
    parts = [("phone", part) for each in phones if phone_number(each) for part in endings(each)]
    parts += [("email", each) for each in sorted(addresses)]
    found: set[int] = set()
    waiting = [_query(field, part) for field, part in dict.fromkeys(parts)]
    while waiting:
        pages = [_page(each) for each in await searches(waiting)]
        rows = [row for page in pages for row in page.rows]
        found.update(int(row["id"]) for row in rows if _has(row, numbers, addresses))
        waiting = [_behind(query, page) for query, page in zip(waiting, pages, strict=True) if page.has_more]
    return tuple(sorted(found))


def _query(field: str, part: str) -> RecordQuery:
    conditions = (Condition(field, "contains", part),)
    return RecordQuery(CONTACTS, conditions, (Sort("id"),), ("id", "phone", "email"), _PAGE, counted=False)


def _behind(query: RecordQuery, page: RecordPage) -> RecordQuery:
    """The rest of a list, behind the last id of a page."""
    if not page.rows:
        raise unexpected("The portal says that there are more contacts, and sends none.")
    return replace(query, conditions=(query.conditions[0], Condition("id", "gt", int(page.rows[-1]["id"]))))


def _page(outcome: RecordPage | PortalError) -> RecordPage:
    if isinstance(outcome, PortalError):
        raise outcome
    return outcome


def _has(row: Record, numbers: set[str], addresses: set[str]) -> bool:
    return any(phone_number(each) in numbers for each in _parts(row.get("phone"))) or any(
        address(each) in addresses for each in _parts(row.get("email"))
    )


def _parts(held: Any) -> list[str]:
    rows = cast("list[Any]", held) if isinstance(held, list) else []
    return [str(cast("dict[str, Any]", each).get("VALUE") or "") for each in rows if isinstance(each, dict)]
