"""`batch`: up to fifty commands in one request, later ones with what earlier ones found (batch)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.faults import ConnectionDropped
from bitrix24_mcp.demo.rest.calls import RestError, Result
from bitrix24_mcp.demo.rest.envelope import refusal
from bitrix24_mcp.demo.rest.faults import REFUSALS, refused
from bitrix24_mcp.demo.rest.parameters import entries, from_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.rest.service import Done

_MOST = 50
_REFUSED = frozenset({"batch", "disk.folder.uploadfile", "disk.storage.uploadfile", "disk.file.uploadversion"})
_REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What stands under `result`: five maps by the key of the command."""

    result: Json = field(default_factory=dict[str, object])
    result_error: Json = field(default_factory=dict[str, object])
    result_total: Json = field(default_factory=dict[str, object])
    result_next: Json = field(default_factory=dict[str, object])
    result_time: Json = field(default_factory=dict[str, object])

    def add(self, key: str, done: Done) -> None:
        """Note what a command answered."""
        self.result[key] = done.result.result
        self.result_time[key] = done.time
        if done.result.total is not None:
            self.result_total[key] = done.result.total
        if done.result.next is not None:
            self.result_next[key] = done.result.next

    def as_json(self) -> Json:
        """The five maps."""
        return {
            "result": self.result,
            "result_error": self.result_error,
            "result_total": self.result_total,
            "result_next": self.result_next,
            "result_time": self.result_time,
        }


def run_batch(call: Call, perform: Callable[[Call], Done], fault: str | None) -> Result:
    """Each command in order, failures beside results; with `halt` the first failure is the last command run.

    A fault refuses every second command, or the only one, before it is run, or cuts the connection half-way.
    """
    commands = list(entries(call.params.get("cmd")))
    halt = str(call.params.get("halt", "0")).lower() in ("1", "true", "y")
    outcome = _Outcome()
    for place, (key, command) in enumerate(commands):
        if fault == "drop_midway" and place == len(commands) // 2:
            raise ConnectionDropped
        try:
            inner = _command(call, place, command, outcome.result)
            if fault in REFUSALS and place % 2 == min(1, len(commands) - 1):
                raise refused(fault)
            outcome.add(key, perform(inner))
        except RestError as error:
            outcome.result_error[key] = refusal(error)
            if halt:
                break
    return Result(outcome.as_json())


def _command(call: Call, place: int, command: object, results: Json) -> Call:
    if place >= _MOST:
        raise RestError("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    name, _, query = str(command).partition("?")
    method = name.strip().lower()
    if method in _REFUSED:
        raise RestError("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", 405)
    return replace(call, method=method, params=cast("Json", _resolved(from_query(query), results)))


def _resolved(value: object, results: Json) -> object:
    """The value with every `$result[key][path]` replaced by what it leads to."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return _found(whole[1], results)
        return _REFERENCE.sub(lambda reference: _text(_found(reference[1], results)), value)
    if isinstance(value, list):
        return [_resolved(element, results) for element in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _resolved(inner, results) for name, inner in cast("Json", value).items()}
    return value


def _found(path: str, results: Json) -> object:
    """What a path leads to; nothing, as an empty text, when it leads nowhere."""
    value: object = results
    for part in re.findall(r"\[([^\]]*)\]", path):
        value = dict(entries(value)).get(part)
    return "" if value is None else value


def _text(value: object) -> str:
    return "" if isinstance(value, (dict, list)) else str(value)
