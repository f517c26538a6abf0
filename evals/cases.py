"""The questions of `questions.yaml`, typed, and the answer that SQL over the demo portal's database gives to each."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from bitrix24_mcp.demo import DemoPortal

Form = Literal["number", "text", "list", "set", "mapping"]
"""What an answer is: one value, values in order, values in any order, or a value per key."""

_HINTS: Mapping[Form, str] = {
    "number": "a number",
    "text": "a text",
    "list": "a list, in order",
    "set": "a list, in any order",
    "mapping": "a mapping",
}
_ZONE = timedelta(hours=3)
"""The demo portal lives in Moscow, which has had no daylight saving time since 2014."""
_MONEY = 0.01
"""How far a number may be off, unless its question says otherwise."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call; `use` fills arguments from earlier answers: dotted argument path -> path into an answer."""

    tool: str
    arguments: Mapping[str, Any]
    use: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks, how SQL answers it, and a known-good way to the answer through the tools.

    `error` is the code of the refusal where the right answer is to ask back or to say that there is no such thing;
    the rows of `sql` are then the candidates that must be offered, code first, then name. `hint` says what an answer
    looks like, for a refusal what one would look like, so that it gives nothing away.
    """

    id: str
    lang: Literal["en", "ru"]
    kind: Sequence[str]
    ask: str
    form: Form
    hint: str
    tolerance: float
    error: str
    sql: Sequence[str]
    calls: Sequence[Call]
    read: Sequence[str]


def questions() -> list[Question]:
    """Every question, in the order of the file."""
    text = Path(__file__).with_name("questions.yaml").read_text(encoding="utf-8")
    return [_question(entry) for entry in cast("list[dict[str, Any]]", yaml.safe_load(text))]


def expected(question: Question, portal: DemoPortal) -> Any:
    """What SQL answers, in the question's form; for a refusal the candidates, a list of texts each."""
    rows = _rows(question.sql, portal)
    if question.error:
        return [[str(value) for value in row] for row in rows]
    match question.form:
        case "number" | "text":
            [(value,)] = rows
            return value
        case "list" | "set":
            return [_cell(row) for row in rows]
        case "mapping":
            return {row[0]: _cell(row[1:]) for row in rows}


def _rows(statements: Iterable[str], portal: DemoPortal) -> list[Sequence[Any]]:
    """The rows of all statements, one after the other; `:now` is the portal's moment as stored, `:today` its day."""
    moments = {"now": _stored(portal.now), "today": (portal.now.astimezone(UTC) + _ZONE).date().isoformat()}
    with closing(sqlite3.connect(portal.database)) as connection:
        return [row for statement in statements for row in connection.execute(statement, moments)]


def _stored(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(row: Sequence[Any]) -> Any:
    return row[0] if len(row) == 1 else list(row)


def _question(entry: Mapping[str, Any]) -> Question:
    form: Form = entry["answer"]
    return Question(
        id=entry["id"],
        lang=entry["lang"],
        kind=entry["kind"],
        ask=entry["ask"],
        form=form,
        hint=entry.get("as", _HINTS[form]),
        tolerance=entry.get("tolerance", _MONEY),
        error=entry.get("error", ""),
        sql=_several(entry["sql"]),
        calls=[Call(call["tool"], call.get("arguments", {}), call.get("use", {})) for call in entry["calls"]],
        read=_several(entry["read"]),
    )


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
