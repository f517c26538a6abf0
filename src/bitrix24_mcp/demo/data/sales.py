"""Leads, quotes and invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data import names, texts
from bitrix24_mcp.demo.data.directories import PLAIN
from bitrix24_mcp.demo.data.people import SELLERS
from bitrix24_mcp.demo.data.stages import INVOICE_FUNNELS, LEAD_FUNNEL, QUOTE_FUNNEL, walk
from bitrix24_mcp.demo.data.world import DAY, LAST_CHANGE_SECONDS, iso, iso_day, money, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.world import Dice, Row, World

_SOURCES = tuple(PLAIN["SOURCE"])


def leads(world: World) -> Iterator[tuple[str, Row]]:
    """Enquiries."""
    dice = world.dice("leads")
    for lead in range(1, world.leads + 1):
        path = walk(dice, LEAD_FUNNEL, spread(dice, lead - 1, world.leads), longest=30)
        name, last_name, second_name = names.person(dice)
        seller = dice.pick(SELLERS)
        yield (
            "leads",
            {
                "id": lead,
                "title": f"Заявка: {dice.pick(names.GOODS)}" if dice.often(0.8) else f"Request from {name} {last_name}",
                "name": name,
                "lastName": last_name,
                "secondName": second_name,
                "statusId": path.stage.code,
                "companyTitle": names.company_title(dice.between(1, world.companies)) if dice.often(0.5) else None,
                "post": dice.pick(names.POSTS) if dice.often(0.5) else None,
                "sourceId": dice.pick(_SOURCES),
                "sourceDescription": None,
                "phone": names.multifield(names.phone(dice)) if dice.often(0.85) else "[]",
                "email": names.multifield(names.email(dice, f"lead{lead}")) if dice.often(0.6) else "[]",
                "assignedById": seller,
                "createdBy": 1 if dice.often(0.5) else seller,
                "comments": texts.comment(dice, lead),
                "opened": True,
                "createdTime": iso(path.steps[0][1]),
                "updatedTime": iso(min(LAST_CHANGE_SECONDS, path.moved + dice.between(0, 2 * DAY))),
                "UF_CRM_1700000201": dice.pick(("401", "402", "403")) if dice.often(0.7) else None,
                "UF_CRM_1700000202": dice.often(0.2),
            }
            | _money(dice, 1_000_000)
            | _client(world, dice),
        )


def _money(dice: Dice, top: int) -> Row:
    euro = dice.often(0.15)
    return {"amount": money(dice, top // 40 if euro else top), "currency": "EUR" if euro else "RUB"}


def _client(world: World, dice: Dice) -> Row:
    return {
        "companyId": dice.between(1, world.companies) if dice.often(0.5) else 0,
        "contactId": dice.between(1, world.contacts) if dice.often(0.6) else 0,
    }


def quotes(world: World) -> Iterator[tuple[str, Row]]:
    """Offers, most of them for a deal."""
    dice = world.dice("quotes")
    for quote in range(1, world.quotes + 1):
        path = walk(dice, QUOTE_FUNNEL, spread(dice, quote - 1, world.quotes), longest=40)
        seller = dice.pick(SELLERS)
        created = path.steps[0][1]
        yield (
            "quotes",
            {
                "id": quote,
                "title": f"КП №{quote}: {dice.pick(names.WORKS)}",
                "stageId": path.stage.code,
                "dealId": dice.pick(world.deal_ids) if dice.often(0.85) else 0,
                "assignedById": seller,
                "beginDate": iso_day(created),
                "closeDate": iso_day(path.end),
                "comments": texts.plain(dice) if dice.often(0.3) else None,
                "opened": True,
                "createdBy": seller,
                "createdAt": iso(created),
                "updatedAt": iso(min(LAST_CHANGE_SECONDS, path.moved + dice.between(0, DAY))),
                "UF_CRM_1700000231": dice.between(0, 150) / 10 if dice.often(0.5) else None,
            }
            | _money(dice, 2_000_000)
            | _client(world, dice),
        )


def invoices(world: World) -> Iterator[tuple[str, Row]]:
    """Smart invoices of type 31."""
    dice = world.dice("invoices")
    for invoice in range(1, world.invoices + 1):
        path = walk(dice, INVOICE_FUNNELS[0], spread(dice, invoice - 1, world.invoices), longest=45)
        seller = dice.pick(SELLERS)
        created = path.steps[0][1]
        amount = _money(dice, 1_500_000)
        yield (
            "invoices",
            {
                "id": invoice,
                "title": f"Счёт №{invoice}",
                "stageId": path.stage.code,
                "categoryId": 3,
                "mycompanyId": 1,
                "opportunity": amount["amount"],
                "currencyId": amount["currency"],
                "assignedById": seller,
                "begindate": iso_day(created),
                "closedate": iso_day(path.end),
                "comments": None,
                "opened": True,
                "parentId2": dice.pick(world.deal_ids) if dice.often(0.8) else None,
                "createdBy": seller,
                "createdTime": iso(created),
                "updatedTime": iso(min(LAST_CHANGE_SECONDS, path.moved + dice.between(0, DAY))),
                "ufCrm_SMART_INVOICE_1700000241": f"А-{invoice}" if path.closed else None,
            }
            | _client(world, dice),
        )
