"""What the journal's file holds, read by plain SQL."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FINAL = frozenset({"done", "refused", "not done", "planned"})
"""States of entries that nothing more is to be heard of, once their operation has ended."""
_QUERY = """
select operation, place, action, entity, record_id, sent_values, before, after, mark, state, said, tool, undoes
from entries join operations on number = operation order by operation, place
"""


@dataclass(frozen=True, slots=True)
class Noted:
    """One entry of the journal with what of its operation counts here."""

    operation: int
    place: int
    action: str
    entity: str
    record_id: int | str | None
    values: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    mark: str
    state: str
    said: str
    tool: str
    undoes: int | None

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from all others."""
        return self.operation, self.place

    @property
    def open(self) -> bool:
        """Whether nobody knows yet what became of it."""
        return self.state in {"sent", "unknown"}

    @property
    def written(self) -> int | str | None:
        """The id of what it wrote."""
        return self.after.get("workflow") if self.action == "start" else self.record_id


def noted(folder: Path) -> Sequence[Noted]:
    """All entries in order; none where there is no journal yet."""
    path = folder / "journal.sqlite3"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return [_entry(row) for row in connection.execute(_QUERY).fetchall()]


def _entry(row: tuple[Any, ...]) -> Noted:
    number, place, action, entity, record_id, values, before, after, mark, state, said, tool, undoes = row
    return Noted(
        number, place, action, entity, json.loads(record_id), json.loads(values), json.loads(before),
        json.loads(after), mark, state, said, tool, undoes,
    )  # fmt: skip
