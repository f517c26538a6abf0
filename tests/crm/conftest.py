"""A portal of a few known fields, stages and funnels, in Europe/Berlin, to ask the CRM's own logic about."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.conditions import resolve_filter
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import (
    Condition,
    Currency,
    FieldInfo,
    Funnel,
    Identity,
    Option,
    Person,
    Record,
    Status,
)

ZONE = "Europe/Berlin"
NOW = datetime(2026, 7, 15, 10, 30, tzinfo=UTC)
"""A Wednesday, 12:30 in Berlin."""
_FIELDS = {
    "id": "integer",
    "title": "string",
    "comments": "string",
    "amount": "double",
    "currency": "string",
    "probability": "integer",
    "stageId": "crm_status",
    "categoryId": "integer",
    "sourceId": "crm_status",
    "assignedById": "user",
    "companyId": "crm_company",
    "opened": "boolean",
    "createdAt": "datetime",
    "closedAt": "date",
    "ufCrm_score": "double",
    "ufCrm_budget": "money",
    "ufCrm_odd": "resourcebooking",
}
_STAGES = {
    "DEAL_STAGE": [("NEW", "New", ""), ("WON", "Won", "S")],
    "DEAL_STAGE_5": [("C5:NEW", "New", ""), ("C5:PREPARATION", "Preparation", ""), ("C5:WON", "Won", "S")],
    "SOURCE": [("CALL", "Call", ""), ("WEB", "Website", "")],
}


PEOPLE = (
    Person(1, "Anna", "Baker", "anna@example.org", active=True),
    Person(2, "Анна", "Ёлкина", "elkina@example.org", active=True),
    Person(3, "Пётр", "Елкин", "", active=True),
    Person(4, "Пётр Ильич", "Кузнецов", "", active=True),
    Person(5, "Anna Maria", "Stone", "", active=True),
    Person(6, "Мария", "Кузнецова", "", active=True),
    Person(7, "Елена", "Кузнецова", "", active=False),
    Person(8, "", "", "robot@example.org", active=True),
    Person(9, "", "Stone", "", active=True),
)


class KnownPortal:
    """What a filter needs to know of a portal; everything else is not asked."""

    def __init__(self, now: datetime = NOW, user: int | None = 7) -> None:
        self.now = lambda: now
        self.user = user

    async def statuses(self, directory: str | None) -> tuple[Status, ...]:
        names = list(_STAGES) if directory is None else [directory]
        return tuple(
            Status(name, code, text, position, meaning)
            for name in names
            for position, (code, text, meaning) in enumerate(_STAGES.get(name, []))
        )

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        return (Funnel(0, "General", default=True), Funnel(5, "Partners")) if entity.name == "deals" else ()

    async def currencies(self) -> tuple[Currency, ...]:
        return (Currency("RUB", base=True, name="Российский рубль"), Currency("EUR", base=False, name="Евро"))

    async def identity(self) -> Identity:
        return Identity("", (), "", self.user, "")

    async def people(self) -> tuple[Person, ...]:
        return PEOPLE

    async def smart_processes(self) -> tuple[Record, ...]:
        return ({"entityTypeId": 174, "title": "Contracts"},)


@pytest.fixture
def metadata() -> Metadata:
    return Metadata(cast("Portal", KnownPortal()), zone=ZONE)


@pytest.fixture
def deals() -> Fields:
    titles = {"title": "Name", "amount": "Сумма", "comments": "Note", "ufCrm_odd": "Note"}
    several = FieldInfo("ufCrm_marks", "integer", multiple=True)
    colours = FieldInfo("ufCrm_colour", "enumeration", options=(Option("44", "Red"), Option("45", "Green")))
    plain = [FieldInfo(name, kind, titles.get(name, "")) for name, kind in _FIELDS.items()]
    return Fields(DEALS, [*plain, several, colours])


Meaning = Callable[[Mapping[str, Any] | None], Awaitable[Sequence[Condition]]]


@pytest.fixture
def meaning(deals: Fields, metadata: Metadata) -> Meaning:
    """What a filter on deals means on this portal."""

    async def resolve(raw: Mapping[str, Any] | None) -> Sequence[Condition]:
        return await resolve_filter(raw, deals, metadata)

    return resolve


@pytest.fixture
def meaning_at(deals: Fields) -> Callable[[str, str, Any], Awaitable[Sequence[Condition]]]:
    """What a condition on deals means at a moment (UTC, ISO) in a zone."""

    async def resolve(moment: str, zone: str, raw: Any) -> Sequence[Condition]:
        portal = KnownPortal(datetime.fromisoformat(moment).replace(tzinfo=UTC))
        return await resolve_filter(raw, deals, Metadata(cast("Portal", portal), zone=zone))

    return resolve


@pytest.fixture
def meaning_for(deals: Fields) -> Callable[[int | None, Any], Awaitable[Sequence[Condition]]]:
    """What a condition on deals means when the portal says, or does not say, whose key it is."""

    async def resolve(user: int | None, raw: Any) -> Sequence[Condition]:
        portal = KnownPortal(user=user)
        return await resolve_filter(raw, deals, Metadata(cast("Portal", portal), zone=ZONE))

    return resolve


@pytest.fixture
def meaning_elsewhere(metadata: Metadata) -> Callable[[str, Mapping[str, Any]], Awaitable[Sequence[Condition]]]:
    """What a filter on another entity of the catalogue means."""

    async def resolve(name: str, raw: Mapping[str, Any]) -> Sequence[Condition]:
        known = [FieldInfo(each, "string") for each in ("entityType", "entityId", "comment", "categoryId")]
        return await resolve_filter(raw, Fields(BY_NAME[name], known), metadata)

    return resolve
