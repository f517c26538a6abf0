"""Groups counted by one aggregate of the gateway itself: exact up to 5,000 records.

Only counts are asked of it. Its sums are rounded, it adds money of different currencies together, and how it treats
empty values is not documented (docs/entity-api, aggregation); reading as many records takes one request as well.
"""

from bitrix24_mcp.crm.errors import RequestRefused
from bitrix24_mcp.crm.figures.cells import Cell, Table
from bitrix24_mcp.crm.figures.groups import key_reader
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.filters.conjunction import conjoin
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition


async def usable(plan: Plan, total: int, portal: Portal, metadata: Metadata) -> bool:
    """Whether one aggregate of the gateway answers the question, completely for so many records."""
    if not plan.by_portal or total > portal.figures_at_most or _question(plan) in metadata.unhelpful:
        return False
    return not plan.split or await _currency(plan, metadata) is not None


async def compute(plan: Plan, total: int, portal: Portal, metadata: Metadata) -> Table | None:
    """The groups of all `total` records, or None when the gateway refuses them or leaves something out.

    A refusal is remembered: asking again and again is punished (docs/errors, ERROR_LOOP_DETECTED).
    """
    currency = await _currency(plan, metadata) if plan.split else None
    conditions = conjoin((*plan.conditions, *([Condition(plan.split, "eq", currency)] if currency else [])))
    groups = [group.field for group in plan.groups if group.field != plan.split]
    try:
        counts = await portal.group_counts(plan.fields.entity, conditions, groups)
    except RequestRefused:
        metadata.unhelpful.add(_question(plan))
        return None
    if not counts.complete:
        return None
    table = Table()
    readers = [(group, key_reader(group, plan.fields, plan.zone)) for group in plan.groups]
    for values, count in counts.groups:
        key = tuple(currency if group.field == plan.split else read(values[group.field]) for group, read in readers)
        table.cell((*key, currency) if plan.split else key).join(Cell(count))
    return table if table.count == total else None


async def _currency(plan: Plan, metadata: Metadata) -> str | None:
    """The only currency that can match, by which the gateway cannot group (docs/entity-api); None for several."""
    held = [each.value for each in plan.conditions if each.field == plan.split and each.operator in {"eq", "in"}]
    values = held[0] if held else tuple(currency.code for currency in await metadata.currencies())
    codes = values if isinstance(values, tuple) else (values,)
    return str(codes[0]) if len(codes) == 1 else None


def _question(plan: Plan) -> tuple[str, ...]:
    """What a refusal is remembered for: the entity and its groups."""
    return ("group_counts", plan.fields.entity.name, *sorted(group.column for group in plan.groups))
