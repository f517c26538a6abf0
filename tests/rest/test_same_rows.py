"""Both doors of one portal give the same fields, rows and counts of the CRM's records."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from typing import Any, cast

import pytest

from assistants import TestTime
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.dates import shown
from bitrix24_mcp.crm.fields import UNORDERED, Fields
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, Operator, Record, RecordPage, RecordQuery, Scalar, Sort
from bitrix24_mcp.crm.shape import shape
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.portal import GatewayPortal

pytestmark = pytest.mark.anyio

ZONE = timezone(timedelta(hours=3))
ITEMS: tuple[Entity, ...] = (
    *(BY_NAME[name] for name in ("leads", "deals", "contacts", "companies", "quotes", "invoices")),
    smart_process(174, "Contracts", stages=True, funnels=True),
    smart_process(156, "Purchases", stages=True, funnels=False),
    smart_process(1038, "Equipment", stages=False, funnels=False),
)
ONLY_GATEWAY: Mapping[str, frozenset[str]] = {
    "deals": frozenset({"previousStageId"}),
    "companies": frozenset({"sourceId"}),
}
"""Fields that the universal methods do not have (docs: crm/universal/object-fields)."""
BY_ENTITY = pytest.mark.parametrize("entity", ITEMS, ids=[entity.name for entity in ITEMS])


@dataclass(frozen=True)
class Doors:
    """The same portal through the gateway and by its own REST."""

    gateway: GatewayPortal
    rest: RestPortal

    async def fields(self, entity: Entity) -> Fields:
        return Fields(entity, await self.gateway.fields(entity))


@pytest.fixture
async def doors(portal: DemoPortal) -> AsyncGenerator[Doors]:
    time = TestTime().clock
    async with (
        GatewayClient(Credentials(portal.url, "vibe_api_demo"), budget=Budget(clock=time)) as gateway,
        RestClient(Webhook(f"{portal.url}/rest/1/demo-admin/"), budget=Bucket(clock=TestTime().clock)) as rest,
    ):
        yield Doors(GatewayPortal(gateway), RestPortal(rest))


def same(rows: Sequence[Record], fields: Fields, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The rows as every answer shows them: moments in one zone, days as days, without what is empty."""
    return [shape(row, fields, columns, ZONE) for row in rows]


async def page(portal: Portal, query: RecordQuery, fields: Fields) -> tuple[list[dict[str, Any]], int | None, bool]:
    found = await portal.search(query)
    return same(found.rows, fields, query.select), found.total, found.has_more


def columns_of(fields: Fields) -> tuple[str, ...]:
    """Every column that both doors have."""
    hidden = ONLY_GATEWAY.get(fields.entity.name, frozenset())
    return tuple(info.name for info in fields if info.name not in hidden)


@BY_ENTITY
async def test_fields_are_the_same(doors: Doors, entity: Entity) -> None:
    """Names, kinds, titles, list values, directories and whether a field holds several values."""
    gateway = await doors.fields(entity)
    rest = Fields(entity, await doors.rest.fields(entity))

    def told(fields: Fields) -> dict[str, Any]:
        return {
            info.name: (
                fields.kind(info.name),
                info.title,
                info.multiple,
                info.options,
                fields.directory(info.name),
            )
            for info in fields
            if info.name not in ONLY_GATEWAY.get(entity.name, ())
        }

    assert told(rest) == told(gateway)


@BY_ENTITY
async def test_every_column_of_a_long_list_is_the_same(doors: Doors, entity: Entity) -> None:
    """Four hundred records with all columns, and their number."""
    fields = await doors.fields(entity)
    query = RecordQuery(entity, sort=(Sort("id"),), select=columns_of(fields), limit=400)
    assert await page(doors.rest, query, fields) == await page(doors.gateway, query, fields)


