"""A page of a table, one record of it, and what its fields are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.rest.calls import RestError, Result
from bitrix24_mcp.demo.rest.parameters import elements, entries, whole
from bitrix24_mcp.demo.rest.rights import sees_all
from bitrix24_mcp.demo.rest.tables import conditions

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.rest.tables.shape import Column, Dialect, Table
    from bitrix24_mcp.demo.schema import Field

PAGE = 50
_NO_COUNT = -1


def parameter(call: Call, name: str) -> object:
    """A parameter by its name in any letter case; the exact one goes first."""
    if name in call.params:
        return call.params[name]
    return next((value for key, value in call.params.items() if key.lower() == name), None)


def mine(call: Call, field: str) -> Where:
    """The condition that keeps only a caller's own records, for callers who may not see everybody's."""
    return Where() if sees_all(call.caller) else equals(field, call.caller.user_id)


def listed(call: Call, table: Table, extra: Where | None = None) -> Result:
    """The page that `select`, `filter`, `order` and `start` ask for, as an array."""
    check(table, call)
    found = conditions.where(table, parameter(call, "filter")) & (extra or Where())
    order = ordered(table, list(entries(parameter(call, "order"))))
    return page(call, table, found, order, chosen(table, parameter(call, "select")))


def page(call: Call, table: Table, found: Where, order: str, shown: tuple[str, ...]) -> Result:
    """Fifty rows from `start` on with the total; -1 counts nothing and begins at the first row."""
    start = whole(parameter(call, "start"))
    offset = max(start, 0)
    database = call.portal.database
    rows = database.rows(table.entity.table, tuple(table.entity.by_name), found, Slice(order, PAGE, offset))
    result = [shown_row(table, row, shown) for row in rows]
    if start == _NO_COUNT:
        return Result(result, 0)
    total = database.count(table.entity.table, found)
    return Result(result, total, offset + PAGE if offset + PAGE < total else None)


def under(name: str, result: Result) -> Result:
    """The same page with its rows under a name of the method's own."""
    return Result({name: result.result}, result.total, result.next)


def each(result: Result, change: Callable[[Json], Json]) -> Result:
    """The same page with every row changed."""
    return Result([change(row) for row in cast("list[Json]", result.result)], result.total, result.next)


def one(call: Call, table: Table, extra: Where | None = None, *, name: str = "id") -> Json | None:
    """The whole record that a parameter names, if there is one that the caller may see."""
    key = table.field(table.by_name[table.key])
    found = conditions.condition(table, table.by_name[table.key], "", parameter(call, name)) & (extra or Where())
    rows = call.portal.database.rows(table.entity.table, tuple(table.entity.by_name), found, Slice(quote(key.name), 1))
    return shown_row(table, rows[0], chosen(table, ["*"])) if rows else None


def single(call: Call, table: Table) -> Result:
    """The record that `id` names, or the refusal that the older methods of the CRM give."""
    if not parameter(call, "id"):
        raise RestError("", "ID is not defined or invalid.")
    found = one(call, table)
    if found is None:
        raise RestError("", "Not found")
    return Result(found)


def chosen(table: Table, select: object) -> tuple[str, ...]:
    """The columns that are sent: those named, all for `*`, the usual ones where nothing is named."""
    asked = [str(name) for name in elements(select)]
    every = [column.name for column in table.columns if column.shown]
    if not asked:
        return table.defaults or tuple(every)
    names = [name for wanted in asked for name in (every if wanted == "*" else [wanted])]
    return tuple(dict.fromkeys(name for name in names if name in table.by_name))


def ordered(table: Table, terms: list[tuple[str, object]]) -> str:
    """An ORDER BY from names and directions, ending in the key so that pages do not overlap."""
    known = [(table.by_name.get(name), str(direction)) for name, direction in terms]
    usable = [(column, direction) for column, direction in known if column is not None and column.sortable]
    usable = usable or [(table.by_name[name], direction) for name, direction in table.order]
    parts = [f"{_expression(table, column)} {_direction(direction)}" for column, direction in usable]
    return ", ".join([*parts, _expression(table, table.by_name[table.key])])


def check(table: Table, call: Call) -> None:
    """Refuse an unknown field in `select` or `order` where the method does so, instead of passing it over."""
    if not table.strict:
        return
    asked = [str(name) for name in elements(parameter(call, "select"))]
    for name in [*asked, *(name for name, _ in entries(parameter(call, "order")))]:
        if name != "*" and name not in table.by_name:
            raise RestError("100", f"Unknown field definition `{name}` ({name}) for {table.strict} Entity.")


def shown_row(table: Table, row: Row, names: tuple[str, ...]) -> Json:
    """A row as REST writes it."""
    return {name: _shown(table, table.by_name[name], row) for name in names}


def fields(table: Table) -> Json:
    """What a `.fields` method says of each column that the portal keeps."""
    return {column.name: _described(table.field(column), column, table.key) for column in table.columns if column.field}


def _described(field: Field, column: Column, key: str) -> Json:
    return {
        "type": {"boolean": "char", "number": "double"}.get(field.type, field.type),
        "isRequired": field.required,
        "isReadOnly": field.readonly or column.name == key,
        "isImmutable": False,
        "isMultiple": field.multiple,
        "isDynamic": False,
        "title": field.title,
    }


def _expression(table: Table, column: Column) -> str:
    return column.expression or quote(table.field(column).name)


def _direction(raw: str) -> str:
    return "DESC" if raw.lower() == "desc" else "ASC"


def _shown(table: Table, column: Column, row: Row) -> object:
    if not column.field:
        return column.fixed
    field = table.field(column)
    value = row[field.name]
    if value is None:
        return column.empty
    if field.kind == "datetime":
        return times.in_portal_zone(value)
    if field.kind == "boolean":
        return "Y" if value else "N"
    if field.kind in ("list", "object"):
        return _elements(table.dialect, json.loads(value))
    return _scalar(table.dialect, field, column, value)


def _scalar(dialect: Dialect, field: Field, column: Column, value: object) -> object:
    number = cast("float", value)
    if dialect == "text":
        return f"{number:.{column.decimals}f}" if field.kind == "real" else str(value)
    return int(number) if field.kind == "real" and number == int(number) else value


def _elements(dialect: Dialect, value: object) -> object:
    if dialect == "numbers" or not isinstance(value, list):
        return value
    return [str(element) for element in cast("list[object]", value)]
