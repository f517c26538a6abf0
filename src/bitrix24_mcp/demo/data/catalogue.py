"""Products and their sections, the trade catalogue, orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data.names import GOODS
from bitrix24_mcp.demo.data.people import SELLERS
from bitrix24_mcp.demo.data.world import DAY, LAST_CHANGE_SECONDS, NOW_SECONDS, iso, money, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.world import Row, World

PRODUCT_COUNT = 300
_SECTIONS = (
    "Цемент и смеси",
    "Арматура",
    "Блоки",
    "Утеплители",
    "Кирпич",
    "Фасады",
    "Кровля",
    "Инертные материалы",
    "Опалубка",
    "Гидроизоляция",
    "Панели",
    "Инструмент",
    "Проектные работы",
    "Геодезия",
    "Доставка",
)
_STATUSES = ("N", "P", "D", "F")


def product_name(product: int) -> str:
    """The name of a product."""
    return f"{GOODS[product % len(GOODS)].capitalize()}, арт. {1000 + product}"


def product_price(product: int) -> float:
    """The price of a product."""
    return (product * 7919 % 98_000 + 1_500) / 10


def product_sections(_world: World) -> Iterator[tuple[str, Row]]:
    """Fifteen sections."""
    for number, name in enumerate(_SECTIONS, start=1):
        yield (
            "product_sections",
            {
                "id": number,
                "name": name,
                "catalogId": 25,
                "sectionId": None,
                "xmlId": f"section-{number}",
                "code": f"section{number}",
            },
        )


def products(world: World) -> Iterator[tuple[str, Row]]:
    """Three hundred products, each also in the trade catalogue."""
    dice = world.dice("products")
    for product in range(1, PRODUCT_COUNT + 1):
        created = NOW_SECONDS - dice.between(200, 1200) * DAY
        section, active = dice.between(1, len(_SECTIONS)), dice.often(0.93)
        price = product_price(product)
        yield (
            "products",
            {
                "id": product,
                "name": product_name(product),
                "active": active,
                "price": price,
                "currency": "RUB",
                "sectionId": section,
                "catalogId": 25,
                "measure": 796,
                "description": None,
                "sort": 500,
                "xmlId": f"product-{product}",
                "createdAt": iso(created),
                "updatedAt": iso(created + 40 * DAY),
            },
        )
        yield (
            "catalog_products",
            {
                "id": product,
                "name": product_name(product),
                "iblockId": 25,
                "iblockSectionId": section,
                "active": active,
                "purchasingPrice": round(price * 0.7, 2),
                "purchasingCurrency": "RUB",
                "quantity": dice.between(0, 900),
                "createdBy": 1,
                "dateCreate": iso(created),
                "timestampX": iso(created + 40 * DAY),
            },
        )


def orders(world: World) -> Iterator[tuple[str, Row]]:
    """Orders of the web shop."""
    dice = world.dice("orders")
    total = world.scaled(1 / 60, 10)
    for order in range(1, total + 1):
        created = spread(dice, order - 1, total)
        status = dice.pick(_STATUSES)
        yield (
            "orders",
            {
                "id": order,
                "accountNumber": f"{order:06d}",
                "statusId": status,
                "price": money(dice, 300_000),
                "currency": "RUB",
                "payed": status != "N",
                "canceled": dice.often(0.05),
                "personTypeId": 1,
                "userId": 1,
                "responsibleId": dice.pick(SELLERS),
                "dateInsert": iso(created),
                "dateUpdate": iso(min(LAST_CHANGE_SECONDS, created + DAY)),
            },
        )
