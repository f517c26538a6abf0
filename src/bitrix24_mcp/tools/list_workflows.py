"""`list_workflows`: which workflows are running."""

from typing import Annotated, Any

from pydantic import Field, StrictBool
from pydantic.json_schema import SkipJsonSchema

from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, Cursor, Filter, Name, SortBy, at_most


class Document(Arguments):
    """A CRM record."""

    entity: Annotated[Name, Field(min_length=1, description="As in search_items")]
    id: Annotated[int, Field(strict=True, ge=1, description="The record's id")]


class ListWorkflows(Arguments):
    """Which running instances to list."""

    template: Annotated[Name, Field(description="Template id or name")] = ""
    started_by: Annotated[Name, Field(description="User id or name, “me” or “system”")] = ""
    document: Annotated[Document | SkipJsonSchema[None], Field(description="The record they run on")] = None
    stuck: Annotated[
        StrictBool | SkipJsonSchema[None],
        Field(description="true: only those whose lock ran out over 5 minutes ago; false: only the others"),
    ] = None
    filter: Annotated[
        Filter,
        Field(
            description="By id, templateId, startedBy, started, modified, lockedUntil, moduleId, entity, documentId; "
            "operators as in search_items"
        ),
    ] = {}
    sort: Annotated[SortBy, Field(description="By the same fields; usual: “-modified”")] = ""
    limit: Annotated[int, at_most(500, "Most instances to list")] = 20
    cursor: Cursor = ""


class Workflows(Reply):
    """Instances; `total` counts all that match, absent where the portal's list was not read to its end."""

    items: list[dict[str, Any]]
    returned: int
    total: int | None = None
    next_cursor: str | None = None
    note: str | None = None


async def list_workflows(arguments: ListWorkflows, context: Context) -> Workflows:
    """One page of the running instances that match."""
    from bitrix24_mcp.crm.workflows.running import WorkflowQuestion, running  # noqa: PLC0415 - a client that only lists tools does not wait for it

    question = WorkflowQuestion(
        template=arguments.template or None,
        started_by=arguments.started_by or None,
        document=(arguments.document.entity, arguments.document.id) if arguments.document else None,
        stuck=arguments.stuck,
        filter=arguments.filter,
        sort=arguments.sort,
        limit=arguments.limit,
        cursor=arguments.cursor,
        budget=context.max_tokens,
    )
    found = await running(question, context.portal, context.metadata, context.report)
    return Workflows(
        items=found.items,
        returned=len(found.items),
        total=found.total,
        next_cursor=found.next_cursor,
        note=found.note,
    )


TOOL = Tool(
    name="list_workflows",
    title="List running workflows",
    description="Lists workflow (business process) instances that are running now: template, record, who started "
    "them, when, and whether they are stuck. Finished ones are not kept by the portal. Needs an administrator.",
    arguments=ListWorkflows,
    replies=(Workflows,),
    annotations=READS,
    handler=list_workflows,
    scope="bizproc",
)
