"""Conditions on phones and e-mail addresses, which items cannot be filtered by: the classic lists find the ids.

Those compare whole values only (crm.contact.list), so that a part of a phone cannot be looked for.
"""

from collections.abc import Sequence

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_values import Condition, Scalar
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.forms import known_form
from bitrix24_mcp.rest.calling.lists import Lists, too_many

MOST_FOUND = 500
"""Records with one phone; their ids must fit into a request."""


async def with_ids(
    conditions: Sequence[Condition], parts: Sequence[str], entity: Entity, lists: Lists
) -> Sequence[Condition] | None:
    """The conditions with ids in place of `parts`, the multifields; None when no record can meet them.

    Raises InvalidArguments for anything but whole values, or when too many records have them.
    """
    on_parts = [each for each in conditions if each.field in parts]
    if not on_parts:
        return conditions
    others = [each for each in conditions if each not in on_parts]
    wanted = [each for each in others if each.field == "id" and each.operator in {"eq", "in"}]
    found = await _ids(on_parts[0], entity, lists)
    for condition in on_parts[1:]:
        found &= await _ids(condition, entity, lists)
    for condition in wanted:
        found &= {int(str(each)) for each in _values(condition)}
    if not found:
        return None
    return [*(each for each in others if each not in wanted), Condition("id", "in", tuple(sorted(found)))]


def requests_for_ids(conditions: Sequence[Condition], parts: Sequence[str]) -> int:
    """The most requests that it takes: a list for each value, and twice as many for lists of several pages."""
    return sum(3 * len(_values(each)) for each in conditions if each.field in parts)


async def _ids(condition: Condition, entity: Entity, lists: Lists) -> set[int]:
    if condition.operator not in {"eq", "in"}:
        raise InvalidArguments(
            f"Bitrix24 compares {condition.field} of {entity.name} with whole values only.",
            advice=f"Give the whole {condition.field} as the portal writes it, or a list of them; a part of a name "
            "finds the record as well.",
            code="NOT_OVER_REST",
        )
    calls = [_call(condition.field, str(value), entity) for value in _values(condition)]
    found: set[int] = set()
    for call, first in zip(calls, await lists.answers(*calls), strict=True):
        rows = first.rows() if first.next is None else await lists.all(call, most=MOST_FOUND)
        with known_form():
            found |= {int(row["ID"]) for row in rows}
    if len(found) > MOST_FOUND:
        raise too_many(len(found))
    return found


def _call(part: str, value: str, entity: Entity) -> RestCall:
    chosen = {"filter": {part.upper(): value}, "select": ["ID"], "order": {"ID": "ASC"}, "start": 0}
    return RestCall(f"crm.{entity.singular}.list", chosen)


def _values(condition: Condition) -> tuple[Scalar, ...]:
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)
