"""Every entity of the catalogue, and every smart process, answers both tools."""

from typing import Any

import pytest

from assistants import Assistant, Sql
from bitrix24_mcp.crm.catalogue.entities import CATALOGUE
from bitrix24_mcp.crm.catalogue.entity import Entity
from oracle import MOST_TOKENS, pages

pytestmark = pytest.mark.anyio

NAMES = [entity.name for entity in CATALOGUE]
SMART_PROCESSES = {"174": "items_174", "156": "items_156", "1038": "items_1038"}
TITLES = {"Contracts": "items_174", "ЗАКУПКИ": "items_156", "оборудование": "items_1038"}
REQUIRED = {"calendar-events": ("type", "ownerId"), "files": ("folderId",), "timelines": ("entityType", "entityId")}
"""Conditions without which the portal lists nothing."""
EVERY = [*((name, name.replace("-", "_")) for name in NAMES), *SMART_PROCESSES.items(), *TITLES.items()]


def given(sql: Sql, entity: str, table: str) -> dict[str, Any]:
    """The conditions that the entity requires, those of the record with the most companions."""
    if entity not in REQUIRED:
        return {}
    columns = ", ".join(REQUIRED[entity])
    row = sql(f"select {columns} from {table} group by {columns} order by count(*) desc, {columns} limit 1")[0]
    return dict(zip(REQUIRED[entity], row, strict=True))


def matching(sql: Sql, table: str, conditions: dict[str, Any]) -> list[Any]:
    """The ids that the conditions leave, in order."""
    where = " and ".join(f'"{name}" = ?' for name in conditions) or "1"
    return [row[0] for row in sql(f"select id from {table} where {where} order by id", *conditions.values())]


def test_the_required_conditions_are_those_of_the_catalogue() -> None:
    assert {entity.name: entity.required for entity in CATALOGUE if entity.required} == REQUIRED


@pytest.mark.parametrize(("entity", "table"), EVERY)
async def test_its_records_are_found_to_the_last_one(assistant: Assistant, sql: Sql, entity: str, table: str) -> None:
    conditions = given(sql, entity, table)
    wanted = matching(sql, table, conditions)

    answers = await pages(
        assistant, "search_items", entity=entity, filter=conditions, limit=300, max_tokens=MOST_TOKENS
    )

    assert wanted
    assert [item["id"] for answer in answers for item in answer["items"]] == wanted
    assert answers[0]["total"] == len(wanted)


@pytest.mark.parametrize("entity", CATALOGUE, ids=NAMES)
def test_its_usual_columns_and_money_are_fields_of_the_portal(sql: Sql, entity: Entity) -> None:
    """A column that the portal does not know would be left out without a word."""
    columns = {row[1] for row in sql(f'pragma table_info("{entity.name.replace("-", "_")}")')}

    assert {*entity.select, *entity.money, *entity.money.values(), *entity.never_empty} - columns == set()


@pytest.mark.parametrize(("entity", "table"), EVERY)
async def test_its_records_are_counted(assistant: Assistant, sql: Sql, entity: str, table: str) -> None:
    conditions = given(sql, entity, table)
    count = len(matching(sql, table, conditions))

    answer = await assistant.ask("aggregate", entity=entity, filter=conditions)

    assert answer == {"rows": [{"count": count}], "total": count, "complete": True}


@pytest.mark.parametrize("tool", ["search_items", "aggregate"])
@pytest.mark.parametrize(("entity", "name"), [(entity, name) for entity, names in REQUIRED.items() for name in names])
async def test_a_missing_required_condition_is_named(
    assistant: Assistant, sql: Sql, tool: str, entity: str, name: str
) -> None:
    conditions = given(sql, entity, entity.replace("-", "_"))
    del conditions[name]
    required = REQUIRED[entity]
    example = ", ".join(f'"{each}": …' for each in required)

    error = await assistant.fail(tool, entity=entity, filter=conditions)

    values = {
        "type": " type is user, group, company or company_calendar.",
        "entityType": " entityType is deal, lead, contact or company.",
    }
    assert error == {
        "code": "MISSING_REQUIRED_FILTER",
        "message": f"The portal lists {entity} only for a given {' and '.join(required)}. Add to the filter: "
        f"{{{example}}}.{values.get(name, '')}",
        "candidates": [name],
    }


async def test_an_entity_is_known_by_its_singular_too(assistant: Assistant) -> None:
    for entity in CATALOGUE:
        words = {"entityType": "deal", "type": "user"}
        conditions = {name: words.get(name, 1) for name in entity.required}
        answer = await assistant.ask("search_items", entity=entity.singular, filter=conditions, explain=True)

        assert answer["plan"]["entity"] == entity.name
