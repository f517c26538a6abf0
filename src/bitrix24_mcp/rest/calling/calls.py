"""One call of a REST method, and the form in which a batch carries it (docs: settings/how-to-call-rest-api/batch)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

_REFERENCE = re.compile(r"\$result(?:\[[\w-]+\])+")


@dataclass(frozen=True, slots=True)
class RestCall:
    """A method, written as documented, with its parameters as JSON would carry them."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def key(self) -> str:
        """Equal for calls that ask the same. The order of keys counts, since in `order` it says what sorts first."""
        return json.dumps([self.method, self.params], ensure_ascii=False)

    @property
    def refers(self) -> bool:
        """Whether a batch would read something in it as a reference to the result of another command."""
        return "$result[" in self.key

    @property
    def command(self) -> str:
        """`method?query`, percent-encoded once, with explicit indexes; references to other results stay as they are.

        PHP's forms: `1` and `0` for true and false, and no parameter for an empty or missing one. Below the top level
        that would drop a condition and widen the question, so there it is a ValueError.
        """
        query = "&".join(f"{name}={value}" for name, value in _pairs(self.params))
        return f"{self.method}?{query}" if query else self.method


def _pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        if value is not None and value not in ([], (), {}):
            yield from _nested(quote(name, safe=""), value)


def _nested(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        held = list(cast("Mapping[str, Any]", value).items())
    elif isinstance(value, list | tuple):
        held = [(str(place), each) for place, each in enumerate(cast("list[Any]", value))]
    else:
        yield name, _scalar(name, value)
        return
    if not held:
        raise ValueError(f"a batch cannot carry the empty {name}")
    for key, each in held:
        yield from _nested(f"{name}[{quote(key, safe='')}]", each)


def _scalar(name: str, value: Any) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case int() | float():
            return quote(str(value), safe="")
        case str():
            return value if _REFERENCE.fullmatch(value) else quote(value, safe="")
        case _:
            raise ValueError(f"a batch cannot carry what {name} holds")
