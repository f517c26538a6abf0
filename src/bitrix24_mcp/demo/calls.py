"""A request and an answer inside the portal, free of HTTP, so that a batch can make calls of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, unquote_plus

from bitrix24_mcp.demo.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bitrix24_mcp.demo.keys import Key

Json = dict[str, object]

_ENCODED = re.compile("%5b|%5d", re.IGNORECASE)
_BRACKETS = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a route."""

    method: str
    segments: tuple[str, ...]
    params: Json  # from the query string, brackets unfolded
    body: object
    key: Key
    fault: Callable[[str], bool]  # whether an injected fault of this kind applies here; asking uses it up

    @property
    def payload(self) -> Json:
        """The body, which has to be an object."""
        body = as_object(self.body)
        if self.body is not None and body is not self.body:
            raise GatewayError("INVALID_REQUEST", "Request body must be a JSON object")
        return body


@dataclass(frozen=True, slots=True)
class Reply:
    """What a route answers; without a payload the body is empty."""

    payload: Json | None = None
    status: int = 200


def as_object(value: object) -> Json:
    """The value if it is an object, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """The value if it is an array, else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def success(data: object, *, status: int = 200) -> Reply:
    """The envelope around `data`."""
    return Reply({"success": True, "data": data}, status)


def query_pairs(raw: str) -> list[tuple[str, str]]:
    """The names and values of a query string; the sign in `filter[>=amount]=1` does not separate."""
    pairs: list[tuple[str, str]] = []
    for part in filter(None, raw.split("&")):
        plain = _ENCODED.sub(lambda found: unquote(found[0]), part)
        end = plain.find("]=") + 1 or plain.find("=")
        name, value = (plain[:end], plain[end + 1 :]) if end >= 0 else (plain, "")
        pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def unfold(pairs: Iterable[tuple[str, str]]) -> Json:
    """A query string as nested parameters, `filter[amount][$gt]=1` say; of a repeated plain name the last counts."""
    params: Json = {}
    for name, value in pairs:
        first, bracket, _ = name.partition("[")
        _place(params, [first, *_BRACKETS.findall(name)] if bracket else [first], value)
    return params


def _place(params: Json, path: list[str], value: str) -> None:
    name, *rest = path
    if not rest:
        params[name] = value
    elif rest == [""]:
        params[name] = [*as_list(params.get(name)), value]
    else:
        inner = params.get(name)
        if not isinstance(inner, dict):
            inner = params[name] = {}
        _place(cast("Json", inner), rest, value)
