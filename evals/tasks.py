"""The tasks of `tasks.yaml`, typed: what somebody wants written, and what the portal must hold afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml

Kind = Literal["change", "create", "delete"]


@dataclass(frozen=True, slots=True)
class Expected:
    """Rows of one table that must differ from the untouched portal.

    `change`, `delete`: those that `where` chooses there. `change`, `create`: the columns in `set` hold these values
    afterwards, those in `has` hold these texts, `count` is how many new rows there are. Columns in `free` may change
    as they like.
    """

    kind: Kind
    table: str
    where: str
    set: Mapping[str, Any]
    has: Mapping[str, str]
    free: Sequence[str]
    count: int


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call of a known-good way; a preview that it gives is confirmed.

    `use` fills arguments from earlier answers, dotted argument path -> path into an answer. `each` makes the argument
    `items` of ids in an earlier answer: `ids` is the path to them, `set` what every item holds besides.
    """

    tool: str
    arguments: Mapping[str, Any]
    use: Mapping[str, str]
    ids: str
    set: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """What a person asks for, and what must be so afterwards; everything else in the portal must be as it was.

    `error` is the code of the refusal where the right thing is to write nothing and ask back. `doors` are the ways to
    the portal through which it can be done.
    """

    id: str
    lang: Literal["en", "ru"]
    kind: Sequence[str]
    ask: str
    expected: Sequence[Expected]
    error: str
    doors: Sequence[str]
    steps: Sequence[Step]


def tasks() -> list[Task]:
    """Every task, in the order of the file."""
    text = Path(__file__).with_name("tasks.yaml").read_text(encoding="utf-8")
    return [_task(entry) for entry in cast("list[dict[str, Any]]", yaml.safe_load(text))]


def _task(entry: Mapping[str, Any]) -> Task:
    return Task(
        id=entry["id"],
        lang=entry["lang"],
        kind=entry["kind"],
        ask=entry["ask"],
        expected=[_expected(each) for each in entry.get("expect", [])],
        error=entry.get("error", ""),
        doors=entry.get("doors", ["gateway", "rest"]),
        steps=[_step(each) for each in entry["calls"]],
    )


def _expected(entry: Mapping[str, Any]) -> Expected:
    kind = next(name for name in ("change", "create", "delete") if name in entry)
    return Expected(
        kind=cast("Kind", kind),
        table=entry[kind],
        where=entry.get("where", "0"),
        set=entry.get("set", {}),
        has=entry.get("has", {}),
        free=entry.get("free", []),
        count=entry.get("count", 1),
    )


def _step(entry: Mapping[str, Any]) -> Step:
    each: Mapping[str, Any] = entry.get("each", {})
    return Step(
        entry["tool"], entry.get("arguments", {}), entry.get("use", {}), each.get("ids", ""), each.get("set", {})
    )