@BY_ENTITY
@pytest.mark.parametrize("limit", [1, 49, 50, 51, 100, 101, 500])
@pytest.mark.parametrize("descending", [False, True])
async def test_lists_of_any_length_end_alike(doors: Doors, entity: Entity, limit: int, *, descending: bool) -> None:
    """The same ids, total and whether more follow, whether counted or not."""
    fields = await doors.fields(entity)
    query = RecordQuery(entity, sort=(Sort("id", descending=descending),), select=("id",), limit=limit)
    expected = await page(doors.gateway, query, fields)
    assert await page(doors.rest, query, fields) == expected
    rows, _, more = await page(doors.rest, replace(query, counted=False), fields)
    assert (rows, more) == (expected[0], expected[2])
    rows, _, more = await page(doors.rest, replace(query, counted=False, expected=limit), fields)
    assert (rows, more) == (expected[0], expected[2])


@BY_ENTITY
async def test_each_operator_of_each_field_chooses_the_same(doors: Doors, entity: Entity) -> None:
    """Of every field that both doors filter by, each operator that its kind takes: how many match, and the first."""
    fields = await doors.fields(entity)
    sample = (await doors.gateway.search(RecordQuery(entity, sort=(Sort("id"),), limit=300))).rows
    for condition in conditions(fields, sample):
        query = RecordQuery(entity, (condition,), (Sort("id"),), ("id",), limit=20)
        expected = await page(doors.gateway, query, fields)
        assert (condition, await page(doors.rest, query, fields)) == (condition, expected)
        assert (condition, await doors.rest.count(entity, [condition])) == (condition, expected[1])


@BY_ENTITY
async def test_each_order_is_the_same(doors: Doors, entity: Entity) -> None:
    """By every field with a single value, both ways, on the first page and behind an offset."""
    fields = await doors.fields(entity)
    single = [name for name in columns_of(fields) if not fields[name].multiple and not fields.has_parts(name)]
    for name in single:
        for descending in (False, True):
            order = (Sort(name, descending=descending), *([] if name == "id" else [Sort("id")]))
            for limit, offset in ((20, 0), (60, 30)):
                query = RecordQuery(entity, sort=order, select=("id", name), limit=limit, offset=offset)
                expected = await page(doors.gateway, query, fields)
                assert (order, await page(doors.rest, query, fields)) == (order, expected)


async def test_several_conditions_hold_together(doors: Doors) -> None:
    """Two bounds on one field, a list, an exclusion and a flag."""
    deals = BY_NAME["deals"]
    fields = await doors.fields(deals)
    chosen = (
        Condition("amount", "gte", 100_000),
        Condition("amount", "lt", 3_000_000),
        Condition("createdAt", "gte", "2024-01-01T00:00:00+03:00"),
        Condition("createdAt", "lt", "2026-01-01T00:00:00+03:00"),
        Condition("stageSemanticId", "in", ("S", "F")),
        Condition("currency", "ne", "EUR"),
        Condition("isReturning", "eq", value=True),
        Condition("id", "gt", 20),
        Condition("id", "lte", 560),
    )
    for step in (Sort("id"), Sort("id", descending=True), Sort("amount")):
        query = RecordQuery(deals, chosen, (step,), ("title", "amount"), limit=120)
        expected = await page(doors.gateway, query, fields)
        assert expected[1]
        assert await page(doors.rest, query, fields) == expected


