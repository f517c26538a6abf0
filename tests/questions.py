"""Generated questions: conditions over the values that records really have, written in every syntax."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from reference import MOSCOW, Condition, Field, Kind, Table, moment_of

_BOUNDS = ("gt", "gte", "lt", "lte")
_OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    "number": ("eq", "ne", "in", "nin", "between", *_BOUNDS),
    "whole": ("eq", "ne", "in", "nin", "between", *_BOUNDS),
    "text": ("eq", "ne", "in", "nin", "contains", *_BOUNDS),
    "code": ("eq", "ne", "in", "nin"),
    "choice": ("eq", "ne", "in", "nin", *_BOUNDS),
    "codes": ("eq", "ne", "in", "nin"),
    "flag": ("eq", "ne", "in"),
    "day": ("eq", "ne", "in", "nin", "between", *_BOUNDS),
    "moment": ("eq", "between", *_BOUNDS),
}
_KEYS = {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "contains": "%"}
_PREFIXES = {**_KEYS, "ne": "!"}
_SIDES = {
    "eq": "among", "in": "among", "ne": "but", "nin": "but", "gt": "above", "gte": "above", "lt": "below",
    "lte": "below",
}  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn, table: Table) -> list[Condition]:
    """Up to five conditions, some of them on one field where the tools promise to join them."""
    found: list[Condition] = []
    for _ in range(draw(st.integers(0, 5))):
        field = draw(st.sampled_from([*table.fields, *(each.field for each in found)]))
        condition = draw(_condition(table, field))
        if not any(_clash(condition, other) for other in found):
            found.append(condition)
    return found


@st.composite
def _condition(draw: st.DrawFn, table: Table, field: Field) -> Condition:
    operator = draw(st.sampled_from(_OPERATORS[field.kind]))
    one = _values(table, field, operator)
    match operator:
        case "between":
            return Condition(field, operator, tuple(sorted((draw(one), draw(one)), key=moment_of)))
        case "in" | "nin":
            return Condition(field, operator, tuple(draw(st.lists(one, min_size=1, max_size=4))))
        case _:
            return Condition(field, operator, draw(one))


def _values(table: Table, field: Field, operator: str) -> st.SearchStrategy[Any]:
    """Values that records have, and some close by."""
    held: st.SearchStrategy[Any] = st.sampled_from(table.values(field))
    match field.kind:
        case "number":
            return held | held.map(lambda value: round(value + 0.01, 2))
        case "whole":
            return held | held.map(lambda value: value + 1)
        case "moment":
            return (
                held
                | held.map(lambda value: value + timedelta(seconds=1))
                | held.map(lambda value: value.astimezone(MOSCOW).date())
            )
        case "text" if operator == "contains":
            return held.flatmap(_part)
        case _:
            return held


def _part(text: str) -> st.SearchStrategy[str]:
    start = st.integers(0, max(len(text) - 3, 0))
    return start.map(lambda at: text[at : at + 3].swapcase())


def _clash(condition: Condition, other: Condition) -> bool:
    """What cannot be said at once: two texts, two bounds of texts, two moments, two conditions on several values."""
    sides = {_SIDES.get(each.operator, each.operator) for each in (condition, other)}
    if condition.field != other.field or len(sides) > 1:
        return False
    return sides == {"contains"} or (condition.field.kind in {"text", "moment", "codes"} and sides != {"but"})


@st.composite
def written(draw: st.DrawFn, asked: list[Condition]) -> tuple[dict[str, Any], list[Condition]]:
    """The conditions as one filter, and those of them that found a place: the keys of an object are unique."""
    raw: dict[str, Any] = {}
    kept: list[Condition] = []
    for condition in asked:
        name = draw(st.sampled_from(_spellings(condition.field)))
        key, value = draw(st.sampled_from(_forms(condition.operator, name, draw(_as_json(condition)))))
        if key in raw and not _mergeable(raw[key], value):
            continue
        raw[key] = {**raw[key], **value} if key in raw else value
        kept.append(condition)
    return raw, kept


def _mergeable(held: Any, value: Any) -> bool:
    return isinstance(held, dict) and isinstance(value, dict) and not held.keys() & value.keys()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON


def _forms(operator: str, name: str, value: Any) -> list[tuple[str, Any]]:
    """The condition with its operator before, around and inside the field."""
    forms: list[tuple[str, Any]] = [(name, {f"${operator}": value})]
    match operator:
        case "in":
            return [*forms, (name, value), ("$in", {name: value})]
        case "nin":
            return [*forms, (f"!{name}", value), (name, {"!=": value})]
        case "between":
            return forms
        case "eq":
            forms.append((name, value))
        case _:
            pass
    return [
        *forms,
        (f"{_PREFIXES[operator]}{name}", value),
        (name, {_KEYS[operator]: value}),
        (f"${operator}", {name: value}),
    ]


def _spellings(field: Field) -> list[str]:
    other = field.name.replace("UF_CRM_", "ufCrm_") if field.name.startswith("UF") else field.name.lower()
    return [field.name, other, *([field.label] if field.label else [])]


@st.composite
def _as_json(draw: st.DrawFn, condition: Condition) -> Any:
    if condition.operator in {"in", "nin", "between"}:
        return [draw(_scalar(condition.field, each)) for each in condition.value]
    return draw(_scalar(condition.field, condition.value))


def _scalar(field: Field, value: Any) -> st.SearchStrategy[Any]:
    match field.kind:
        case "number" | "whole" | "choice":
            return st.sampled_from([value, str(value)])
        case "flag":
            return st.sampled_from([True, "Y", "true", 1] if value else [False, "N", "false", 0])
        case "day":
            return st.just(value.isoformat())
        case "moment" if isinstance(value, datetime):
            local = value.astimezone(MOSCOW)
            return st.sampled_from(
                [local.isoformat(), value.astimezone(UTC).isoformat(), local.replace(tzinfo=None).isoformat()]
            )
        case "moment":
            return st.just(value.isoformat())
        case _:
            return st.just(value)


@st.composite
def orders(draw: st.DrawFn, table: Table) -> tuple[Any, list[tuple[str, bool]]]:
    """An order in one of its forms, and its (field, descending) steps."""
    sortable = [field.name for field in table.fields if field.kind != "codes"]
    walked = ["id", table.money, table.created]
    names = draw(st.lists(st.sampled_from([*sortable, *walked * 5]), max_size=3, unique=True))
    steps = [(name, draw(st.booleans())) for name in names]
    signed = [f"-{name}" if descending else name for name, descending in steps]
    ways = {name: draw(st.sampled_from(("desc", "DESC", -1) if down else ("asc", 1))) for name, down in steps}
    return draw(st.sampled_from([",".join(signed), signed, ways])), steps


def refusals(asked: list[Condition]) -> set[str]:
    """Errors of which one must come: alternatives that exclude each other, a stage of another funnel."""
    codes: set[str] = set()
    for field in {each.field for each in asked}:
        if not _common(asked, field.name):
            codes.add("INVALID_FILTER")
    stages = {_funnel(stage) for each in _among(asked, "stageId") for stage in each}
    if _among(asked, "categoryId") and not stages <= _common(asked, "categoryId"):
        codes.add("STAGE_OF_ANOTHER_FUNNEL")
    return codes


def crossed(asked: list[Condition], found: Sequence[object]) -> set[str]:
    """The error that may come instead of nothing, where one field has a lower and an upper bound.

    A day that a moment shall fall on is both.
    """
    for field in {each.field for each in asked}:
        sides = {
            "both" if field.kind == "moment" and each.operator == "eq" else _SIDES.get(each.operator, "both")
            for each in asked
            if each.field == field
        }
        if not found and ("both" in sides or {"above", "below"} <= sides):
            return {"INVALID_FILTER"}
    return set()


def _among(asked: list[Condition], name: str) -> list[set[Any]]:
    found = [each for each in asked if each.field.name == name and each.operator in {"eq", "in"}]
    return [set(each.value) if each.operator == "in" else {each.value} for each in found]


def _common(asked: list[Condition], name: str) -> set[Any]:
    """What all alternatives for a field have in common; something, where there are none."""
    among = _among(asked, name)
    return among[0].intersection(*among) if among else {name}


def _funnel(stage: str) -> int:
    prefix, colon, _ = stage.rpartition(":")
    return int(prefix.lstrip("CDT").rpartition("_")[2]) if colon else 0
