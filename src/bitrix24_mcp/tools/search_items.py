"""`search_items`: records of any entity by conditions."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.crm.records.search import Question, explain, search
from bitrix24_mcp.crm.shape import columnar
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import (
    Arguments,
    Cursor,
    EntityName,
    Explain,
    Filter,
    Format,
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
    format: Format = "rows"
    explain: Explain = False


class Page(Reply):
    """What surrounds records; `total` counts all that match, where the portal counted them (not behind a cursor).

    `filter_used` is what names and relative dates in the filter were taken for.
    """

    returned: int
    total: int | None = None
    filter_used: dict[str, Any] | None = None
    names_used: dict[str, Any] | None = None
    next_cursor: str | None = None
    note: str | None = None


class Items(Page):
    """Records, each with the names of its values."""

    items: list[dict[str, Any]]


class Table(Page):
    """Records as rows of values under `columns`."""

    columns: list[str]
    rows: list[list[Any]]


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
        columnar=arguments.format == "columns",
    )
    if arguments.explain:
        return SearchPlan(plan=await explain(question, context.metadata))
    found = await search(question, context.portal, context.metadata)
    page = Page(
        returned=len(found.items),
        total=found.total,
        filter_used=found.filter_used,
        names_used=found.names_used,
        next_cursor=found.next_cursor,
        note=found.note,
    )
    if arguments.format == "columns":
        columns, rows = columnar(found.items)
        return Table(columns=columns, rows=rows, **dict(page))
    return Items(items=found.items, **dict(page))


TOOL = Tool(
    name="search_items",
    title="Search records",
    description="Finds records of a CRM entity or smart process by conditions, sorted and paged, with the columns you "
    "choose; names stand beside codes as <field>_name. Not for how many or how much: aggregate counts and adds up in "
    "one call. Write stages, people and list values by name; describe_entity tells the fields.",
    arguments=SearchItems,
    replies=(Items, Table, SearchPlan),
    annotations=READS,
    handler=search_items,
)
