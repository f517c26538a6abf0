"""Directory rows, funnels, currencies and the three smart-process types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data.stages import CATEGORIES, DEAL_FUNNELS, STAGED, color

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.stages import Funnel
    from bitrix24_mcp.demo.data.world import Row, World

PLAIN = {
    "SOURCE": {
        "CALL": "Звонок",
        "EMAIL": "Электронная почта",
        "WEB": "Веб-сайт",
        "ADVERTISING": "Реклама",
        "PARTNER": "Существующий клиент",
        "RECOMMENDATION": "По рекомендации",
        "TRADE_SHOW": "Выставка",
        "WEBFORM": "CRM-форма",
        "OTHER": "Другое",
    },
    "CONTACT_TYPE": {"CLIENT": "Клиенты", "SUPPLIER": "Поставщики", "PARTNER": "Партнёры", "OTHER": "Другое"},
    "COMPANY_TYPE": {
        "CUSTOMER": "Клиент",
        "SUPPLIER": "Поставщик",
        "COMPETITOR": "Конкурент",
        "PARTNER": "Партнёр",
        "OTHER": "Другое",
    },
    "INDUSTRY": {
        "CONSTRUCTION": "Строительство",
        "MANUFACTURING": "Производство",
        "IT": "Информационные технологии",
        "DELIVERY": "Логистика",
        "GOVERNMENT": "Государственные организации",
        "OTHER": "Другое",
    },
    "EMPLOYEES": {
        "EMPLOYEES_1": "менее 50",
        "EMPLOYEES_2": "50–250",
        "EMPLOYEES_3": "250–500",
        "EMPLOYEES_4": "более 500",
    },
    "HONORIFIC": {"HNR_RU_1": "г-н", "HNR_RU_2": "г-жа"},
    "DEAL_TYPE": {
        "SALE": "Продажа",
        "COMPLEX": "Комплексная продажа",
        "GOODS": "Продажа товара",
        "SERVICES": "Услуги",
        "SERVICE": "Сервисное обслуживание",
    },
}
_SEMANTICS = {"P": (None, "process"), "S": ("S", "success"), "F": ("F", "failure")}
_CURRENCIES = (
    ("RUB", 1.0, True, "Российский рубль", "# ₽"),
    ("EUR", 98.4, False, "Евро", "# €"),
    ("USD", 90.15, False, "Доллар США", "# $"),
)
_TYPES = (
    # id, entityTypeId, title, created, updated, flags switched off
    (3, 174, "Contracts", "2021-07-20T13:04:10Z", "2024-07-19T11:27:27Z", ()),
    (
        7,
        156,
        "Закупки",
        "2022-03-14T07:12:45Z",
        "2025-11-02T09:40:00Z",
        ("isCategoriesEnabled", "isDocumentsEnabled", "isClientEnabled"),
    ),
    (
        11,
        1038,
        "Оборудование",
        "2024-01-22T12:00:30Z",
        "2026-02-17T15:21:09Z",
        (
            "isCategoriesEnabled",
            "isStagesEnabled",
            "isAutomationEnabled",
            "isLinkWithProductsEnabled",
            "isClientEnabled",
            "isSourceEnabled",
            "isDocumentsEnabled",
            "isBizProcEnabled",
        ),
    ),
)
_ON = (
    "isCategoriesEnabled",
    "isStagesEnabled",
    "isClientEnabled",
    "isLinkWithProductsEnabled",
    "isObserversEnabled",
    "isSourceEnabled",
    "isAutomationEnabled",
    "isBizProcEnabled",
    "isDocumentsEnabled",
    "isRecyclebinEnabled",
    "isSetOpenPermissions",
    "isUseInUserfieldEnabled",
    "isInitialized",
)
_OFF = (
    "isBeginCloseDatesEnabled",
    "isMycompanyEnabled",
    "isRecurringEnabled",
    "isPaymentsEnabled",
    "isCountersEnabled",
)


def statuses(_world: World) -> Iterator[tuple[str, Row]]:
    """All directories, stages included, with ids from 101."""
    number = 101
    for funnel in STAGED:
        for position in range(len(funnel.stages)):
            yield "statuses", _stage_row(number, funnel, position)
            number += 1
    for directory, entries in PLAIN.items():
        for position, (code, name) in enumerate(entries.items(), start=1):
            yield "statuses", _status(number, directory, code, name) | {"sort": position * 10}
            number += 1


def _status(number: int, directory: str, code: str, name: str) -> Row:
    return {
        "id": number,
        "entityId": directory,
        "statusId": code,
        "name": name,
        "nameInit": name,
        "sort": 10,
        "system": True,
        "color": None,
        "semantics": None,
        "categoryId": None,
        "extra": None,
    }


def _stage_row(number: int, funnel: Funnel, position: int) -> Row:
    stage = funnel.stages[position]
    semantics, extra = _SEMANTICS[stage.semantics]
    shade = color(funnel, position)
    return _status(number, funnel.directory, stage.code, stage.name) | {
        "sort": (position + 1) * 10,
        "system": stage.code.rpartition(":")[2] in ("NEW", "WON", "LOSE", "SUCCESS", "FAIL", "CONVERTED", "JUNK"),
        "color": shade,
        "semantics": semantics,
        "categoryId": funnel.id,
        "extra": json.dumps({"SEMANTICS": extra, "COLOR": shade}),
    }


def categories(_world: World) -> Iterator[tuple[str, Row]]:
    """The funnels of every type, and those of deals once more in the shape of deal-categories."""
    for position, funnel in enumerate(CATEGORIES, start=1):
        yield (
            "categories",
            {
                "id": funnel.id,
                "entityTypeId": funnel.entity_type_id,
                "name": funnel.name,
                "sort": position * 100,
                "isDefault": funnel.default,
            },
        )
    for position, funnel in enumerate(DEAL_FUNNELS, start=1):
        yield (
            "deal_categories",
            {
                "id": funnel.id,
                "name": funnel.name,
                "sort": position * 100,
                "isLocked": False,
                "createdAt": f"202{position}-02-01T09:00:00Z",
            },
        )


def currencies(_world: World) -> Iterator[tuple[str, Row]]:
    """RUB is the base; no deal is in USD."""
    for position, (code, rate, base, name, pattern) in enumerate(_CURRENCIES, start=1):
        yield (
            "currencies",
            {
                "id": code,
                "amountCnt": 1,
                "amount": rate,
                "sort": position * 100,
                "base": base,
                "fullName": name,
                "lid": "ru",
                "formatString": pattern,
                "decPoint": ",",
                "thousandsSep": " ",
                "decimals": 2,
                "dateUpdate": "2026-07-01T06:00:00Z",
            },
        )


def smart_processes(_world: World) -> Iterator[tuple[str, Row]]:
    """«Contracts» of the documentation's example, «Закупки», and «Оборудование» without stages."""
    for number, entity_type_id, title, created, updated, switched_off in _TYPES:
        row: Row = {
            "id": number,
            "entityTypeId": entity_type_id,
            "title": title,
            "code": None,
            "customSectionId": None,
            "createdBy": 1,
            "updatedBy": 1,
            "createdTime": created,
            "updatedTime": updated,
        }
        row |= {flag: flag not in switched_off for flag in _ON} | dict.fromkeys(_OFF, False)
        yield "smart_processes", row
