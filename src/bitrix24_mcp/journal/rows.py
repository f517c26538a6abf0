"""Operations and their entries as rows of the journal's tables, and back.

Records, values and ids are JSON in which Cyrillic can be read; moments are ISO in UTC, with the offset written out.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bitrix24_mcp.crm.writing.journal import Entry, Operation

TABLES = """
create table operations (
  number integer primary key autoincrement,
  portal text not null,
  user_id integer,
  client text not null,
  tool text not null,
  made_at text not null,
  undoes integer
);
create index operations_by_portal on operations (portal);
create index operations_by_undone on operations (undoes) where undoes is not null;
create table entries (
  operation integer not null references operations,
  place integer not null,
  action text not null,
  entity text not null,
  record_id text not null,
  sent_values text not null,
  before text not null,
  after text not null,
  mark text not null,
  state text not null,
  said text not null,
  sent_at text,
  answered_at text,
  primary key (operation, place)
);
create index entries_open on entries (operation) where state in ('sent', 'unknown');
"""
"""Numbers grow and are never given twice, which in SQLite takes `autoincrement`. The last index serves only queries
that have its condition word for word."""

CALLERS = """
alter table operations add column caller text not null default '';
create index operations_by_caller on operations (caller, portal) where caller <> '';
"""
"""Whose an operation is, where a server tells its callers apart."""


def operation_row(operation: Operation) -> dict[str, Any]:
    """The columns of a new operation."""
    return {
        "portal": _text(operation.portal),
        "user_id": operation.user_id,
        "client": _text(operation.client),
        "tool": _text(operation.tool),
        "made_at": written(operation.made_at),
        "undoes": operation.undoes,
    }


def entry_row(number: int, place: int, entry: Entry) -> dict[str, Any]:
    """The columns of an entry."""
    return {
        "operation": number,
        "place": place,
        "action": entry.action,
        "entity": _text(entry.entity),
        "record_id": _json(entry.record_id),
        "sent_values": _json(dict(entry.values)),
        "before": _json(dict(entry.before)),
        "after": _json(dict(entry.after)),
        "mark": _text(entry.mark),
        "state": entry.state,
        "said": _text(entry.said),
        "sent_at": entry.sent_at and written(entry.sent_at),
        "answered_at": entry.answered_at and written(entry.answered_at),
    }


def operation_of(row: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> Operation:
    """The operation of a row and of those of its entries; ValueError or TypeError when another program wrote them."""
    return Operation(
        portal=row["portal"],
        user_id=row["user_id"],
        client=row["client"],
        tool=row["tool"],
        entries=tuple(_entry(entry) for entry in entries),
        made_at=datetime.fromisoformat(row["made_at"]),
        undoes=row["undoes"],
        number=row["number"],
    )


def written(moment: datetime) -> str:
    """The moment as it is kept."""
    return moment.astimezone(UTC).isoformat()


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        action=row["action"],
        entity=row["entity"],
        record_id=json.loads(row["record_id"]),
        values=dict(json.loads(row["sent_values"])),
        before=dict(json.loads(row["before"])),
        after=dict(json.loads(row["after"])),
        mark=row["mark"],
        state=row["state"],
        said=row["said"],
        sent_at=row["sent_at"] and datetime.fromisoformat(row["sent_at"]),
        answered_at=row["answered_at"] and datetime.fromisoformat(row["answered_at"]),
    )


def _json(value: Any) -> str:
    return _text(json.dumps(value, ensure_ascii=False))


def _text(text: str) -> str:
    """Half a character, which no file takes, as its number; within JSON that means the same."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
