"""`run_workflow`: a workflow (business process) started on a record, or a running one ended."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from bitrix24_mcp.tools.confirmable import REPLIES, Confirmable
from bitrix24_mcp.tools.declare import WRITES, Context, Reply, Tool
from bitrix24_mcp.tools.given import check_given
from bitrix24_mcp.tools.params import Name, WrittenEntity

if TYPE_CHECKING:
    from bitrix24_mcp.crm.metadata import Metadata
    from bitrix24_mcp.crm.writer import Writer
    from bitrix24_mcp.crm.writing.plan import Plan


class RunWorkflow(Confirmable):
    """What to start or to end."""

    action: Annotated[
        Literal["start", "terminate"] | SkipJsonSchema[None], Field(description="start, or terminate one that runs")
    ] = None
    template: Annotated[Name, Field(description="start: the template's name or id")] = ""
    entity: WrittenEntity = ""
    id: Annotated[int, Field(strict=True, ge=0, description="start: the record's id")] = 0
    parameters: Annotated[dict[str, Any], Field(description="start: values the template asks for")] = {}
    workflow: Annotated[str, Field(max_length=60, description="terminate: the instance's id, from list_workflows")] = ""
    forced: Annotated[bool, Field(strict=True, description="terminate: at once, deleting what it holds")] = False
    status: Annotated[str, Field(max_length=200, description="terminate: the reason that is noted")] = ""


async def run_workflow(arguments: RunWorkflow, context: Context) -> Reply:
    """What would be started or ended, or what was."""
    from bitrix24_mcp.tools.confirming import carry_out  # noqa: PLC0415 - loaded with the first call

    if not arguments.confirm:
        check_given(arguments, "action")
        check_given(arguments, *(("workflow",) if arguments.action == "terminate" else ("template", "entity", "id")))
    return await carry_out(
        "run_workflow", arguments, lambda wanted, desk, metadata: _plan(wanted, desk.writer, metadata), context
    )


async def _plan(wanted: RunWorkflow, writer: "Writer", metadata: "Metadata") -> "Plan":
    from bitrix24_mcp.crm.writing.workflows import Start, plan_end, plan_start  # noqa: PLC0415 - loaded with the first call

    if wanted.action == "terminate":
        return await plan_end(wanted.workflow, writer, metadata, forced=wanted.forced, status=wanted.status)
    return await plan_start(Start(wanted.template, wanted.entity, wanted.id, wanted.parameters), writer, metadata)


TOOL = Tool(
    name="run_workflow",
    title="Start or end a workflow",
    description="Starts a workflow by the name of its template on a record, or ends a running instance: in order, or "
    "forced. Needs an administrator. Previewed and confirmed as in write_items; what a workflow does cannot be undone.",
    arguments=RunWorkflow,
    replies=REPLIES,
    annotations=WRITES,
    handler=run_workflow,
    scope="bizproc",
)
