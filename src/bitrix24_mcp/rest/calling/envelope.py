"""REST's envelope, with all the forms in which it has been seen (docs: settings/how-to-call-rest-api/data-encoding)."""

from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from math import isfinite
from typing import Any, cast

from bitrix24_mcp.rest.calling.errors import Refusal, refusal_of, without_envelope
from bitrix24_mcp.sending.bodies import json_object
from bitrix24_mcp.sending.failures import Failure, unexpected
from bitrix24_mcp.sending.words import Secrets

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method returned, how many rows match in all, and where the next page begins; None = the portal said none.

    PHP prints an empty map as `[]`, so that stands for `{}` wherever a map is expected.
    """

    result: Any
    total: int | None = None
    next: int | None = None

    def rows(self, *path: str) -> list[Json]:
        """The records under these keys of the result; an empty map holds none. Raises UnexpectedAnswer.

        A map of numbers is a list as well: PHP prints one so when its places have gaps.
        """
        held: object = self.result
        for name in path:
            if not (container := _map(held)):
                return []
            held = container.get(name)
        held = listed(held)
        if not isinstance(held, list) or not all(isinstance(row, dict) for row in cast("list[Any]", held)):
            raise unexpected("The portal sent something else than records.")
        return cast("list[Json]", held)

    def record(self, *path: str) -> Json:
        """The object under these keys of the result. Raises UnexpectedAnswer."""
        held: object = self.result
        for name in path:
            held = _map(held).get(name)
        return _map(held)


@dataclass(frozen=True, slots=True)
class Timing:
    """What the portal says of its work: seconds this method has spent in ten minutes, and in how many some are freed.

    `offset` is the one in which it writes moments. None = not said.
    """

    operating: float | None = None
    freed_in: float | None = None
    offset: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer: what it means, and what it cost."""

    meaning: Answer | Refusal | Failure
    timing: Timing


def read(status: int, body: bytes, secrets: Secrets | None = None) -> Reply:
    """What an HTTP answer means: the `error` key decides. Raises UnexpectedAnswer when it is no envelope.

    Where the answer repeats one of the secrets, a mark stands in its place.
    """
    try:
        envelope: Json | None = (secrets or Secrets()).hidden_in(body, json_object(body))
    except RecursionError:  # nested deeper than anything that a portal says
        envelope = None
    if envelope is None and status < 400:
        raise unexpected("The portal answered with something that is not JSON.")
    timing = timing_of(envelope.get("time")) if envelope else Timing()
    if envelope and envelope.get("error") is not None:
        return Reply(refusal_of(envelope, status), timing)
    if envelope is None or status >= 400:
        return Reply(without_envelope(status), timing)
    if status >= 300 or "result" not in envelope:
        raise unexpected("The portal answered in a form that REST does not know.")
    return Reply(Answer(envelope["result"], number(envelope.get("total")), number(envelope.get("next"))), timing)


def timing_of(time: Any) -> Timing:
    """The `time` block of an answer, or that of one command of a batch."""
    told = cast("Json", time) if isinstance(time, dict) else {}
    operating, reset, finish = (_seconds(told.get(name)) for name in ("operating", "operating_reset_at", "finish"))
    return Timing(
        operating,
        max(0.0, reset - finish) if reset is not None and finish is not None else None,
        _offset(told.get("date_start")),
    )


def number(value: Any) -> int | None:
    """A whole number, also where it comes as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if type(value) is int else None


def listed(held: object) -> object:
    """The list that a map of numbers stands for; everything else as it is."""
    numbered = cast("Json", held) if isinstance(held, dict) else None
    if numbered is not None and all(key.isdecimal() for key in numbered):
        return list(numbered.values())
    return cast("object", held)


def _map(held: object) -> Json:
    if held == []:
        return {}
    if isinstance(held, dict):
        return cast("Json", held)
    raise unexpected("The portal sent something else than a record.")


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if isfinite(seconds) else None


def _offset(moment: Any) -> tzinfo | None:
    try:
        offset = datetime.fromisoformat(str(moment)).utcoffset()
    except ValueError:
        return None
    return None if offset is None else timezone(offset)
