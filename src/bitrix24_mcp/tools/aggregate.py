"""`aggregate`: how many and how much."""

from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from bitrix24_mcp.crm import aggregates
from bitrix24_mcp.crm.measures import Function
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, EntityName, Explain, Filter, Names, at_most


class MeasureArgument(Arguments):
    """A function over a field."""

    function: Function
    field: Annotated[str | SkipJsonSchema[None], Field(max_length=200)] = None


class Aggregate(Arguments):
    """Which figures."""

    entity: EntityName
    measures: Annotated[
        list[MeasureArgument],
        Field(max_length=20, description="Left out = the number of records; count needs no field"),
    ] = []
    group_by: Annotated[Names, Field(description="Up to 5 fields, such as stageId or assignedById")] = []
    filter: Filter = {}
    limit: Annotated[int, at_most(500, "Most rows")] = 50
    explain: Explain = False


class Figures(Reply):
    """Rows of figures; `total` counts the matching records, `complete` is false when the figures miss some of them."""

    rows: list[dict[str, Any]]
    total: int
    complete: bool
    note: str | None = None


class FiguresPlan(Reply):
    """What would be asked."""

    plan: dict[str, Any]


async def aggregate(arguments: Aggregate, context: Context) -> Reply:
    """The figures, or the plan."""
    question = aggregates.FigureQuestion(
        entity=arguments.entity,
        measures=[(measure.function, measure.field) for measure in arguments.measures],
        group_by=arguments.group_by,
        filter=arguments.filter,
        limit=arguments.limit,
        budget=context.max_tokens,
    )
    if arguments.explain:
        return FiguresPlan(plan=await aggregates.explain(question, context.metadata))
    answer = await aggregates.aggregate(question, context.portal, context.metadata, context.report)
    return Figures(rows=answer.rows, total=answer.total, complete=answer.complete, note=answer.note)


TOOL = Tool(
    name="aggregate",
    title="Count and add up records",
    description="Counts records and computes sum, avg, min and max, grouped if wanted: use it for every how many and "
    "how much instead of reading records. Money comes as one row per currency, never added together. If complete is "
    "false, tell the user what note says the figures cover.",
    arguments=Aggregate,
    replies=(Figures, FiguresPlan),
    annotations=READS,
    handler=aggregate,
)
