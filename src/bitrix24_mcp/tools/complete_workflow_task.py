"""`complete_workflow_task`: what a workflow waits for its user to do: agree, refuse, take note, answer."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from bitrix24_mcp.tools.confirmable import REPLIES, Confirmable
from bitrix24_mcp.tools.declare import WRITES, Context, Reply, Tool
from bitrix24_mcp.tools.given import check_given


class CompleteWorkflowTask(Confirmable):
    """Which task, and how."""

    task: Annotated[int, Field(strict=True, ge=0, description="The task's id; left out = list those that wait")] = 0
    answer: Annotated[
        Literal["yes", "no", "ok", "cancel"] | SkipJsonSchema[None],
        Field(description="yes or no; ok; cancel where it is optional"),
    ] = None
    comment: Annotated[str, Field(max_length=10_000, description="Said with the answer")] = ""
    fields: Annotated[dict[str, Any], Field(description="What the task asks for, by name or id")] = {}


class WaitingTasks(Reply):
    """Workflow tasks that wait for the key's user, with the answers that each takes and what it asks for."""

    items: list[dict[str, Any]]


async def complete_workflow_task(arguments: CompleteWorkflowTask, context: Context) -> Reply:
    """The tasks that wait, what would be answered, or what was."""
    from bitrix24_mcp.crm.workflows.waiting import waiting_tasks  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.crm.writing.workflows import Completion, plan_completion  # noqa: PLC0415
    from bitrix24_mcp.tools.confirming import carry_out  # noqa: PLC0415

    if not arguments.task and not arguments.confirm:
        return WaitingTasks(items=await waiting_tasks(context.metadata))
    if not arguments.confirm:
        check_given(arguments, "answer")
    return await carry_out(
        "complete_workflow_task",
        arguments,
        lambda wanted, desk, metadata: plan_completion(
            Completion(wanted.task, wanted.answer or "", wanted.comment, wanted.fields), desk.writer, metadata
        ),
        context,
    )


TOOL = Tool(
    name="complete_workflow_task",
    title="Complete a workflow task",
    description="Completes a task that a running workflow has given to the key's user: approval, acquaintance, request "
    "for information. Without task it lists those that wait. Previewed and confirmed as in write_items, not undone.",
    arguments=CompleteWorkflowTask,
    replies=(WaitingTasks, *REPLIES),
    annotations=WRITES,
    handler=complete_workflow_task,
    scope="bizproc",
    directly=True,
)
