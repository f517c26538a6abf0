"""What a tool is, and the one place where errors become answers."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mcp_types import Tool as WireTool
from mcp_types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bitrix24_mcp.crm.errors import InvalidArguments, PortalError, nearest, quoted
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.reading.progress import Report, silent
from bitrix24_mcp.crm.reading.spending import Spending
from bitrix24_mcp.tools.params import Arguments
from bitrix24_mcp.tools.person import NOBODY, Person
from bitrix24_mcp.tools.schema import input_schema, output_schema

if TYPE_CHECKING:
    from bitrix24_mcp.crm.writing.desk import Desk  # a server that only reads never loads it

ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)

READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
"""A tool that changes nothing and asks a portal."""
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True)
"""A tool that may overwrite or delete, and does something each time."""
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
"""A tool that adds something each time and changes nothing else."""


class Reply(BaseModel):
    """A tool's answer; None is left out of what is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler works with: the portal and what is known of it, what an answer may cost, who hears of progress.

    `desk` is what writing works with, None where nothing may be written; `person`: whom the call comes from.
    """

    portal: Portal
    metadata: Metadata
    max_tokens: int
    spending: Spending
    report: Report = silent
    scopes: Mapping[str, str] = field(default_factory=dict[str, str])
    """The scope of each offered tool; see `Tool.scope`."""
    desk: "Desk | None" = None
    person: Person = NOBODY


@dataclass(frozen=True, slots=True)
class Tool(Generic[ArgumentsT]):
    """One tool: what clients see of it and the handler that answers. `replies` are the forms of a good answer."""

    name: str
    title: str
    description: str
    arguments: type[ArgumentsT]
    replies: tuple[type[Reply], ...]
    annotations: ToolAnnotations
    handler: Callable[[ArgumentsT, Context], Awaitable[Reply]]
    scope: str = ""
    """What a key needs for it (docs/scopes); empty where that depends on the entity asked for, or nothing is needed."""
    directly: bool = False
    """Whether only Bitrix24's own REST can do it, and the gateway cannot."""

    def on_the_wire(self) -> WireTool:
        """The tool's entry in `tools/list`."""
        return WireTool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=input_schema(self.arguments),
            output_schema=output_schema(self.replies),
            annotations=self.annotations,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The structured answer of a call, or the error in its place with the text that says the same."""

    content: Mapping[str, Any]
    error: str | None = None


async def run(tool: Tool[Any], arguments: Mapping[str, Any], context: Context) -> Outcome:
    """Calls a tool. Whatever the caller or the portal got wrong comes back as an Outcome with an error."""
    try:
        reply = await tool.handler(_validated(tool, arguments), context)
    except PortalError as error:
        return failed(error)
    return Outcome(reply.model_dump(exclude_none=True))


def failed(error: PortalError) -> Outcome:
    """The answer of a call that fails with this error."""
    return Outcome({"error": _structured(error)}, str(error))


def _structured(error: PortalError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": f"{error.message} {error.advice}",
        **({"candidates": list(error.candidates)} if error.candidates else {}),
        **({"next_call": dict(error.next_call)} if error.next_call else {}),
    }


def _validated(tool: Tool[Any], arguments: Mapping[str, Any]) -> Arguments:
    _check_characters(arguments)
    try:
        return tool.arguments.model_validate(arguments)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)[:8]
    known = list(tool.arguments.model_fields)
    unknown = [str(each["loc"][-1]) for each in problems if each["type"] == "extra_forbidden"]
    candidates = [near for name in unknown for near in nearest(name, known, 2)]
    raise InvalidArguments(
        "; ".join(dict.fromkeys(_problem(each, known) for each in problems if each["type"] != "none_required")) + ".",
        advice=f"{tool.name} takes {quoted(known) or 'no arguments'}.",
        code="INVALID_ARGUMENT",
        candidates=candidates,
    )


def _check_characters(arguments: Mapping[str, Any]) -> None:
    """Raises InvalidArguments for half a character, which JSON can write and nobody can send on."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidArguments(
            "A text holds half of a character (a lone surrogate).",
            advice="Send the whole character, or leave it out.",
            code="INVALID_VALUE",
        ) from None


_WANTED = {
    "bool": "true or false",
    "int": "a whole number",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "an object, such as {“amount”: 1000}",
    "model": "an object with its named parts",
}
"""What belongs there, by the beginning of pydantic's name for the problem."""


def _path(problem: ErrorDetails) -> list[str | int]:
    """Where the problem is, without pydantic's names for the branches of a union."""
    return [
        part
        for part in problem["loc"]
        if isinstance(part, int) or (part.islower() and part not in {"bool", "none", "int"})
    ]


def _problem(problem: ErrorDetails, known: Sequence[str]) -> str:
    where = ".".join(str(part)[:60] for part in _path(problem))
    match problem["type"]:
        case "extra_forbidden":
            near = nearest(where, known, 1) if len(problem["loc"]) == 1 else []
            return f"There is no argument “{where}”" + (f", perhaps {near[0]}" if near else "")
        case "missing":
            return f"The argument {where} is missing"
        case kind if wanted := next((word for part, word in _WANTED.items() if kind.startswith(part)), ""):
            return f"{where} takes {wanted}"
        case _:
            return f"{where or 'The arguments'}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
