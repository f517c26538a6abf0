"""Where an answer stands in what tools answered: a path language of six steps.

    total                      a field
    items[0]                   an element
    rows[*].count              the same of every element, as a list
    rows{currency}.sum_amount  the same of every element, as a mapping by one of its fields
    rows[currency=EUR]         the first element whose field has that value (`null`: has none)
    rows[*].(name,count)       several fields side by side

A path looks into the last answer; `@1.total` looks into the first, and so on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

_ANSWER = re.compile(r"@(\d+)\.")
_STEP = re.compile(
    r"\[(?P<each>\*)\]|\[(?P<at>\d+)\]|\[(?P<where>\w+=[^\]]*)\]|\{(?P<keyed>\w+)\}|\.?\((?P<several>[\w,]+)\)"
    r"|\.?(?P<field>\w+)"
)

Step = tuple[str, str]


class WrongPath(Exception):
    """The path does not lead anywhere in this answer."""


def read(path: str, answers: Sequence[Any]) -> Any:
    """What a path finds in the answers. A field that a record lacks is None: empty values are left out of answers."""
    chosen = _ANSWER.match(path)
    number, start = (int(chosen[1]), chosen.end()) if chosen else (len(answers), 0)
    try:
        return _walk(answers[number - 1], list(_steps(path, start)))
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError) as error:
        raise WrongPath(f"{path} leads nowhere in the answer") from error


def put(arguments: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The arguments with a value at a dotted path."""
    name, _, rest = path.partition(".")
    inner = cast("Mapping[str, Any]", arguments.get(name, {}))
    return {**arguments, name: put(inner, rest, value) if rest else value}


def _steps(path: str, start: int) -> Iterator[Step]:
    while start < len(path):
        step = _STEP.match(path, start)
        if step is None or step.lastgroup is None:
            raise WrongPath(f"{path} is no path from {path[start:]} on")
        yield step.lastgroup, step[step.lastgroup]
        start = step.end()


def _walk(value: Any, steps: Sequence[Step]) -> Any:
    if not steps:
        return value
    (kind, name), rest = steps[0], steps[1:]
    match kind:
        case "each":
            return [_walk(element, rest) for element in value]
        case "at":
            return _walk(value[int(name)], rest)
        case "keyed":
            return _by_key([(element.get(name), _walk(element, rest)) for element in value])
        case "where":
            field, _, wanted = name.partition("=")
            return _walk(next(each for each in value if _text(each.get(field)) == wanted), rest)
        case "several":
            return [_walk(value.get(field), rest) for field in name.split(",")]
        case _:
            return _walk(value.get(name) if len(rest) == 0 else value[name], rest)


def _by_key(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    if len(dict(pairs)) < len(pairs):
        raise WrongPath("two rows have the same key")
    return dict(pairs)


def _text(value: Any) -> str:
    return "null" if value is None else str(value)
