"""Arguments that several tools take, described once."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

_LONGEST_ID = 60


class Arguments(BaseModel):
    """A tool's arguments. An unknown one is an error; messages never repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _id(value: Any) -> int | str:
    if type(value) is int or (isinstance(value, str) and len(value) <= _LONGEST_ID):
        return value
    raise PydanticCustomError("int_type", "an id is a whole number")


def _names(value: Any) -> Any:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Name = Annotated[str, BeforeValidator(_text), Field(max_length=200)]
"""A text, or a number for what has a numeric id."""
Names = Annotated[list[Annotated[str, Field(max_length=200)]], BeforeValidator(_names), Field(max_length=100)]
"""A list of field names; `a,b` is taken as well."""

RecordId = Annotated[int | str, PlainValidator(_id), WithJsonSchema({"type": "integer"})]
"""A record's id; a text of digits is taken as well, and the code of a currency."""

EntityName = Annotated[
    Name,
    Field(
        min_length=1,
        description="deals, leads, contacts, companies, quotes, invoices, tasks, users, activities, products…, or a "
        "smart process by title or entityTypeId",
    ),
]
WrittenEntity = Annotated[Name, Field(description="deals, leads, contacts…, or a smart process by title or id")]
"""The entity of a tool that writes; left out where a call only confirms."""
Filter = Annotated[
    dict[str, Any],
    Field(
        description="Conditions that all hold: {field: value | [any of] | {$ne,$gt,$gte,$lt,$lte,$contains,$in,$nin,"
        "$between}}. Names work for stages, people (“me”), companies and lists. Dates: ISO (a bare date is that whole "
        "day), today, last_month, -30d, 2026-Q3"
    ),
]
SortBy = Annotated[
    Any,
    WithJsonSchema({"type": "string"}),
    Field(description="“-createdAt,id”: minus = descending"),
]
Format = Annotated[
    Literal["rows", "columns"],
    Field(description="columns = each name once, then rows of values: fewer tokens"),
]
Cursor = Annotated[str, Field(max_length=100_000, description="next_cursor of the previous page of this question")]
Explain = Annotated[bool, Field(strict=True, description="Only show what would be asked, at which cost")]
TokenBudget = Annotated[
    Annotated[int, Field(strict=True, ge=300, le=50_000)] | SkipJsonSchema[None],
    Field(description="Most tokens the answer may cost"),
]


def at_most(most: int, what: str) -> Any:
    """The field of a `limit` argument: at least 1, at most so many."""
    return Field(strict=True, ge=1, le=most, description=what)
