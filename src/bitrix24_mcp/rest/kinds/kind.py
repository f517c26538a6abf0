"""Kinds of records that have list methods of their own: their fields, and what each method can be asked.

Most of these methods pass over a filter key or an order that they do not know, without a word. So nothing is asked of
one but what its page documents; the rest is done here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bitrix24_mcp.crm.portal_values import Condition, Operator, Record, Sort
from bitrix24_mcp.rest.calling.forms import known_form
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import Column, Dialect, Order
from bitrix24_mcp.rest.reading.values import Form

Json = dict[str, Any]
FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "integer": "number", "user": "number", "number": "number", "double": "number", "boolean": "flag",
        "datetime": "moment", "date": "day", "string": "text", "crm": "text",
    }
)  # fmt: skip
"""How a field of each type keeps its values."""
WITH_LISTS: Mapping[Operator, str] = MappingProxyType(
    {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "contains": "%", "in": "=", "nin": "!="}
)
"""Where several values are asked for by the prefixes of one (catalog.product.list)."""
WITHOUT_TEXTS: Mapping[Operator, str] = MappingProxyType(
    {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "in": "@", "nin": "!@"}
)
"""Where no part of a text can be asked for (crm.documentgenerator.template.list)."""
COMPARING: Mapping[Operator, str] = MappingProxyType(
    {"eq": "", "ne": "!", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "in": "", "nin": "!"}
)
"""The oldest methods' prefixes (tasks.task.list)."""


@dataclass(frozen=True, slots=True)
class Known:
    """A field under the name and the type that tools know, and under REST's name.

    `read` is its key in a row, `filtered` what a filter calls it, where those are other ones.
    """

    name: str
    type: str
    asked: str
    multiple: bool = False
    read: str = ""
    filtered: str = ""

    def column(self, asked: str = "") -> Column:
        """The column as `select` asks for it, or under another name."""
        return Column(
            self.name, asked or self.asked, self.read or self.asked, FORMS.get(self.type, "plain"), self.multiple
        )


def known(types: Mapping[str, str], renamed: Mapping[str, str] = MappingProxyType({})) -> tuple[Known, ...]:
    """Fields by name and type; REST calls them the same in UPPER_SNAKE, but for those in `renamed`."""
    return tuple(Known(name, type_, renamed.get(name) or upper_snake(name)) for name, type_ in types.items())


def known_alike(types: Mapping[str, str]) -> tuple[Known, ...]:
    """Fields that REST calls just as tools do."""
    return tuple(Known(name, type_, name) for name, type_ in types.items())


def upper_snake(name: str) -> str:
    """`ownerTypeId` as `OWNER_TYPE_ID`."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()


def no_order(_: Order) -> Mapping[str, Any]:
    """No order, where a method takes none."""
    return {}


def _as_it_is(row: Json) -> Json:
    return row


def _as_asked(condition: Condition) -> Condition:
    return condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of record: its fields, and the method that lists it.

    `described` is the method that names the fields, whose map stands at `described_at`; empty where there is none.
    `filterable` and `sortable` name the fields that the method documents for it; None = all of them.
    `patterns` are text fields whose plain value is a pattern, so that a percent sign in it means any text.
    `steps`: how many an order may have. `always` is selected with whatever else, `by_name` whether columns can be.
    `scoped`: the scope decides which fields come in a row, and no answer says so (docs: user/user-scope).
    `written` makes a condition into one that the filter takes, `prepared` a row into one that the columns can read.
    """

    fields: tuple[Known, ...]
    dialect: Dialect
    described: str = ""
    described_at: tuple[str, ...] = ()
    filterable: frozenset[str] | None = None
    sortable: frozenset[str] | None = None
    patterns: frozenset[str] = frozenset()
    steps: int = 9
    always: tuple[str, ...] = ()
    by_name: bool = True
    scoped: bool = False
    written: Callable[[Condition], Condition] = _as_asked
    prepared: Callable[[Json], Json] = _as_it_is

    def takes(self, condition: Condition) -> bool:
        """Whether the method chooses by this condition, and by no more and no less than it says."""
        known = next((each for each in self.fields if each.name == condition.field), None)
        if known is None or (self.filterable is not None and condition.field not in self.filterable):
            return False
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        if "" in values or (known.multiple and condition.operator not in {"eq", "in"}):
            return False
        text = condition.operator == "contains" or condition.field in self.patterns
        if text and any(mark in str(value) for value in values for mark in "%_"):
            return False
        return condition.operator in self.dialect.operators or (
            condition.operator == "contains" and condition.field in self.patterns
        )

    def orders(self, sort: Sequence[Sort]) -> bool:
        """Whether the method gives its rows in this order."""
        single = {each.name for each in self.fields if not each.multiple}
        known = single if self.sortable is None else single & self.sortable
        return len(sort) <= self.steps and all(step.field in known for step in sort)


class KindColumns(Columns):
    """The columns of a kind."""

    def __init__(self, kind: Kind, fields: Iterable[Known]) -> None:
        self._kind = kind
        self._known = tuple(each.column() for each in fields)
        super().__init__(self._known)

    def selected(self, names: Sequence[str], every: Sequence[str]) -> list[str]:
        """What to select for these columns; everything where the method does not take names."""
        if not self._kind.by_name:
            return list(every)
        return list(dict.fromkeys([*super().selected(names, every), *self._kind.always]))

    def row(self, raw: Mapping[str, Any], names: Sequence[str] = ()) -> Record:
        """A row under the names of tools; of all that came, the fields that tools know. Raises UnexpectedAnswer."""
        with known_form():
            prepared = self._kind.prepared(dict(raw))
        return super().row(prepared, names or [each.name for each in self._known if each.read in prepared])

    @property
    def every(self) -> tuple[str, ...]:
        """What to select for all of them."""
        return tuple(each.asked for each in self._known) if self._kind.by_name else ("*",)
