"""Running business processes over nine templates, triggers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data.people import STAFF
from bitrix24_mcp.demo.data.world import DAY, NOW_SECONDS, iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.world import Dice, Row, World

RUNNING = 140
_NEW_CLASS = "Bitrix\\Crm\\Integration\\BizProc\\Document\\"
TEMPLATES = (
    # id, module, document class, document type, name, autostart
    (1, "crm", "CCrmDocumentLead", "LEAD", "Распределение лидов", 1),
    (12, "crm", "CCrmDocumentDeal", "DEAL", "Согласование скидки", 0),
    (57, "crm", "CCrmDocumentDeal", "DEAL", "Контроль оплаты", 2),
    (101, "crm", "CCrmDocumentContact", "CONTACT", "Проверка контакта", 0),
    (140, "crm", "CCrmDocumentCompany", "COMPANY", "Проверка контрагента", 0),
    (212, "crm", _NEW_CLASS + "Quote", "QUOTE", "Согласование предложения", 0),
    (301, "crm", _NEW_CLASS + "SmartInvoice", "SMART_INVOICE", "Напоминание об оплате", 2),
    (713, "crm", _NEW_CLASS + "Dynamic", "DYNAMIC_174", "Contract approval", 1),
    (802, "lists", "BizprocDocument", "iblock_31", "Заявка на отпуск", 1),
)
_WEIGHTED = (0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 4, 5, 6, 6, 7, 7, 7, 8)
_TRIGGERS = (
    ("INVOICE_PAID", "Счёт оплачен", "C5:FINAL_INVOICE"),
    ("CALL_BACK", "Обратный звонок", "PREPARATION"),
    ("DELIVERED", "Delivered", "C7:FINAL_INVOICE"),
)


def templates(_world: World) -> Iterator[tuple[str, Row]]:
    """Nine templates."""
    for number, module, entity, document, name, automatic in TEMPLATES:
        yield (
            "bizproc_templates",
            {
                "id": number,
                "moduleId": module,
                "entity": entity,
                "documentType": json.dumps([module, entity, document]),
                "autoExecute": automatic,
                "name": name,
                "description": f"Шаблон «{name}»",
                "modified": iso(NOW_SECONDS - number * DAY),
                "isModified": False,
                "userId": 1,
            },
        )


def triggers(_world: World) -> Iterator[tuple[str, Row]]:
    """Three triggers of deal funnels."""
    for code, name, stage in _TRIGGERS:
        yield (
            "triggers",
            {
                "CODE": code,
                "NAME": name,
                "DOCUMENT_TYPE": json.dumps(["crm", "CCrmDocumentDeal", "DEAL"]),
                "DOCUMENT_STATUS": stage,
            },
        )


def workflows(world: World) -> Iterator[tuple[str, Row]]:
    """A hundred and forty instances: 11 stuck, 4 within the five minutes of grace, 6 locked for now, the rest free."""
    dice = world.dice("workflows")
    shared_second = NOW_SECONDS - 3 * DAY
    for number in range(RUNNING):
        template = TEMPLATES[dice.pick(_WEIGHTED)]
        modified = shared_second if number % 20 == 9 else NOW_SECONDS - dice.between(400, 60 * DAY)
        started = modified - dice.between(0, 20 * DAY)
        owned = _owned_until(dice, number)
        yield (
            "workflows",
            {
                "ID": f"{started:x}{dice.between(0, 16**6 - 1):06x}.{dice.between(10**7, 10**8 - 1)}",
                "MODIFIED": iso(modified),
                "OWNED_UNTIL": None if owned is None else iso(owned),
                "MODULE_ID": template[1],
                "ENTITY": template[2],
                "DOCUMENT_ID": _document(world, dice, template[3]),
                "STARTED": iso(started),
                "STARTED_BY": _starter(dice),
                "TEMPLATE_ID": str(template[0]),
            },
        )


def _owned_until(dice: Dice, number: int) -> int | None:
    if number % 12 == 5:  # eleven or twelve of 140: the last one is left out
        return NOW_SECONDS - dice.between(301, 9 * DAY) if number < 132 else None
    if number % 40 == 18:
        return NOW_SECONDS - (300 if number == 18 else dice.between(1, 299))
    if number % 25 == 8:
        return NOW_SECONDS + dice.between(10, 290)
    return None


def _starter(dice: Dice) -> str:
    if dice.often(0.34):
        return "0"
    return "57" if dice.often(0.2) else str(dice.pick(STAFF))


def _document(world: World, dice: Dice, document: str) -> str:
    last = {
        "LEAD": world.leads,
        "CONTACT": world.contacts,
        "COMPANY": world.companies,
        "QUOTE": world.quotes,
        "SMART_INVOICE": world.invoices,
        "DYNAMIC_174": world.scaled(0.15, 40),
    }
    if document == "DEAL":
        return f"DEAL_{dice.pick(world.deal_ids)}"
    if document in last:
        return f"{document}_{dice.between(1, last[document])}"
    return str(dice.between(100, 400))
