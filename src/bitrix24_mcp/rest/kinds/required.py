"""Conditions that a method cannot do without."""

from collections.abc import Sequence

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_values import Condition, Scalar


def values_of(field: str, conditions: Sequence[Condition]) -> tuple[Scalar, ...]:
    """The values that a field may have by the first condition that names them; none where any may do."""
    for each in conditions:
        if each.field == field and each.operator in {"eq", "in"}:
            return each.value if isinstance(each.value, tuple) else (each.value,)
    return ()


def value_of(field: str, conditions: Sequence[Condition], entity: Entity) -> Scalar:
    """The one value of a field. Raises InvalidArguments where none, or several, are asked for."""
    values = values_of(field, conditions)
    if len(values) == 1:
        return values[0]
    raise InvalidArguments(
        f"{entity.title} can only be listed for one {field}.",
        advice=f"Add the condition {field} with a single value to the filter.",
        code="MISSING_REQUIRED_FILTER",
    )
