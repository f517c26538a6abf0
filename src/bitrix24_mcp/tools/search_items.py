"""`search_items`: records of any entity by conditions."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.crm.records import Question, explain, search
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import (
    Arguments,
    Cursor,
    EntityName,
    Explain,
    Filter,
    Names,
    SortBy,
    TokenBudget,
    at_most,
)


class SearchItems(Arguments):
    """Which records."""

    entity: EntityName
    filter: Filter = {}
    select: Annotated[Names, Field(description="Columns; left out = a useful few")] = []
    sort: SortBy = ""
    limit: Annotated[int, at_most(500, "Most records on a page")] = 20
    cursor: Cursor = ""
    max_tokens: TokenBudget = None
    explain: Explain = False


class Items(Reply):
    """Records; `total` counts all that match, given where the portal counted them (not behind a cursor)."""

    items: list[dict[str, Any]]
    returned: int
    total: int | None = None
    next_cursor: str | None = None
    note: str | None = None


class SearchPlan(Reply):
    """What would be asked."""

    plan: dict[str, Any]


async def search_items(arguments: SearchItems, context: Context) -> Reply:
    """One page of records, or the plan."""
    question = Question(
        entity=arguments.entity,
        filter=arguments.filter,
        select=arguments.select,
        sort=arguments.sort,
        limit=arguments.limit,
        cursor=arguments.cursor,
        budget=arguments.max_tokens or context.max_tokens,
    )
    if arguments.explain:
        return SearchPlan(plan=await explain(question, context.metadata))
    found = await search(question, context.portal, context.metadata)
    return Items(
        items=found.items,
        returned=len(found.items),
        total=found.total,
        next_cursor=found.next_cursor,
        note=found.note,
    )


TOOL = Tool(
    name="search_items",
    title="Search records",
    description="Finds records of a CRM entity or smart process by conditions, sorted and paged, with the columns you "
    "choose; names stand beside codes as <field>_name. Not for how many or how much: aggregate counts and adds up in "
    "one call. If a stage or source code is unknown, call get_status_items first.",
    arguments=SearchItems,
    replies=(Items, SearchPlan),
    annotations=READS,
    handler=search_items,
)
