"""`undo`: what this server wrote, and its reversal."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.tools.confirmable import REPLIES, Confirmable
from bitrix24_mcp.tools.declare import WRITES, Context, Reply, Tool
from bitrix24_mcp.tools.given import check_given


class Undo(Confirmable):
    """Which operation."""

    operation: Annotated[int, Field(strict=True, ge=0, description="Its number; left out = list the latest")] = 0
    ids: Annotated[
        list[int], Field(max_length=500, description="Only these of its records; left out = all of them")
    ] = []


class Operations(Reply):
    """The latest operations, newest first: number, when, tool, action, entity and how many records met which fate."""

    items: list[dict[str, Any]]


async def undo(arguments: Undo, context: Context) -> Reply:
    """The latest operations, what reversing one would write, or what was reversed."""
    from bitrix24_mcp.crm.writing.listing import latest_operations  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.crm.writing.undo import plan_undo  # noqa: PLC0415
    from bitrix24_mcp.tools.confirming import carry_out  # noqa: PLC0415

    if not arguments.operation and not arguments.confirm and context.desk is not None:
        if arguments.ids:
            check_given(arguments, "operation")
        return Operations(items=await latest_operations(context.desk, context.metadata))
    return await carry_out(
        "undo",
        arguments,
        lambda wanted, desk, metadata: plan_undo(wanted.operation, wanted.ids, desk, metadata),
        context,
    )


TOOL = Tool(
    name="undo",
    title="Reverse what was written",
    description="Reverses an operation of this server: records it changed get their former values, records it created "
    "are deleted, unless they have changed since. Without operation it lists the latest, and looks up those whose "
    "outcome is unknown. Previewed and confirmed as in write_items.",
    arguments=Undo,
    replies=(Operations, *REPLIES),
    annotations=WRITES,
    handler=undo,
    scope="crm",
)
