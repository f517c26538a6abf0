"""`add_comment`: a comment in the timeline of a record."""

from typing import Annotated

from pydantic import Field

from bitrix24_mcp.tools.confirmable import REPLIES, Confirmable
from bitrix24_mcp.tools.declare import ADDS, Context, Reply, Tool
from bitrix24_mcp.tools.given import check_given
from bitrix24_mcp.tools.params import WrittenEntity


class AddComment(Confirmable):
    """Where, and what."""

    entity: WrittenEntity = ""
    id: Annotated[int, Field(strict=True, ge=0, description="The record's id")] = 0
    text: Annotated[str, Field(max_length=60_000, description="The comment; BBCode is possible")] = ""


async def add_comment(arguments: AddComment, context: Context) -> Reply:
    """What would be added, or what was."""
    from bitrix24_mcp.crm.writing.comments import plan_comment  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.tools.confirming import carry_out  # noqa: PLC0415

    if not arguments.confirm:
        check_given(arguments, "entity", "id", "text")
    return await carry_out(
        "add_comment",
        arguments,
        lambda wanted, desk, metadata: plan_comment(wanted.entity, wanted.id, wanted.text, desk.writer, metadata),
        context,
    )


TOOL = Tool(
    name="add_comment",
    title="Comment on a record",
    description="Adds a comment to the timeline of a deal, lead, contact, company or item of a smart process, where "
    "colleagues read it. Previewed and confirmed as in write_items; undo deletes it.",
    arguments=AddComment,
    replies=REPLIES,
    annotations=ADDS,
    handler=add_comment,
    scope="crm",
)
