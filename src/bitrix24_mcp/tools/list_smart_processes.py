"""`list_smart_processes`: which smart processes exist."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.crm.about.smart_processes import types
from bitrix24_mcp.crm.shape import fitting
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, Filter, Names, SortBy, at_most


class ListSmartProcesses(Arguments):
    """Which types to list."""

    title: Annotated[str, Field(max_length=200, description="Part of the title")] = ""
    filter: Filter = {}
    sort: SortBy = ""
    select: Annotated[Names, Field(description="Fields of the type instead of the usual summary")] = []
    limit: Annotated[int, at_most(500, "Most types to list")] = 100


class SmartProcesses(Reply):
    """The types; `total` counts all that match."""

    items: list[dict[str, Any]]
    returned: int
    total: int
    note: str | None = None


async def list_smart_processes(arguments: ListSmartProcesses, context: Context) -> SmartProcesses:
    """The types that match, as many as the limit and the token budget hold."""
    found = await types(
        arguments.title, arguments.filter, arguments.sort, arguments.select, context.portal, context.metadata
    )
    items = found[: arguments.limit]
    items = items[: fitting(items, context.max_tokens)]
    cut = len(items) < len(found)
    note = f"Shown are {len(items)} of {len(found)}; narrow by title or select fewer fields." if cut else None
    return SmartProcesses(items=items, returned=len(items), total=len(found), note=note)


TOOL = Tool(
    name="list_smart_processes",
    title="List smart processes",
    description="Lists the portal's smart processes (custom CRM entities such as contracts or purchases) with "
    "entityTypeId, switched-on features and link. Call it when a name is no standard entity. For the records inside "
    "one use search_items or aggregate with the title or entityTypeId.",
    arguments=ListSmartProcesses,
    replies=(SmartProcesses,),
    annotations=READS,
    handler=list_smart_processes,
    scope="crm",
)
