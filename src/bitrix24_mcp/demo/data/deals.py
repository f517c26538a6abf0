"""Deals over three years with their stage history and product rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data import names, texts
from bitrix24_mcp.demo.data.catalogue import PRODUCT_COUNT, product_name, product_price
from bitrix24_mcp.demo.data.directories import PLAIN
from bitrix24_mcp.demo.data.people import BUYERS, SELLERS, STAFF
from bitrix24_mcp.demo.data.stages import DEAL_FUNNELS, walk
from bitrix24_mcp.demo.data.world import DAY, LAST_CHANGE_SECONDS, iso, iso_day, money, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.stages import Funnel, Walk
    from bitrix24_mcp.demo.data.world import Dice, Row, World

_SOURCES = tuple(PLAIN["SOURCE"])
_TYPES = tuple(PLAIN["DEAL_TYPE"])
_INDUSTRIES = tuple(PLAIN["INDUSTRY"])
_TAGS = ("301", "302", "303", "304", "305")
_FUNNELS = (*(DEAL_FUNNELS[0],) * 12, *(DEAL_FUNNELS[1],) * 5, *(DEAL_FUNNELS[2],) * 3)


def deals(world: World) -> Iterator[tuple[str, Row]]:
    """Every deal, followed by its history and its product rows."""
    dice = world.dice("deals")
    history = rows = deal = 0
    for number in range(world.deals):
        deal += 1 if dice.often(0.95) else 2
        world.deal_ids.append(deal)
        funnel = dice.pick(_FUNNELS)
        path = walk(dice, funnel, spread(dice, number, world.deals))
        yield "deals", _deal(world, dice, deal, funnel, path) | _custom(world, dice, number, path)
        for row in _history(deal, funnel, path):
            history += 1
            yield "stage_history", {"id": history, **row}
        for row in _product_rows(dice, deal):
            rows += 1
            yield "product_rows", {"id": rows, **row}


def _deal(world: World, dice: Dice, deal: int, funnel: Funnel, path: Walk) -> Row:
    contact = dice.between(1, world.contacts) if dice.often(0.85) else 0
    company = dice.between(1, world.companies) if dice.often(0.8) else 0
    seller = dice.pick(SELLERS)
    created = path.steps[0][1]
    euro = dice.often(0.6 if funnel.id == 7 else 0.12)
    return {
        "id": deal,
        "title": _title(dice, funnel, company, deal),
        "amount": money(dice, 90_000 if euro else 4_000_000),
        "currency": "EUR" if euro else "RUB",
        "categoryId": funnel.id,
        "stageId": path.stage.code,
        "previousStageId": path.previous,
        "stageSemanticId": path.stage.semantics,
        "assignedById": seller,
        "companyId": company,
        "contactId": contact,
        "contactIds": json.dumps(_contacts(world, dice, contact)),
        "createdBy": seller if dice.often(0.7) else 1,
        "updatedBy": seller,
        "movedBy": seller,
        "createdAt": iso(created),
        "updatedAt": iso(min(LAST_CHANGE_SECONDS, path.moved + dice.between(0, 5 * DAY))),
        "movedTime": iso(path.moved),
        "begindate": iso_day(created),
        "closedAt": iso_day(path.moved if path.closed else path.end),
        "closed": path.closed,
    } | _extras(dice, deal, path)


def _extras(dice: Dice, deal: int, path: Walk) -> Row:
    probability = {"S": 100, "F": 0}.get(path.stage.semantics, min(90, 15 * len(path.steps)))
    return {
        "sourceId": dice.pick(_SOURCES) if dice.often(0.9) else None,
        "sourceDescription": "Заявка с сайта" if dice.often(0.1) else None,
        "typeId": dice.pick(_TYPES),
        "probability": probability,
        "opened": dice.often(0.9),
        "isReturning": dice.often(0.3),
        "comments": texts.comment(dice, deal),
        "observers": json.dumps([dice.pick(STAFF)] if dice.often(0.2) else []),
        "entityTypeId": 2,
    }


def _title(dice: Dice, funnel: Funnel, company: int, deal: int) -> str:
    if funnel.id == 7:
        subject = dice.pick(("Supply of panels", "Export batch", "Design review", "Facade kit", "Frame contract"))
        return f"{subject}: {names.company_title(company)}" if company else f"{subject} #{deal}"
    subject = dice.pick(names.WORKS) if dice.often(0.5) else f"Поставка: {dice.pick(names.GOODS)}"
    return f"{subject} — {names.company_title(company)}" if company else f"{subject} №{deal}"


def _contacts(world: World, dice: Dice, contact: int) -> list[int]:
    if not contact:
        return []
    other = dice.between(1, world.contacts)
    return [contact, other] if other != contact and dice.often(0.1) else [contact]


def _custom(world: World, dice: Dice, number: int, path: Walk) -> Row:
    tags = [tag for tag in _TAGS if dice.often(0.2)]
    visit = path.steps[0][1] + dice.between(1, 20) * DAY
    return {
        "UF_CRM_1700000001": dice.pick(("202", "203", "203", "204")) if dice.often(0.8) else None,
        "UF_CRM_1700000002": dice.between(200, 90_000) / 10 if dice.often(0.6) else None,
        "UF_CRM_1700000003": f"{money(dice, 3_000_000):.2f}|{_budget_currency(dice)}" if dice.often(0.5) else None,
        "UF_CRM_1700000004": json.dumps(tags),
        "UF_CRM_1700000005": dice.between(1, 25) if dice.often(0.4) else None,
        "UF_CRM_1700000006": dice.pick(BUYERS) if dice.often(0.5) else None,
        "UF_CRM_1700000007": iso_day(path.end + dice.between(5, 90) * DAY) if dice.often(0.5) else None,
        "UF_CRM_1700000008": iso(visit) if dice.often(0.3) else None,
        "UF_CRM_1700000009": dice.often(0.15),
        "UF_CRM_1700000010": f"https://object-{number}.example" if dice.often(0.1) else None,
        "UF_CRM_1700000011": f"{names.address(dice)}|59.93;30.31|{number + 1}" if dice.often(0.3) else None,
        "UF_CRM_1700000012": f"CO_{dice.between(1, world.companies)}" if dice.often(0.2) else None,
        "UF_CRM_1700000013": dice.pick(_INDUSTRIES) if dice.often(0.4) else None,
        "UF_CRM_1700000014": _file(number) if dice.often(0.1) else None,
        "UF_CRM_1700000015": f"СП-{number + 1:05d}/26" if path.closed and dice.often(0.6) else None,
        "UF_CRM_1700000016": dice.between(1, 15) if dice.often(0.2) else None,
        "UF_CRM_1700000017": dice.between(1, PRODUCT_COUNT) if dice.often(0.2) else None,
    }


def _budget_currency(dice: Dice) -> str:
    return "EUR" if dice.often(0.15) else "RUB"


def _file(number: int) -> str:
    return json.dumps({"id": 9000 + number, "urlDownload": f"/bitrix/download/{9000 + number}"})


def _history(deal: int, funnel: Funnel, path: Walk) -> Iterator[Row]:
    for step, (stage, moment) in enumerate(path.steps):
        kind = 1 if step == 0 else 2 if stage.semantics == "P" else 3
        yield {
            "entityType": "deal",
            "typeId": kind,
            "ownerId": deal,
            "createdAt": iso(moment),
            "categoryId": funnel.id,
            "stageSemanticId": stage.semantics,
            "stageId": stage.code,
        }


def _product_rows(dice: Dice, deal: int) -> Iterator[Row]:
    if dice.often(0.55):
        return
    for _ in range(dice.between(1, 3)):
        product = dice.between(1, PRODUCT_COUNT)
        yield {
            "ownerType": "deals",
            "ownerId": deal,
            "productId": product,
            "productName": product_name(product),
            "price": product_price(product),
            "quantity": dice.between(1, 40),
            "discount": 5 if dice.often(0.1) else 0,
            "taxRate": 20 if dice.often(0.8) else None,
            "taxIncluded": dice.often(0.5),
        }
