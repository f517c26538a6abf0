"""`funnel_report`: conversion, time in stage, stuck records."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, Explain, Filter, Name


class FunnelReport(Arguments):
    """Which funnels, and whose records."""

    entity: Annotated[
        Name,
        Field(min_length=1, description="deals, leads, quotes, invoices, or a smart process by title or entityTypeId"),
    ] = "deals"
    funnel: Annotated[Name, Field(description="Id or name; left out = every funnel")] = ""
    created: Annotated[
        Any,
        WithJsonSchema({"type": ["string", "object"]}),
        Field(description="Period of creation: last_month, 2026-Q2, all, {$gte, $lt}; left out = this_quarter"),
    ] = None
    filter: Annotated[Filter, Field(description="Further conditions, as in search_items")] = {}
    stuck_days: Annotated[
        int, Field(strict=True, ge=1, le=3_650, description="Stuck = longer than this in an open stage")
    ] = 30
    history: Annotated[
        bool,
        Field(
            strict=True, description="Also who ever reached each stage and how long they stayed: one request a record"
        ),
    ] = False
    explain: Explain = False


class Funnels(Reply):
    """A block of figures per funnel; `total` counts the matching records, `stuck.filter` lists those that are stuck.

    `stuck.of_any_age` has the same without the period of creation.
    Stages in progress have the median and 90th percentile of days since their records came there. `complete` is false
    when the figures may not be those of all records at one moment: `note` says why.
    """

    entity: str
    created: dict[str, Any]
    filter_used: dict[str, Any] | None = None
    funnels: list[dict[str, Any]]
    stuck: dict[str, Any] | None = None
    total: int
    complete: bool
    note: str | None = None
    as_of: str | None = None


class FunnelPlan(Reply):
    """What would be asked."""

    plan: dict[str, Any]


async def funnel_report(arguments: FunnelReport, context: Context) -> Reply:
    """The report, or the plan."""
    from bitrix24_mcp.crm.funnel import report  # noqa: PLC0415 - a client that only lists tools does not wait for it
    from bitrix24_mcp.crm.funnel.question import FunnelQuestion  # noqa: PLC0415 - a client that only lists tools does not wait for it

    question = FunnelQuestion(
        entity=arguments.entity,
        funnel=arguments.funnel or None,
        created=arguments.created,
        filter=arguments.filter,
        stuck_days=arguments.stuck_days,
        history=arguments.history,
        budget=context.max_tokens,
    )
    portal, metadata, spending = context.portal, context.metadata, context.spending
    if arguments.explain:
        return FunnelPlan(plan=await report.explain(question, portal, metadata, spending))
    found = await report.funnel_report(question, portal, metadata, spending, context.report)
    return Funnels(
        entity=found.entity,
        created=found.created,
        filter_used=found.filter_used,
        funnels=found.funnels,
        stuck=found.stuck,
        total=found.total,
        complete=found.complete,
        note=found.note,
        as_of=found.as_of,
    )


TOOL = Tool(
    name="funnel_report",
    title="Report on a sales funnel",
    description="Follows the records created in a period through their funnel: entered, in progress, won, lost, "
    "conversion (won, % of entered), win_rate (won, % of won and lost), amounts won per currency, days in each stage, "
    "stuck records, also of any age. For other figures use aggregate. If complete is false, tell the user what note "
    "says.",
    arguments=FunnelReport,
    replies=(Funnels, FunnelPlan),
    annotations=READS,
    handler=funnel_report,
    scope="crm",
)
