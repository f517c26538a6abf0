"""Whom a phone belongs to, through the gateway: every list is read to its end, and only the same phone counts."""

from collections.abc import Sequence
from typing import Any

import pytest

from bitrix24_mcp.crm.errors import PortalError, PortalUnavailable, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import RecordPage, RecordQuery
from bitrix24_mcp.vibecode.clients import contacts_with

pytestmark = pytest.mark.anyio


def contact(number: int, phone: str = "", email: str = "") -> dict[str, Any]:
    return {
        "id": number,
        "phone": [{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": phone}] if phone else [],
        "email": [{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": email}] if email else None,
    }


class Held:
    """A portal with these contacts that gives two a page; it keeps what it was asked."""

    def __init__(self, *contacts: dict[str, Any]) -> None:
        self.contacts = contacts
        self.asked: list[Sequence[RecordQuery]] = []

    async def searches(self, queries: Sequence[RecordQuery]) -> Sequence[RecordPage | PortalError]:
        self.asked.append(queries)
        return [self._page(query) for query in queries]

    def _page(self, query: RecordQuery) -> RecordPage:
        part, *behind = query.conditions
        last = int(str(behind[0].value)) if behind else 0
        found = [
            each
            for each in self.contacts
            if each["id"] > last
            and any(str(part.value).casefold() in held["VALUE"].casefold() for held in each[part.field] or ())
        ]
        return RecordPage(tuple(found[:2]), None, has_more=len(found) > 2)


async def test_every_page_is_read_and_other_phones_are_left_out() -> None:
    phones = ["8 916 123-45-67", "+7 916 123 45 67", "+7 999 123-45-67", "79161234567", "+7 (916) 1234567", "4567"]
    held = Held(*(contact(number, phone) for number, phone in enumerate(phones, 1)))

    assert await contacts_with(["+7 916 123-45-67"], [], held.searches) == (1, 2, 4, 5)
    assert len(held.asked) == 2


async def test_an_address_is_the_whole_one() -> None:
    held = Held(contact(1, email="Info@firma.example"), contact(2, email="info@firma.example.org"))

    assert await contacts_with([], ["INFO@firma.example"], held.searches) == (1,)


async def test_what_is_no_phone_and_no_address_asks_nothing() -> None:
    held = Held(contact(1, "112"))

    assert await contacts_with(["112", ""], ["нет"], held.searches) == ()
    assert held.asked == []


async def test_a_list_that_failed_is_an_error() -> None:
    async def failing(queries: Sequence[RecordQuery]) -> Sequence[RecordPage | PortalError]:
        return [PortalUnavailable("Away.", advice="Wait.", code="HTTP_502") for _ in queries]

    with pytest.raises(PortalUnavailable):
        await contacts_with(["+7 916 123-45-67"], [], failing)


async def test_a_list_that_ends_without_rows_though_more_follow_is_an_error() -> None:
    async def endless(queries: Sequence[RecordQuery]) -> Sequence[RecordPage | PortalError]:
        return [RecordPage((), None, has_more=True) for _ in queries]

    with pytest.raises(UnexpectedAnswer):
        await contacts_with(["+7 916 123-45-67"], [], endless)
