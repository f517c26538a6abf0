"""Items of the three smart processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data import names
from bitrix24_mcp.demo.data.directories import PLAIN
from bitrix24_mcp.demo.data.people import BUYERS, LAWYERS, SELLERS
from bitrix24_mcp.demo.data.stages import CONTRACT_FUNNELS, PURCHASE_FUNNELS, walk
from bitrix24_mcp.demo.data.world import DAY, LAST_CHANGE_SECONDS, NOW_SECONDS, iso, iso_day, money, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.stages import Walk
    from bitrix24_mcp.demo.data.world import Dice, Row, World

_SOURCES = tuple(PLAIN["SOURCE"])
_MACHINES = ("Экскаватор", "Автокран", "Бетоносмеситель", "Генератор", "Тахеометр", "Погрузчик")


def contracts(world: World) -> Iterator[tuple[str, Row]]:
    """Type 174 in the funnels General and Renewals."""
    dice = world.dice("contracts")
    total = world.scaled(0.15, 40)
    for item in range(1, total + 1):
        funnel = CONTRACT_FUNNELS[1 if dice.often(0.3) else 0]
        path = walk(dice, funnel, spread(dice, item - 1, total), longest=60)
        title = f"Contract {item:04d}" if dice.often(0.5) else f"Договор №{item}"
        signed = path.closed and path.stage.semantics == "S"
        yield (
            "items_174",
            _base(world, dice, item, path)
            | {
                "title": title,
                "categoryId": funnel.id,
                "assignedById": dice.pick(SELLERS),
                "parentId2": dice.pick(world.deal_ids) if dice.often(0.8) else None,
                "ufCrm3_1700000101": dice.pick((501, 502, 503)) if dice.often(0.9) else None,
                "ufCrm3_1700000102": dice.pick((0.0, 10.0, 20.0)),
                "ufCrm3_1700000103": f"{money(dice, 900_000):.2f}|RUB" if dice.often(0.4) else None,
                "ufCrm3_1700000104": iso_day(path.end + 365 * DAY) if signed else None,
                "ufCrm3_1700000105": dice.often(0.3),
                "ufCrm3_1700000106": dice.pick(LAWYERS) if dice.often(0.7) else None,
                "ufCrm3_1700000107": json.dumps([option for option in (511, 512, 513) if dice.often(0.4)]),
                "ufCrm3_1700000108": f"NP-{item:05d}" if signed else None,
            },
        )


def purchases(world: World) -> Iterator[tuple[str, Row]]:
    """Type 156 in one funnel."""
    dice = world.dice("purchases")
    total = world.scaled(0.2, 40)
    contracts_made = world.scaled(0.15, 40)
    for item in range(1, total + 1):
        path = walk(dice, PURCHASE_FUNNELS[0], spread(dice, item - 1, total), longest=45)
        yield (
            "items_156",
            _base(world, dice, item, path)
            | {
                "title": f"Закупка: {dice.pick(names.GOODS)}",
                "categoryId": 41,
                "assignedById": dice.pick(BUYERS),
                "parentId2": dice.pick(world.deal_ids) if dice.often(0.6) else None,
                "parentId174": dice.between(1, contracts_made) if dice.often(0.3) else None,
                "ufCrm7_1652689362": names.company_title(dice.between(1, world.companies)),
                "ufCrm7_1652689363": iso_day(path.end) if dice.often(0.8) else None,
                "ufCrm7_1652689364": dice.between(1, 60) if dice.often(0.7) else None,
                "ufCrm7_1652689365": dice.pick((521, 522, 523)),
            },
        )


def equipment(world: World) -> Iterator[tuple[str, Row]]:
    """Type 1038, which has neither funnels nor stages."""
    dice = world.dice("equipment")
    total = world.scaled(350 / 12_000, 15)
    for item in range(1, total + 1):
        created = spread(dice, item - 1, total)
        row = _base(world, dice, item, walk(dice, PURCHASE_FUNNELS[0], created))
        yield (
            "items_1038",
            row
            | {
                "title": f"{dice.pick(_MACHINES)} №{item}",
                "stageId": None,
                "categoryId": None,
                "assignedById": dice.pick(BUYERS),
                "opportunity": 0.0,
                "updatedTime": iso(created),
                "movedTime": None,
                "movedBy": None,
                "ufCrm11_1700000121": f"SN{dice.between(100_000, 999_999)}",
                "ufCrm11_1700000122": dice.between(0, 90_000) / 10,
                "ufCrm11_1700000123": iso(NOW_SECONDS - dice.between(1, 400) * DAY) if dice.often(0.8) else None,
            },
        )


def _base(world: World, dice: Dice, item: int, path: Walk) -> Row:
    contact = dice.between(1, world.contacts) if dice.often(0.7) else 0
    euro = dice.often(0.1)
    author = dice.pick(SELLERS)
    return {
        "id": item,
        "xmlId": None,
        "stageId": path.stage.code,
        "companyId": dice.between(1, world.companies) if dice.often(0.8) else 0,
        "contactId": contact,
        "contactIds": json.dumps([contact] if contact else []),
        "mycompanyId": 0,
        "opportunity": money(dice, 50_000 if euro else 2_500_000),
        "currencyId": "EUR" if euro else "RUB",
        "opened": True,
        "createdBy": author,
        "updatedBy": author,
        "movedBy": author,
        "createdTime": iso(path.steps[0][1]),
        "updatedTime": iso(min(LAST_CHANGE_SECONDS, path.moved + dice.between(0, 3 * DAY))),
        "movedTime": iso(path.moved),
        "begindate": iso_day(path.steps[0][1]),
        "closedate": iso_day(path.moved if path.closed else path.end),
        "sourceId": dice.pick(_SOURCES) if dice.often(0.5) else None,
        "observers": json.dumps([author] if dice.often(0.2) else []),
    }
