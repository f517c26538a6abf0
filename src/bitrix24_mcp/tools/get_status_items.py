"""`get_status_items`: the values of a directory, above all the stages of an entity."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.crm.about.directories import Values, kinds, of_directory, of_entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_values import Funnel
from bitrix24_mcp.crm.shape import compact, fitting, tokens
from bitrix24_mcp.crm.text import plain
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, Name, TokenBudget


class GetStatusItems(Arguments):
    """Which directory."""

    directory: Annotated[str, Field(max_length=200, description="Directory id such as SOURCE or DEAL_STAGE_5")] = ""
    entity: Annotated[Name, Field(description="Instead: the entity whose stages are wanted")] = ""
    funnel: Annotated[Name, Field(description="Id or name of its funnel; left out = the default one")] = ""
    refresh: Annotated[bool, Field(strict=True, description="Read anew what is kept for five minutes")] = False
    detail: Annotated[bool, Field(strict=True, description="Also each value's id, initial name and colour")] = False
    max_tokens: TokenBudget = None


class StatusItems(Reply):
    """The values in the portal's order; for stages with funnels also which funnel and which others there are."""

    directory: str
    items: list[dict[str, Any]]
    funnel: dict[str, Any] | None = None
    other_funnels: list[dict[str, Any]] | None = None
    note: str | None = None


class Directories(Reply):
    """Which directories there are."""

    directories: list[dict[str, Any]]
    note: str | None = None


async def get_status_items(arguments: GetStatusItems, context: Context) -> Reply:
    """The values of the directory or of the entity's stages, or the list of directories."""
    _check(arguments)
    if arguments.refresh:
        context.metadata.forget()
    budget = arguments.max_tokens or context.max_tokens
    if arguments.entity:
        funnel = arguments.funnel or None
        stages = await of_entity(arguments.entity, funnel, context.metadata, detail=arguments.detail)
        return _reply(stages, budget)
    if arguments.directory:
        return _reply(await of_directory(arguments.directory, context.metadata, detail=arguments.detail), budget)
    directories = await kinds(context.metadata)
    shown = fitting(directories, budget)
    return Directories(
        directories=directories[:shown],
        note=_cut(shown, len(directories), "directories", "describe_entity names those of an entity"),
    )


def _check(arguments: GetStatusItems) -> None:
    if arguments.directory and arguments.entity:
        raise InvalidArguments(
            "directory and entity exclude each other.", advice="Give one of them.", code="INVALID_ARGUMENT"
        )
    if arguments.funnel and not arguments.entity:
        raise InvalidArguments(
            "funnel belongs to an entity.", advice="Give the entity as well, such as deals.", code="INVALID_ARGUMENT"
        )


def _reply(values: Values, budget: int) -> StatusItems:
    funnel = _named(values.funnel) if values.funnel else None
    others = [_named(other) for other in values.others] or None
    beside = tokens(compact([funnel, others])) if funnel else 0
    shown = fitting(values.items, budget - beside)
    return StatusItems(
        directory=values.directory,
        items=values.items[:shown],
        note=_cut(shown, len(values.items), "values", "describe_entity finds others by a part of the name"),
        funnel=funnel,
        other_funnels=others,
    )


def _cut(shown: int, of: int, what: str, advice: str) -> str | None:
    return None if shown == of else f"Ended after {shown} of {of:,} {what} to keep within the token budget; {advice}."


def _named(funnel: Funnel) -> dict[str, Any]:
    return {"id": funnel.id, "name": plain(funnel.name)}


TOOL = Tool(
    name="get_status_items",
    title="Get stages and directory values",
    description="Gives the codes and names of a directory in order: the stages of an entity's funnel (with won, lost "
    "or in progress), lead sources, deal types and the like. Filters take the names as well. "
    "Without arguments it lists the directories. Not for records: use search_items.",
    arguments=GetStatusItems,
    replies=(StatusItems, Directories),
    annotations=READS,
    handler=get_status_items,
    scope="crm",
)
