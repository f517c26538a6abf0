"""From the fields of a request in REST's own names to the columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo import checking
from bitrix24_mcp.demo.errors import FieldRefused
from bitrix24_mcp.demo.rest.parameters import elements, entries
from bitrix24_mcp.demo.values import ValueRefused

if TYPE_CHECKING:
    from bitrix24_mcp.demo import values
    from bitrix24_mcp.demo.rest.tables.shape import Table


def written(table: Table, fields: object, *, also: tuple[str, ...] = ()) -> dict[str, values.Column]:
    """The columns that the fields mean; those that are unknown or only read are passed over.

    `also` names what is only read elsewhere. FieldRefused tells of a value in a form that its field does not take.
    """
    found: dict[str, values.Column] = {}
    for name, value in entries(fields):
        column = table.by_name.get(name)
        if column is None or not column.field:
            continue
        field = table.field(column)
        if field.readonly and name not in also:
            continue
        try:
            found[field.name] = checking.written(field, elements(value) if field.multiple else value)
        except ValueRefused as wrong:
            raise FieldRefused(field.name, f'The field "{field.title}" has an invalid value') from wrong
    return found
