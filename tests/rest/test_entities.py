"""Everything that is no item of the CRM: the same fields, rows and counts through both doors."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bitrix24_mcp.crm.catalogue.entities import BY_NAME, CATALOGUE
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, RecordQuery, Sort
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.items.listing import is_item
from bitrix24_mcp.rest.kinds.table import KINDS
from entity_questions import CONDITIONS, SORTS, Case, required
from rest_doors import Doors, same, two_doors

pytestmark = pytest.mark.anyio

ENTITIES = [entity for entity in CATALOGUE if not is_item(entity)]
ONLY_GATEWAY: Mapping[str, frozenset[str]] = {
    "users": frozenset({"isAdmin"}),
    "calendar-events": frozenset({"dateCreate"}),
}
"""Fields that REST's own lists do not have (user.get), or only in a form that nobody can read (calendar.event.get)."""
UNTITLED = {"documents", "doc-templates", "files", "folders", "storages", "catalog-products", "orders", "timelines"}
"""Entities whose fields no method of REST gives names, or none that the demo portal has."""
DESCRIBED = [entity for entity in ENTITIES if entity.has_field_list]
BY_ENTITY = pytest.mark.parametrize("entity", ENTITIES, ids=[entity.name for entity in ENTITIES])


async def page(door: Portal, query: RecordQuery) -> tuple[Any, int | None, bool]:
    found = await door.search(query)
    hidden = ONLY_GATEWAY.get(query.entity.name, frozenset())
    rows = [{name: value for name, value in row.items() if name not in hidden} for row in found.rows]
    return same(rows), found.total, found.has_more


async def agree(doors: Doors, query: RecordQuery) -> int:
    """How many records both doors find, the same ones; and that they count the same."""
    expected = await page(doors.gateway, query)
    assert await page(doors.rest, query) == expected
    count = await doors.rest.count(query.entity, query.conditions)
    assert count == await doors.gateway.count(query.entity, query.conditions)
    return count


def test_every_entity_of_the_catalogue_has_a_way() -> None:
    assert set(KINDS) == {entity.name for entity in ENTITIES}


@pytest.mark.parametrize("entity", DESCRIBED, ids=[entity.name for entity in DESCRIBED])
async def test_fields_are_the_same(portal: DemoPortal, entity: Entity) -> None:
    """Names, kinds and whether several values are held; titles where REST gives any."""
    async with two_doors(portal) as doors:
        gateway, rest = await doors.gateway.fields(entity), await doors.rest.fields(entity)

    def told(described: Sequence[FieldInfo]) -> dict[str, Any]:
        fields = Fields(entity, described)
        titled = entity.name not in UNTITLED
        return {
            each.name: (fields.kind(each.name), each.multiple, each.title if titled else "")
            for each in fields
            if each.name not in ONLY_GATEWAY.get(entity.name, ())
        }

    assert told(rest) == told(gateway)


@BY_ENTITY
async def test_every_column_of_every_row_is_the_same(portal: DemoPortal, entity: Entity) -> None:
    async with two_doors(portal) as doors:
        query = RecordQuery(entity, required(entity), (Sort("id"),), limit=500)
        assert await agree(doors, query) > 0


@BY_ENTITY
@pytest.mark.parametrize("limit", [1, 50, 51])
async def test_lists_end_alike(portal: DemoPortal, entity: Entity, limit: int) -> None:
    """The same ids, total and whether more follow, upwards and downwards."""
    async with two_doors(portal) as doors:
        for descending in (False, True):
            if descending and entity.name == "timelines":
                continue  # the gateway gives them upwards, whatever is asked
            await agree(doors, RecordQuery(entity, required(entity), (Sort("id", descending),), ("id",), limit))


FIELDS_OF = [(name, case) for name, cases in CONDITIONS.items() for case in cases]


@pytest.mark.parametrize(
    ("name", "case"), FIELDS_OF, ids=[f"{name} {'-'.join(map(str, case))}" for name, case in FIELDS_OF]
)
async def test_records_are_chosen_alike(portal: DemoPortal, name: str, case: Case) -> None:
    """By what a method takes, and here by what it does not."""
    entity = BY_NAME[name]
    async with two_doors(portal) as doors:
        query = RecordQuery(entity, (*required(entity), Condition(*case)), (Sort("id"),), limit=500)
        await agree(doors, query)


@pytest.mark.parametrize(("name", "field", "descending"), SORTS)
async def test_records_are_ordered_alike(portal: DemoPortal, name: str, field: str, *, descending: bool) -> None:
    """By what a method orders by, and here by what it does not; a second page goes on where the first ended."""
    entity = BY_NAME[name]
    sort = (Sort(field, descending), Sort("id"))
    async with two_doors(portal) as doors:
        for offset in (0, 10):
            await agree(doors, RecordQuery(entity, required(entity), sort, ("id", field), 10, offset))


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("tasks", [1, 2, 999_999]),
        ("users", [1, 57, 999_999]),
        ("departments", [1, 9, 99]),
        ("activities", [1, 5]),
        ("products", [1, 300, 999_999]),
        ("product-sections", [3, 999]),
        ("requisites", [1, 2]),
        ("requisite-presets", [1]),
        ("bank-details", [1]),
        ("workgroups", [1, 12, 99]),
        ("currencies", ["RUB", "USD"]),
        ("documents", [1, 999_999]),
        ("doc-templates", [1, 99]),
        ("files", [1, 2, 999_999]),
        ("folders", [10, 11, 999]),
        ("storages", [1, 2, 99]),
        ("orders", [1, 99_999]),
        ("timelines", [1, 2]),
    ],
)
async def test_single_records_are_the_same(portal: DemoPortal, name: str, ids: list[int | str]) -> None:
    """Those that are there, and which are missing."""
    entity = BY_NAME[name]
    async with two_doors(portal) as doors:
        rest, gateway = await doors.rest.records(entity, ids), await doors.gateway.records(entity, ids)

    hidden = ONLY_GATEWAY.get(name, frozenset())
    shown = {
        record_id: {field: value for field, value in row.items() if field not in hidden}
        for record_id, row in gateway.found.items()
    }
    assert same(rest.found) == same(shown)
    assert (rest.missing, rest.refused) == (gateway.missing, gateway.refused)
