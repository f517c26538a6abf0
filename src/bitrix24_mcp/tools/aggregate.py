"""`aggregate`: how many and how much."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from bitrix24_mcp.crm.figures.comparison import Compare
from bitrix24_mcp.crm.figures.measures import Function
from bitrix24_mcp.crm.shape import columnar
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, EntityName, Explain, Filter, Format, Names, SortBy, at_most

_WRITTEN = re.compile(r"\s*([A-Za-z]+)\s*(?:[:(]\s*([\w*]+)\s*\)?)?\s*")


class MeasureArgument(Arguments):
    """A function over a field."""

    function: Function
    field: Annotated[str | SkipJsonSchema[None], Field(max_length=200)] = None


def _measure(value: Any) -> Any:
    """“count”, “sum:amount” and “sum(amount)” are measures too."""
    found = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    return {"function": found[1].lower(), **({"field": found[2]} if found[2] else {})} if found else value


class Aggregate(Arguments):
    """Which figures."""

    entity: EntityName
    measures: Annotated[
        list[Annotated[MeasureArgument, BeforeValidator(_measure)]],
        Field(max_length=20, description="Left out = the number of records; count needs no field"),
    ] = []
    group_by: Annotated[
        Names,
        Field(description="Up to 5 of any fields; dates by period: createdAt:day, :week, :month, :quarter, :year"),
    ] = []
    filter: Filter = {}
    sort: Annotated[SortBy, Field(description="By columns of the rows: “-sum_amount”, “createdAt_month”")] = ""
    having: Annotated[dict[str, Any], Field(description="Conditions on figures: {“count”: {“$gte”: 5}}")] = {}
    compare: Annotated[
        Compare | SkipJsonSchema[None],
        Field(description="Also the period before the one in filter, or the same a year ago"),
    ] = None
    row_filters: Annotated[bool, Field(strict=True, description="Give each row the filter that lists its records")] = (
        False
    )
    limit: Annotated[int, at_most(500, "Most rows")] = 50
    format: Format = "rows"
    explain: Explain = False


class Figures(Reply):
    """Rows of figures, or with `columns` rows of values; `total` counts the matching records.

    `complete` is false when the figures may not be those of all records at one moment: `note` says why.
    """

    columns: list[str] | None = None
    rows: list[dict[str, Any] | list[Any]]
    total: int
    complete: bool
    note: str | None = None
    filter_used: dict[str, Any] | None = None
    names_used: dict[str, Any] | None = None
    as_of: str | None = None
    compared_with: dict[str, Any] | None = None
    total_previous: int | None = None


class FiguresPlan(Reply):
    """What would be asked."""

    plan: dict[str, Any]


async def aggregate(arguments: Aggregate, context: Context) -> Reply:
    """The figures, or the plan."""
    from bitrix24_mcp.crm import aggregates  # noqa: PLC0415 - a client that only lists tools does not wait for it

    question = aggregates.FigureQuestion(
        entity=arguments.entity,
        measures=[(measure.function, measure.field) for measure in arguments.measures],
        group_by=arguments.group_by,
        filter=arguments.filter,
        sort=arguments.sort,
        having=arguments.having,
        compare=arguments.compare,
        row_filters=arguments.row_filters,
        columnar=arguments.format == "columns",
        limit=arguments.limit,
        budget=context.max_tokens,
    )
    portal, metadata, spending = context.portal, context.metadata, context.spending
    if arguments.explain:
        return FiguresPlan(plan=await aggregates.explain(question, portal, metadata, spending))
    answer = await aggregates.aggregate(question, portal, metadata, spending, context.report)
    columns, values = columnar(answer.rows) if question.columnar else (None, answer.rows)
    return Figures(
        columns=columns,
        rows=[*values],
        total=answer.total,
        complete=answer.complete,
        note=answer.note,
        filter_used=answer.filter_used,
        names_used=answer.names_used,
        as_of=answer.as_of,
        compared_with=answer.compared_with,
        total_previous=answer.total_previous,
    )


TOOL = Tool(
    name="aggregate",
    title="Count and add up records",
    description="Counts records and computes sum, avg, min and max, grouped if wanted, exact at any size: use it for "
    "every how many and how much instead of reading records. Money comes as one row per currency, never added "
    "together. If complete is false, tell the user what note says the figures cover.",
    arguments=Aggregate,
    replies=(Figures, FiguresPlan),
    annotations=READS,
    handler=aggregate,
)
