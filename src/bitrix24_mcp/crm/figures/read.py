"""Figures computed here, from records read one by one: any group, any field, any number of records."""

from collections.abc import Sequence
from typing import Any

from bitrix24_mcp.crm.errors import UnexpectedAnswer, quoted
from bitrix24_mcp.crm.figures.cells import Key, Table
from bitrix24_mcp.crm.figures.groups import key_reader
from bitrix24_mcp.crm.figures.measures import is_number, value_reader
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Record, RecordQuery
from bitrix24_mcp.crm.reading.progress import Report
from bitrix24_mcp.crm.reading.scan import scan
from bitrix24_mcp.crm.reading.steadiness import Reading


async def compute(plan: Plan, total: int, portal: Portal, report: Report) -> Reading[Table]:
    """The figures of the records as they were read; their number says whether those were all."""
    table = Table()
    add = _Adding(plan, table)
    query = RecordQuery(plan.fields.entity, plan.conditions, select=plan.columns)
    size = await scan(query, total, portal, add.rows, report)
    if size[0] and add.missing:
        raise UnexpectedAnswer(
            f"The portal sent none of the records with their {quoted(sorted(add.missing))}.",
            advice="Ask for figures of another field.",
            code="UNEXPECTED_ANSWER",
        )
    return Reading(table, *size)


class _Adding:
    """Adds records to a table. `missing` are the fields that no record has shown yet, not even as empty."""

    def __init__(self, plan: Plan, table: Table) -> None:
        self._table = table
        self._keys = [(group.field, key_reader(group, plan.fields, plan.zone)) for group in plan.groups]
        self._values = [(name, value_reader(name, plan.fields), is_number(name, plan.fields)) for name in plan.measured]
        self.missing = {name for name, *_ in (*self._keys, *self._values)}
        self._split = plan.split
        self._with_amount = plan.fields.kind(plan.split) == "money" if plan.split else False

    def rows(self, rows: Sequence[Record]) -> None:
        """Adds a page of records."""
        for row in rows:
            if self.missing:
                self.missing -= row.keys()
            cell = self._table.cell(self._key(row))
            cell.count += 1
            for name, read, numeric in self._values:
                tally = cell.tally(name)
                value = read(row.get(name))
                if value is not None:
                    tally.take(value, numeric=numeric)

    def _key(self, row: Record) -> Key:
        key = tuple(read(row.get(name)) for name, read in self._keys)
        return (*key, self._currency(row.get(self._split))) if self._split else key

    def _currency(self, value: Any) -> str | None:
        """The currency beside an amount, or behind the bar of a money user field (docs/entity-api)."""
        text = str(value or "")
        return (text.partition("|")[2] if self._with_amount else text) or None
