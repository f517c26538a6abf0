"""Contacts, companies, requisites and bank details."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data import names, texts
from bitrix24_mcp.demo.data.directories import PLAIN
from bitrix24_mcp.demo.data.people import SELLERS
from bitrix24_mcp.demo.data.world import DAY, LAST_CHANGE_SECONDS, NOW_SECONDS, iso, iso_day, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.world import Row, World

_SOURCES = tuple(PLAIN["SOURCE"])
_CONTACT_TYPES = tuple(PLAIN["CONTACT_TYPE"])
_COMPANY_TYPES = tuple(PLAIN["COMPANY_TYPE"])
_INDUSTRIES = tuple(PLAIN["INDUSTRY"])
_HOBBIES = ("рыбалка", "лыжи", "шахматы", "running", "сад")


def contacts(world: World) -> Iterator[tuple[str, Row]]:
    """People at the clients."""
    dice = world.dice("contacts")
    for contact in range(1, world.contacts + 1):
        created = spread(dice, contact - 1, world.contacts)
        name, last_name, second_name = names.person(dice)
        seller = dice.pick(SELLERS)
        yield (
            "contacts",
            {
                "id": contact,
                "name": name,
                "lastName": last_name,
                "secondName": second_name,
                "honorific": ("HNR_RU_2" if last_name.endswith("а") else "HNR_RU_1") if dice.often(0.4) else None,
                "phone": names.multifield(names.phone(dice), "MOBILE") if dice.often(0.9) else "[]",
                "email": names.multifield(names.email(dice, f"client{contact % 500}")) if dice.often(0.7) else "[]",
                "companyId": dice.between(1, world.companies) if dice.often(0.75) else 0,
                "post": dice.pick(names.POSTS) if dice.often(0.7) else None,
                "typeId": dice.pick(_CONTACT_TYPES),
                "sourceId": dice.pick(_SOURCES),
                "export": dice.often(0.95),
                "leadId": dice.between(1, world.leads) if dice.often(0.2) else None,
                "assignedById": seller,
                "comments": texts.comment(dice, contact),
                "opened": dice.often(0.9),
                "createdBy": seller,
                "createdTime": iso(created),
                "updatedTime": iso(min(LAST_CHANGE_SECONDS, created + dice.between(0, 200) * DAY)),
                "UF_CRM_1700000211": iso_day(dice.between(0, 12_000) * DAY) if dice.often(0.2) else None,
                "UF_CRM_1700000212": json.dumps([dice.pick(_HOBBIES)] if dice.often(0.3) else [], ensure_ascii=False),
            },
        )


def companies(world: World) -> Iterator[tuple[str, Row]]:
    """Clients, suppliers and partners."""
    dice = world.dice("companies")
    for company in range(1, world.companies + 1):
        created = spread(dice, company - 1, world.companies)
        seller = dice.pick(SELLERS)
        yield (
            "companies",
            {
                "id": company,
                "title": names.company_title(company),
                "companyType": dice.pick(_COMPANY_TYPES),
                "industry": dice.pick(_INDUSTRIES),
                "revenue": dice.between(1, 900) * 1_000_000 if dice.often(0.7) else None,
                "currencyId": "RUB",
                "phone": names.multifield(names.phone(dice)) if dice.often(0.8) else "[]",
                "email": names.multifield(names.email(dice, f"company{company}")) if dice.often(0.8) else "[]",
                "web": names.multifield(f"https://company{company}.example") if dice.often(0.3) else "[]",
                "sourceId": dice.pick(_SOURCES),
                "leadId": None,
                "assignedById": seller,
                "comments": texts.comment(dice, company),
                "opened": True,
                "createdBy": seller,
                "createdTime": iso(created),
                "updatedTime": iso(min(LAST_CHANGE_SECONDS, created + dice.between(0, 200) * DAY)),
                "UF_CRM_1700000221": dice.between(0, 12) if dice.often(0.5) else None,
                "UF_CRM_1700000222": dice.pick(("411", "412", "413")) if dice.often(0.8) else None,
            },
        )


def requisites(world: World) -> Iterator[tuple[str, Row]]:
    """Presets, and requisites with a bank account for every third company."""
    dice = world.dice("requisites")
    for preset, name in enumerate(("Организация", "ИП", "Физ. лицо"), start=1):
        row: Row = {"id": preset, "entityTypeId": 8, "countryId": 1, "name": name, "active": True, "sort": preset * 100}
        yield "requisite_presets", row
    for number, company in enumerate(range(1, world.companies + 1, 3), start=1):
        title = names.company_title(company)
        created = iso(NOW_SECONDS - dice.between(1, 900) * DAY)
        yield (
            "requisites",
            {
                "id": number,
                "entityTypeId": 4,
                "entityId": company,
                "presetId": 1,
                "name": f"Реквизиты {title}",
                "active": True,
                "rqInn": str(dice.between(7_700_000_000, 7_899_999_999)),
                "rqKpp": str(dice.between(770_000_000, 789_999_999)),
                "rqOgrn": str(dice.between(1_027_700_000_000, 1_237_800_000_000)),
                "rqCompanyName": title,
                "sort": 500,
                "createdAt": created,
                "updatedAt": created,
            },
        )
        yield (
            "bank_details",
            {
                "id": number,
                "entityId": number,
                "name": "Основной счёт",
                "active": True,
                "rqBankName": "Банк «Северный»",
                "rqBik": f"0440{dice.between(10_000, 99_999)}",
                "rqAccNum": f"40702810{dice.between(10**11, 10**12 - 1)}",
                "rqAccCurrency": "RUB",
                "sort": 500,
            },
        )
