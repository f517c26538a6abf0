"""The order of records, in every form the gateway documents, as one checked sequence."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.portal_values import Sort

_ADVICE = 'Write "-amount" or "stageId,-createdAt" (minus = descending).'


def parse_sort(raw: Any) -> list[tuple[str, bool]]:
    """(field, descending) steps from `"-a,b"`, `["-a", "b"]` or `{"a": "desc", "b": 1}`, names as written."""
    match raw:
        case None | "":
            return []
        case str():
            return [_step(part) for part in raw.split(",")]
        case list():
            return [_step(part) for part in cast("Sequence[Any]", raw)]
        case dict():
            return [(str(name), _descending(way)) for name, way in cast("Mapping[Any, Any]", raw).items()]
        case _:
            raise _invalid()


def resolve_sort(raw: Any, fields: Fields) -> tuple[Sort, ...]:
    """The order with canonical names.

    Raises InvalidArguments for an unknown field, a repeated one, or one that the portal cannot sort by.
    """
    steps: list[Sort] = []
    for written, descending in parse_sort(raw):
        name = fields.resolve(written)
        allowed = fields.entity.sortable
        if (allowed is not None and (name not in allowed or descending)) or fields[name].multiple:
            raise InvalidArguments(
                f"{fields.entity.title} cannot be sorted by {name}.",
                advice=f"The portal gives them by {quoted(allowed)}, upwards."
                if allowed
                else "Sort by a field with a single value.",
                code="UNSUPPORTED_SORT",
                candidates=allowed or (),
            )
        if any(step.field == name for step in steps):
            raise InvalidArguments(f"The sort names {name} twice.", advice=_ADVICE, code="INVALID_SORT")
        steps.append(Sort(name, descending))
    return tuple(steps)


def stable(sort: tuple[Sort, ...]) -> tuple[Sort, ...]:
    """The order with `id` at its end, so that it is the same every time."""
    return sort if any(step.field == "id" for step in sort) else (*sort, Sort("id"))


def _step(part: Any) -> tuple[str, bool]:
    if not isinstance(part, str) or not part.strip(" -"):
        raise _invalid()
    name = part.strip()
    field, _, way = name.rpartition(" ")
    if field and way.casefold() in {"asc", "desc"}:  # as SQL writes it
        return field.strip(), way.casefold() == "desc"
    return name.removeprefix("-").strip(), name.startswith("-")


def _descending(way: Any) -> bool:
    word = str(way).casefold()
    if word in {"desc", "-1"}:
        return True
    if word in {"asc", "1"}:
        return False
    raise _invalid()


def _invalid() -> InvalidArguments:
    return InvalidArguments("The sort cannot be read.", advice=_ADVICE, code="INVALID_SORT")
