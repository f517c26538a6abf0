"""From a result or a refusal to bytes: the envelope, its `time` block, and PHP's way of printing maps."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.envelope import Answer
from bitrix24_mcp.demo.rest.calls import PhpObject

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Json, RestError, Result
    from bitrix24_mcp.demo.rest.limits import Operating

JSON = {"Content-Type": "application/json; charset=utf-8"}


def success(result: Result, time: Json) -> Answer:
    """The envelope of a result; `total` and `next` stand beside it where there are any."""
    payload: Json = {"result": result.result}
    if result.next is not None:
        payload["next"] = result.next
    if result.total is not None:
        payload["total"] = result.total
    return Answer(200, encoded({**payload, "time": time}), JSON)


def failure(error: RestError) -> Answer:
    """The envelope of a refusal."""
    return Answer(error.status, encoded(refusal(error)), JSON, str(error.code))


def refusal(error: RestError) -> Json:
    """The two members of every refusal, in a batch as well."""
    return {"error": error.code, "error_description": error.description}


def time_block(seconds: float, operating: Operating | None) -> Json:
    """When the call ran, by the portal's clock that stands still, and what its method has spent."""
    start, end = times.NOW, times.NOW + timedelta(seconds=seconds)
    block: Json = {
        "start": start.timestamp(),
        "finish": end.timestamp(),
        "duration": seconds,
        "processing": seconds,
        "date_start": start.isoformat(timespec="seconds"),
        "date_finish": end.isoformat(timespec="seconds"),
    }
    if operating is not None:
        block["operating_reset_at"] = int(start.timestamp()) + operating.resets_in
        block["operating"] = operating.seconds
    return block


def encoded(value: object) -> bytes:
    """The value as the portal's JSON."""
    return json.dumps(_printed(value), ensure_ascii=False, separators=(",", ":")).encode()


def _printed(value: object) -> object:
    """Maps that are empty or numbered from 0 are arrays to PHP, and printed as such."""
    if isinstance(value, list):
        return [_printed(element) for element in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    printed = {str(name): _printed(inner) for name, inner in cast("Json", value).items()}
    plain = not isinstance(value, PhpObject) and list(printed) == [str(place) for place in range(len(printed))]
    return list(printed.values()) if plain else printed
