"""Opaque cursors: where a list goes on, bound to the question it belongs to."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: `kind` says how it goes on, `place` holds what that way needs (JSON values).

    `marks` are characters of base64 that stand behind the rest as they are.
    """

    kind: str
    place: tuple[Any, ...]
    marks: str = ""


def encode(cursor: Cursor, question: Any, counted_from: datetime | None = None) -> str:
    """The cursor as text, bound to the question (any JSON value).

    `counted_from` is the moment that the question's relative dates count from, so that they do on every page.
    """
    raw = json.dumps([_fingerprint(question), cursor.kind, *cursor.place], ensure_ascii=False, separators=(",", ":"))
    text = base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")
    text = f"{text}.{cursor.marks}" if cursor.marks else text
    return f"{text}~{int(counted_from.timestamp())}" if counted_from else text


def as_of(text: str) -> datetime | None:
    """The moment that relative dates count from, to the second; None when the cursor holds none."""
    _, _, seconds = text.partition("~")
    if not seconds:
        return None
    if not (seconds.isdecimal() and len(seconds) < 12):
        raise invalid_cursor("is damaged")
    return datetime.fromtimestamp(int(seconds), UTC)


def decode(text: str, question: Any) -> Cursor:
    """The place a cursor names; raises InvalidArguments when it is none, or belongs to another question."""
    text, _, marks = text.partition("~")[0].partition(".")
    try:
        padded = text + "=" * (-len(text) % 4)
        parts: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        fingerprint, kind, *place = parts
    except (ValueError, TypeError, RecursionError):
        raise invalid_cursor("is not one of this server's") from None
    if fingerprint != _fingerprint(question):
        raise invalid_cursor("belongs to another question")
    return Cursor(str(kind), tuple(place), marks)


def invalid_cursor(what: str) -> InvalidArguments:
    """The error for a cursor that cannot be used."""
    return InvalidArguments(
        f"The cursor {what}.",
        advice="Repeat the call that gave it with the same entity, filter and sort, or leave the cursor out to start "
        "again.",
        code="INVALID_CURSOR",
    )


def _fingerprint(question: Any) -> str:
    text = json.dumps(question, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
