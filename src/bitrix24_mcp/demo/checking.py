"""Written values against their fields: of the right form, and nothing that the portal does not know."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import multifields
from bitrix24_mcp.demo.database import equals
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.values import ValueRefused, to_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_mcp.demo.database import Database
    from bitrix24_mcp.demo.schema import Entity, Field
    from bitrix24_mcp.demo.values import Column

_MONEY = re.compile(r"-?\d+(\.\d+)?\|[A-Z]{3}")
_PEOPLE = frozenset({"user", "employee"})


def written(field: Field, value: object) -> Column:
    """The value as its column keeps it; ValueRefused when it has another form than the field's."""
    if field.kind == "multifield":
        return multifields.column(multifields.sent([] if value is None else value))
    if field.type == "file" and value is not None:
        raise ValueRefused("the demo portal takes no files")
    column = to_column(field, None if value == "" and not field.required else value)
    for element in elements(field, column):
        _check_form(field, element)
    return _without_gaps(field, column)


def elements(field: Field, column: Column) -> list[Column]:
    """The single values of a column, none for an empty one."""
    several = cast("list[Column]", json.loads(str(column or "[]"))) if field.kind == "list" else [column]
    return [element for element in several if element is not None]


def check_references(database: Database, entity: Entity, values: Mapping[str, Column]) -> None:
    """Refuse options, people and funnels that there are none of."""
    for name, column in values.items():
        field = entity.by_name[name]
        for element in elements(field, column):
            if field.options and str(element) not in dict(field.options):
                raise FieldRefused(name, f"Option {element} does not exist")
            if field.type in _PEOPLE and not database.count("users", equals("id", element)):
                raise FieldRefused(name, f"User {element} does not exist")
            if name == "categoryId" and entity.stage_field and not _is_funnel(database, entity, element):
                raise FieldRefused(name, f"Funnel {element} does not exist")


def _is_funnel(database: Database, entity: Entity, number: Column) -> bool:
    if entity.path == "deals" and database.count("deal_categories", equals("id", number)):
        return True
    where = equals("entityTypeId", entity.entity_type_id) & equals("id", number)
    return database.count("categories", where) > 0


def _check_form(field: Field, element: Column) -> None:
    if isinstance(element, float) and not math.isfinite(element):
        raise ValueRefused("a finite number is expected")
    if field.element == "integer" and isinstance(element, float):
        raise ValueRefused("a whole number is expected")
    if field.type == "money" and not _MONEY.fullmatch(str(element)):
        raise ValueRefused("an amount and a currency such as 1500.50|RUB are expected")


def _without_gaps(field: Field, column: Column) -> Column:
    """A list without its empty elements; nothing counts as 0 or no where records of the portal always have that."""
    if field.kind == "list":
        return json.dumps([element for element in elements(field, column) if element != ""], ensure_ascii=False)
    always = field.default is not None and field.kind == "boolean"
    if column is None and (always or (field.default == 0 and field.kind in ("integer", "real"))):
        return 0
    return column
