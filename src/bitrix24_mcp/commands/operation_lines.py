"""Operations of the journal as lines for people, in which what records say can neither hide nor pretend anything."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, cast, get_args

from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.text import plain
from bitrix24_mcp.crm.writing.journal import Entry, Operation, State

_WORD = re.compile(r"[\w.:@/+-]+", re.ASCII)
_NOTHING = "—"


def summary(operation: Operation, undone_by: int | None, zone: tzinfo | None) -> str:
    """When, where, who, by what, what, how many records and what became of them; `zone` None = this machine's."""
    links = [
        f"undoes {operation.undoes}" if operation.undoes is not None else "",
        f"undone by {undone_by}" if undone_by is not None else "",
    ]
    parts = [
        _moment(operation.made_at, zone),
        _word(operation.portal),
        "user not stated" if operation.user_id is None else f"user {operation.user_id}",
        _word(operation.client),
        _word(operation.tool),
        ", ".join(dict.fromkeys(f"{entry.action} {_word(entry.entity)}" for entry in operation.entries)),
        _counted(operation.entries),
        ", ".join(filter(None, links)),
    ]
    return "  ".join(filter(None, parts))


def entries(operation: Operation, zone: tzinfo | None) -> Iterator[str]:
    """A line on each entry, and below it one on each of its fields: before → after."""
    for place, entry in enumerate(operation.entries, 1):
        yield f"  {place}. {_told(entry, zone)}"
        for name in dict.fromkeys([*entry.values, *entry.before, *entry.after]):
            yield f"       {_word(name)}: {_change(name, entry)}"


def _told(entry: Entry, zone: tzinfo | None) -> str:
    record = "a new record" if entry.record_id is None else _word(str(entry.record_id))
    parts = [
        f"{entry.action} {_word(entry.entity)} {record}: {entry.state}",
        f"mark {_word(entry.mark)}" if entry.mark else "",
        f"sent {_moment(entry.sent_at, zone)}" if entry.sent_at else "",
        f"answered {_moment(entry.answered_at, zone)}" if entry.answered_at else "",
        f"said {_shown(entry.said)}" if entry.said else "",
    ]
    return ", ".join(filter(None, parts))


def _change(name: str, entry: Entry) -> str:
    """What the field was and is; what was asked of it, where that is not what it became."""
    before, after, asked = (_of(name, record) for record in (entry.before, entry.after, entry.values))
    if name in entry.after or (entry.action, entry.state) == ("delete", "done"):
        differs = name in entry.values and asked != after
        return f"{before} → {after}{f' (asked: {asked})' if differs else ''}"
    return f"{before} → asked: {asked}" if name in entry.values else before


def _of(name: str, record: Record) -> str:
    return _shown(record[name]) if name in record else _NOTHING


def _counted(entries: Sequence[Entry]) -> str:
    states = Counter(entry.state for entry in entries)
    told = ", ".join(f"{states[state]} {state}" for state in get_args(State) if states[state])
    return f"{len(entries)} record{'' if len(entries) == 1 else 's'}{': ' if told else ''}{told}"


def _moment(moment: datetime, zone: tzinfo | None) -> str:
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def _word(text: str) -> str:
    """The text as it is where it is one word, else in quotes."""
    line = _line(text)
    return line if _WORD.fullmatch(line) else _shown(text)


def _shown(value: Any) -> str:
    """A value as JSON, texts in quotes."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _line(value)
    if isinstance(value, Mapping):
        return {_line(name): _plain(part) for name, part in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(part) for part in cast("list[Any]", value)]
    return value


def _line(text: str) -> str:
    return " ".join(plain(text).split())
