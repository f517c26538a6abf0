"""What is measured: functions over fields, checked against the portal's fields before anything is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.crm.fields import NUMERIC, Fields

Function = Literal["count", "sum", "avg", "min", "max"]
GROUPS_AT_MOST = 5
"""Fields to group by in one question (docs/entity-api, aggregation)."""


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


def _measure(function: Function, field: str | None, fields: Fields) -> Measure:
    if function == "count" and field in {None, "*"}:
        return Measure("count")
    if field is None or field == "*":
        raise InvalidArguments(
            f"{function} needs a field.",
            advice=f"Add one: {quoted(_summable(fields)) or 'this entity has no field of figures'}.",
            code="MISSING_FIELD",
            candidates=_summable(fields),
        )
    name = fields.resolve(field)
    if function != "count" or name not in fields.entity.never_empty:
        _check_numeric(function, name, fields)
    return Measure(function, name)


def _check_numeric(function: Function, name: str, fields: Fields) -> None:
    kind, entity = fields.kind(name), fields.entity
    if fields.is_user_field(name) and kind == "money":
        raise InvalidArguments(
            f"{name} keeps each amount with its own currency, and the portal would add different currencies together.",
            advice=f"Measure {quoted(_summable(fields))}, or read the records with search_items."
            if _summable(fields)
            else "Read the records with search_items.",
            code="MIXED_CURRENCIES",
            candidates=_summable(fields),
        )
    allowed = entity.summable is None or fields.is_user_field(name) or name in entity.summable
    if kind not in NUMERIC or fields[name].multiple or not allowed:
        raise InvalidArguments(
            f"The portal gives no {function} of {name}.",
            advice=f"It can measure {quoted(_summable(fields)) or 'no field'} of {entity.name}; count needs no field.",
            code="NOT_MEASURABLE",
            candidates=_summable(fields),
        )


def _summable(fields: Fields) -> list[str]:
    standard = fields.entity.summable
    return [
        info.name
        for info in fields
        if fields.kind(info.name) in {"integer", "number"}
        and not info.multiple
        and (
            fields.is_user_field(info.name) or (standard is None and info.name != "id") or info.name in (standard or ())
        )
    ]


def resolve_groups(asked: Sequence[str], fields: Fields) -> tuple[str, ...]:
    """The canonical names of the fields to group by.

    Raises InvalidArguments for more than five, or for a field that the portal's aggregate does not group by.
    """
    if len(asked) > GROUPS_AT_MOST:
        raise InvalidArguments(
            f"{len(asked)} fields to group by are too many.",
            advice=f"Use {GROUPS_AT_MOST} at most.",
            code="TOO_MANY_GROUPS",
        )
    groups = tuple(dict.fromkeys(_group(written, fields) for written in asked))
    if len(groups) < len(asked):
        raise InvalidArguments("group_by names a field twice.", advice="Name each field once.", code="INVALID_GROUP_BY")
    return groups


def _group(written: str, fields: Fields) -> str:
    entity = fields.entity
    name = fields.resolve(written)
    currencies = set(entity.money.values())
    if entity.groupable is None or fields.is_user_field(name) or name in entity.groupable or name in currencies:
        return name
    possible = [*entity.groupable, *sorted(each for each in currencies if each in fields)]
    user_fields = [info.name for info in fields if fields.is_user_field(info.name)]
    raise InvalidArguments(
        f"The portal cannot group {entity.name} by {name}.",
        advice=f"It groups them by {quoted(possible) or 'no field'}{' or a user field' if user_fields else ''}.",
        code="NOT_GROUPABLE",
        candidates=possible or user_fields[:5],
    )
