"""`write_items`: records created, changed or deleted, after a preview and a confirmation."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.tools.confirmable import REPLIES, Confirmable
from bitrix24_mcp.tools.declare import WRITES, Context, Reply, Tool
from bitrix24_mcp.tools.given import check_given
from bitrix24_mcp.tools.params import RecordId, WrittenEntity


class WriteItems(Confirmable):
    """What to write."""

    entity: WrittenEntity = ""
    action: Annotated[
        Literal["create", "update", "delete"] | SkipJsonSchema[None], Field(description="What to do with them")
    ] = None
    items: Annotated[
        list[dict[str, Any]],
        Field(
            max_length=500,
            description="Records to create {field: value}, or to update {id, field: value}; only the fields to write. "
            "Names work as in filters; null empties a field",
        ),
    ] = []
    ids: Annotated[list[RecordId], Field(max_length=500, description="Records to delete")] = []


async def write_items(arguments: WriteItems, context: Context) -> Reply:
    """What would be written, or what was."""
    from bitrix24_mcp.crm.writing.items import ItemsWanted, plan_items  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.tools.confirming import carry_out  # noqa: PLC0415

    if not arguments.confirm:
        check_given(arguments, "entity", "action")
    if arguments.action == "delete" and context.desk is not None and not context.desk.rules.deletes:
        raise PermissionRefused(
            "This server does not delete records.",
            advice="Its operator allows it with --allow-deletes. Nothing was deleted.",
            code="DELETES_NOT_ALLOWED",
        )
    return await carry_out(
        "write_items",
        arguments,
        lambda wanted, desk, metadata: plan_items(
            ItemsWanted(wanted.entity, wanted.action or "create", wanted.items, wanted.ids),
            desk.writer,
            metadata,
        ),
        context,
    )


TOOL = Tool(
    name="write_items",
    title="Create, change or delete records",
    description="Creates, changes or deletes up to 500 records of one entity. Nothing is written before the user has "
    "agreed to a preview: they are asked by the client, or you get one with a code, show it, and call again with "
    "confirm. All problems are named at once. describe_entity tells the fields; undo reverses it.",
    arguments=WriteItems,
    replies=REPLIES,
    annotations=WRITES,
    handler=write_items,
    scope="crm",
)
