"""What is measured: functions over fields, checked against the portal's fields before anything is asked."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.errors import InvalidArguments, UnexpectedAnswer, quoted
from bitrix24_mcp.crm.fields import NUMERIC, Fields

Function = Literal["count", "sum", "avg", "min", "max"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A function over a field; `*` is the record itself."""

    function: Function
    field: str = "*"

    @property
    def column(self) -> str:
        """The figure's name in a row: `count`, `sum_amount`, `count_amount`."""
        return self.function if self.field == "*" else f"{self.function}_{self.field}"


def resolve_measures(asked: Sequence[tuple[Function, str | None]], fields: Fields) -> tuple[Measure, ...]:
    """The measures with canonical field names, each once; without any, the number of records.

    Raises InvalidArguments for a function without its field, or a field that cannot be measured so.
    """
    measures = [_measure(function, field, fields) for function, field in asked] or [Measure("count")]
    return tuple(dict.fromkeys(measures))


def check_currencies(measures: Sequence[Measure], grouped: Sequence[str], fields: Fields) -> None:
    """Raises InvalidArguments when amounts and groups would split the rows by currencies of different places."""
    sources = {source for measure in measures if (source := currency_source(measure, fields))}
    sources |= set(fields.entity.money.values()) & set(grouped)
    if len(sources) > 1:
        raise InvalidArguments(
            f"These amounts and groups keep their currencies in different places ({quoted(sorted(sources))}), so one "
            "row cannot hold them together.",
            advice="Ask for each amount in a call of its own, without grouping by another currency.",
            code="MIXED_CURRENCIES",
        )


def measured(measures: Sequence[Measure]) -> tuple[str, ...]:
    """The fields that are measured, each once."""
    return tuple(dict.fromkeys(measure.field for measure in measures if measure.field != "*"))


def currency_source(measure: Measure, fields: Fields) -> str:
    """Where the currency of a measured amount stands: the field beside it, or a money user field itself; else empty."""
    if measure.function == "count":
        return ""
    return measure.field if fields.kind(measure.field) == "money" else fields.currency_of(measure.field)


def value_reader(name: str, fields: Fields) -> Callable[[Any], Any]:
    """A function from a stored value to what is measured: a Decimal, a comparable date or a mark; None when empty."""
    kind = fields.kind(name)
    if kind in NUMERIC and not fields[name].multiple:
        return _number
    if kind == "datetime" and not fields[name].multiple:
        return _moment
    if kind == "date" and not fields[name].multiple:
        return lambda value: str(value)[:10] if value else None
    empty: tuple[Any, ...] = (None, "", [], {}, 0, "0") if kind == "link" else (None, "", [], {})
    return lambda value: None if value in empty else True


def is_number(name: str, fields: Fields) -> bool:
    """Whether a field holds figures that can be added."""
    return fields.kind(name) in NUMERIC and not fields[name].multiple


def summable(fields: Fields) -> list[str]:
    """The fields worth adding up: the entity's amounts and its user fields of figures."""
    standard = fields.entity.summable
    return [
        info.name
        for info in fields
        if is_number(info.name, fields)
        and (info.name in standard if standard is not None and not fields.is_user_field(info.name) else True)
        and info.name != "id"
    ]


def _measure(function: Function, field: str | None, fields: Fields) -> Measure:
    if function == "count" and field in {None, "*"}:
        return Measure("count")
    if field is None or field == "*":
        raise InvalidArguments(
            f"{function} needs a field.",
            advice=f"Add one: {quoted(summable(fields)) or 'this entity has no field of figures'}.",
            code="MISSING_FIELD",
            candidates=summable(fields),
        )
    name = fields.resolve(field)
    dated = fields.kind(name) in {"date", "datetime"} and not fields[name].multiple
    if function != "count" and not is_number(name, fields) and not (function in {"min", "max"} and dated):
        raise InvalidArguments(
            f"There is no {function} of {name}, which holds no figures.",
            advice=f"Fields with figures are {quoted(summable(fields)) or 'none here'}; count takes any field.",
            code="NOT_MEASURABLE",
            candidates=summable(fields),
        )
    return Measure(function, name)


def _number(value: Any) -> Decimal | None:
    """The figure of a stored number; of user-field money what stands before the bar (docs/entity-api).

    Raises UnexpectedAnswer for anything else: a figure that leaves it out would be wrong.
    """
    if value is None or value == "" or (isinstance(value, str) and value.startswith("|")):
        return None
    with suppress(InvalidOperation):
        number = Decimal(str(value).partition("|")[0]) if isinstance(value, int | float | str) else Decimal("NaN")
        if number.is_finite() and not isinstance(value, bool):
            return number
    raise unexpected_value("a number")


def _moment(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    if moment := parse_moment(str(value), UTC):
        return moment
    raise unexpected_value("a date")


def unexpected_value(wanted: str) -> UnexpectedAnswer:
    """The error for a value that cannot be counted in: a figure that leaves it out would be wrong."""
    return UnexpectedAnswer(
        f"The portal sent something else than {wanted} where figures are computed.",
        advice="Measure or group by another field, or read the records with search_items.",
        code="UNEXPECTED_ANSWER",
    )
