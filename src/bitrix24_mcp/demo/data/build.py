"""Writes a whole portal into a fresh SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data import (
    catalogue,
    clients,
    deals,
    directories,
    items,
    papers,
    people,
    sales,
    work,
    workflow_tasks,
    workflows,
)
from bitrix24_mcp.demo.data.world import World
from bitrix24_mcp.demo.database import index_sql, quote, table_sql
from bitrix24_mcp.demo.schemas import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from bitrix24_mcp.demo.data.world import Row
    from bitrix24_mcp.demo.schema import Entity
    from bitrix24_mcp.demo.values import Column

_CHUNK = 1_000

# Deals come first: later records refer to their ids, which have gaps.
_GENERATORS = (
    deals.deals,
    directories.statuses,
    directories.categories,
    directories.currencies,
    directories.smart_processes,
    people.users,
    people.departments,
    people.workgroups,
    clients.contacts,
    clients.companies,
    clients.requisites,
    sales.leads,
    sales.quotes,
    sales.invoices,
    items.contracts,
    items.purchases,
    items.equipment,
    work.tasks,
    work.activities,
    work.timelines,
    work.calendar_events,
    workflows.templates,
    workflows.triggers,
    workflows.workflows,
    workflow_tasks.workflow_tasks,
    catalogue.product_sections,
    catalogue.products,
    catalogue.orders,
    papers.documents,
    papers.drive,
)


class _Writer:
    """Collects rows and writes them by the thousand."""

    def __init__(self, connection: sqlite3.Connection, entities: tuple[Entity, ...]) -> None:
        self._connection = connection
        self._columns = {entity.table: tuple(entity.by_name) for entity in entities}
        self._known = {table: frozenset(names) for table, names in self._columns.items()}
        self._waiting: dict[str, list[tuple[Column, ...]]] = {table: [] for table in self._columns}

    def add(self, table: str, row: Row) -> None:
        """Take one row; a column that the schema does not declare is a mistake of the generator."""
        if not row.keys() <= self._known[table]:
            raise KeyError(f"{table}: {sorted(row.keys() - self._known[table])}")
        waiting = self._waiting[table]
        waiting.append(tuple(map(row.get, self._columns[table])))
        if len(waiting) >= _CHUNK:
            self._write(table)

    def finish(self) -> None:
        """Write what is left."""
        for table in self._waiting:
            self._write(table)

    def _write(self, table: str) -> None:
        marks = ", ".join("?" * len(self._columns[table]))
        text = " ".join(("INSERT INTO", quote(table), f"VALUES ({marks})"))
        self._connection.executemany(text, self._waiting[table])
        self._waiting[table].clear()


def build(path: Path, deal_count: int, seed: int) -> None:
    """Fill the file with a portal of this size."""
    entities = tuple(Registry())
    world = World(deal_count, seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for entity in entities:
            connection.execute(table_sql(entity))
        writer = _Writer(connection, entities)
        for table, row in chain.from_iterable(generate(world) for generate in _GENERATORS):
            writer.add(table, row)
        writer.finish()
        for entity in entities:
            for text in index_sql(entity):
                connection.execute(text)
        connection.execute("COMMIT")
