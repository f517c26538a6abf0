"""How REST shows one of the portal's tables: which of its fields, under which names, written how."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_mcp.demo.schema import Entity, Field

Dialect = Literal["text", "numbers"]
EVERY_PREFIX = ("!=%", "!%=", "!@", "!%", "!=", "=%", "%=", ">=", "<=", "!", "=", ">", "<", "@", "%")
"""What may stand before a field's name in a filter, the longest first (crm.activity.list)."""
COMPARING_PREFIXES = (">=", "<=", "!", ">", "<")
"""What the tasks and the business processes take (tasks.task.list, bizproc.workflow.instances)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a REST answer.

    `field` is the portal's field behind it; empty = the portal keeps nothing, `fixed` stands in every row.
    `expression` is SQL to compare and sort by where that is not the column itself, as a number if `numeric`.
    `empty` is what is sent for a missing value, `decimals` how many of them text has.
    """

    name: str
    field: str = ""
    fixed: object = None
    expression: str = ""
    numeric: bool = False
    filterable: bool = True
    sortable: bool = True
    shown: bool = True  # whether it comes without being named in `select`
    empty: object = None
    decimals: int = 2


@dataclass(frozen=True)
class Table:
    """One table as REST shows it.

    `dialect`: scalars are text, or numbers stay numbers. `prefixes` are those a filter takes. `defaults` are the
    columns that come without `select`; empty = all. `order` is the order without `order`. `strict` names the class
    in the refusal of an unknown field; empty = it is passed over.
    """

    entity: Entity
    columns: tuple[Column, ...]
    dialect: Dialect = "text"
    prefixes: tuple[str, ...] = EVERY_PREFIX
    defaults: tuple[str, ...] = ()
    order: tuple[tuple[str, str], ...] = ()
    strict: str = ""
    key: str = "ID"

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by REST's name."""
        return {column.name: column for column in self.columns}

    def field(self, column: Column) -> Field:
        """The portal's field behind a column that has one."""
        return self.entity.by_name[column.field]


def columns(names: Mapping[str, str], *others: Column, empty: object = None) -> tuple[Column, ...]:
    """Columns from REST's names and the portal's fields behind them, `others` in the place of their names or after."""
    special = {column.name: column for column in others}
    plain = [special.pop(name, None) or Column(name, field, empty=empty) for name, field in names.items()]
    return (*plain, *special.values())


def fixed(values: Mapping[str, object]) -> tuple[Column, ...]:
    """Columns that are the same in every row, for what the portal does not keep."""
    return tuple(Column(name, fixed=value, filterable=False, sortable=False) for name, value in values.items())
