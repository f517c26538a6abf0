"""Tool schemas as clients like them best: flat, without references, titles and empty defaults."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydantic import BaseModel

Schema = dict[str, Any]

ERROR: Schema = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "candidates": {"type": "array", "items": {"type": "string"}},
        "next_call": {"type": "object"},
    },
    "required": ["code", "message"],
}


@cache  # making schemas is most of what a server costs to build
def input_schema(model: type[BaseModel]) -> Schema:
    """The schema of a tool's arguments: its own first, then those that it shares with others. Not to be changed."""
    schema = _flat(model.model_json_schema())
    properties = schema["properties"]
    own = [name for name in model.__annotations__ if name in properties]
    return {**schema, "properties": {name: properties[name] for name in [*own, *properties]}}


@cache
def output_schema(models: tuple[type[BaseModel], ...]) -> Schema:
    """The schema of a tool's answer: one of the models' forms, or an error. Not to be changed."""
    flat = [_flat(model.model_json_schema(mode="serialization")) for model in models]
    return {
        "type": "object",
        "properties": {
            **{name: each for schema in flat for name, each in schema["properties"].items()},
            "error": ERROR,
        },
        "anyOf": [*({"required": schema.get("required", [])} for schema in flat), {"required": ["error"]}],
    }


def _flat(schema: Schema) -> Schema:
    definitions = cast("Mapping[str, Schema]", schema.pop("$defs", {}))
    flat = cast("Schema", _inlined(schema, definitions))
    flat.pop("description", None)
    return flat


def _inlined(node: Any, definitions: Mapping[str, Schema]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    held = cast("Schema", node)
    if reference := held.get("$ref"):
        target = definitions[str(reference).removeprefix("#/$defs/")]
        rest = {name: each for name, each in held.items() if name != "$ref"}
        inner = {name: each for name, each in target.items() if name != "description"}
        return _inlined({**inner, **rest}, definitions)
    return {
        name: {key: _inlined(each, definitions) for key, each in cast("Schema", value).items()}
        if name == "properties"
        else _inlined(value, definitions)
        for name, value in held.items()
        if not _idle(name, value)
    }


def _idle(name: str, value: Any) -> bool:
    """What tells a model nothing: generated titles, empty defaults, limits that no caller comes near."""
    if name in {"title", "maxLength", "maxItems"}:
        return True
    return (name == "default" and value in (None, "", [], {}, False)) or (
        name == "additionalProperties" and value is True
    )