@pytest.mark.parametrize("name", ["leads", "contacts", "companies"])
async def test_phones_and_mail_find_the_same_records(doors: Doors, name: str) -> None:
    """A whole phone or address, a list of them, and both at once."""
    entity = BY_NAME[name]
    fields = await doors.fields(entity)
    rows = (await doors.gateway.search(RecordQuery(entity, sort=(Sort("id"),), limit=200))).rows
    held = [row for row in rows if row["phone"] and row["email"]]
    phones, mails = ([values(row[part]) for row in held] for part in ("phone", "email"))
    for chosen in (
        (Condition("phone", "eq", phones[3]),),
        (Condition("email", "in", (mails[0], mails[1], "nobody@nowhere.example")),),
        (Condition("phone", "eq", phones[5]), Condition("email", "eq", mails[5])),
        (Condition("phone", "eq", phones[5]), Condition("email", "eq", mails[6])),
        (Condition("phone", "eq", "+7 000 000-00-00"),),
        (Condition("phone", "in", tuple(phones[:4])), Condition("id", "in", tuple(row["id"] for row in held[2:9]))),
    ):
        query = RecordQuery(entity, chosen, (Sort("id"),), ("id", "phone", "email"), limit=50)
        expected = await page(doors.gateway, query, fields)
        assert await page(doors.rest, query, fields) == expected
        assert await doors.rest.count(entity, chosen) == expected[1]


@BY_ENTITY
async def test_single_records_are_the_same(doors: Doors, entity: Entity) -> None:
    """All fields of records by their ids, and which ids there are none of."""
    fields = await doors.fields(entity)
    ids = [*range(1, 12), 10_000_001]
    gateway, rest = await doors.gateway.records(entity, ids), await doors.rest.records(entity, ids)
    assert (rest.missing, rest.refused) == (gateway.missing, gateway.refused)
    columns = columns_of(fields)
    assert same([*rest.found.values()], fields, columns) == same([*gateway.found.values()], fields, columns)
    assert list(rest.found) == list(gateway.found)


async def test_pages_asked_for_together_are_those_asked_for_alone(doors: Doors) -> None:
    """Short ones, a long one, and one that nothing can match."""
    deals, contacts = BY_NAME["deals"], BY_NAME["contacts"]
    queries = [
        RecordQuery(deals, (Condition("companyId", "eq", 5),), (Sort("id", descending=True),), ("title",), 10),
        RecordQuery(deals, (), (Sort("id"),), ("title",), 120),
        RecordQuery(contacts, (Condition("phone", "eq", "+0"),), (Sort("id"),), ("name",), 10),
        RecordQuery(contacts, (Condition("id", "in", (3, 5, 8)),), (Sort("id"),), ("name",), 3),
    ]
    together = await doors.rest.searches(queries)
    assert list(together) == [await doors.rest.search(query) for query in queries]
    for query, found in zip(queries, together, strict=True):
        assert isinstance(found, RecordPage)
        assert found == replace(await doors.gateway.search(query), pieces=found.pieces)


def conditions(fields: Fields, sample: Sequence[Record]) -> list[Condition]:
    """Conditions with values that records of the portal have, each operator for each field that takes it."""
    found: list[Condition] = []
    for name in columns_of(fields):
        kind, info = fields.kind(name), fields[name]
        stored = [value for row in sample for value in scalars(row.get(name), kind)]
        if not stored or fields.has_parts(name):
            continue
        one, other = stored[len(stored) // 2], stored[-1]
        ordered = kind not in UNORDERED and not info.multiple and kind != "other"
        bounds: list[Operator] = ["gt", "gte", "lt", "lte"] if ordered else []
        found += [Condition(name, operator, one) for operator in ("eq", "ne", *bounds)]
        if kind != "datetime" and one != other:
            found += [Condition(name, "in", (one, other)), Condition(name, "nin", (one, other))]
        if kind == "string" and isinstance(one, str):
            found += [Condition(name, "contains", one[1:4]), Condition(name, "contains", one[:2].upper())]
    return found


def scalars(value: Any, kind: str) -> list[Scalar]:
    """Stored values as conditions hold them."""
    several = cast("list[Any]", value) if isinstance(value, list) else [value]
    kept = [each for each in several if each not in (None, "") and not isinstance(each, dict)]
    if kind == "date":
        return [str(each)[:10] for each in kept]
    if kind == "datetime":
        return [shown(str(each), ZONE) for each in kept]
    return kept


def values(held: Any) -> str:
    """The first value of a multifield."""
    return str(held[0]["VALUE"])
