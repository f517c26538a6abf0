"""Parameters as PHP reads them: a JSON body, a form or a query string with brackets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.rest.calls import Json

_PARTS = re.compile(r"\[([^\]]*)\]")


def from_query(raw: str) -> Json:
    """A query string or a form; of a repeated name the last counts, `[]` appends, 0..n-1 make a list."""
    found: Json = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        first, bracket, _ = name.partition("[")
        _place(found, [first, *_PARTS.findall(name)] if bracket else [first], value)
    return {name: as_php_list(value) for name, value in found.items()}


def from_body(raw: bytes, content_type: str) -> Json:
    """A JSON object or array, or a form; what cannot be read counts as nothing, as it does in PHP."""
    if "json" not in content_type:
        return from_query(raw.decode(errors="replace")) if "urlencoded" in content_type else {}
    try:
        value: object = json.loads(raw)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair, which PHP refuses, fails here
    except ValueError:
        return {}
    return dict(entries(value))


def entries(value: object) -> Iterator[tuple[str, object]]:
    """Key by key: of an object as it stands, of an array with its places as keys, of anything else nothing."""
    if isinstance(value, dict):
        yield from cast("Json", value).items()
    elif isinstance(value, list):
        yield from ((str(place), element) for place, element in enumerate(cast("list[object]", value)))


def elements(value: object) -> list[object]:
    """The values of an array or of an object used as one; a single value stands for itself, nothing for none."""
    if isinstance(value, (dict, list)):
        return [element for _, element in entries(cast("object", value))]
    return [] if value is None or value == "" else [value]


def whole(value: object, otherwise: int = 0) -> int:
    """A whole number however it was sent; what is none counts as `otherwise`."""
    text = str(value).strip()
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else otherwise


def as_php_list(value: object) -> object:
    """The value with every map whose keys are 0..n-1 as a list: PHP does not tell them apart."""
    if not isinstance(value, dict):
        return value
    inner = {name: as_php_list(entry) for name, entry in cast("Json", value).items()}
    return list(inner.values()) if list(inner) == [str(place) for place in range(len(inner))] else inner


def _place(into: Json, path: list[str], value: str) -> None:
    name, *rest = path
    if name == "":
        numbers = [int(key) for key in into if key.isdecimal()]
        name = str(max(numbers, default=-1) + 1)
    if not rest:
        into[name] = value
        return
    inner = into.get(name)
    if not isinstance(inner, dict):
        inner = into[name] = {}
    _place(cast("Json", inner), rest, value)
