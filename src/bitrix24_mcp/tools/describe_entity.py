"""`describe_entity`: the fields of an entity and the values behind them."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, EntityName, TokenBudget


class DescribeEntity(Arguments):
    """Which entity, and how much of it."""

    entity: EntityName
    detail: Annotated[
        bool, Field(strict=True, description="Also longer lists, read-only fields, user fields by the portal's type")
    ] = False
    find: Annotated[str, Field(max_length=200, description="Only fields and values whose name contains this")] = ""
    refresh: Annotated[bool, Field(strict=True, description="Read anew what is kept for five minutes")] = False
    max_tokens: TokenBudget = None


class Described(Reply):
    """Labels by field name by type; values and stages by code. `cut` and `not_read` say what is missing.

    `user_fields`: names of the fields that administrators added, by the portal's own word for their type.
    """

    entity: str
    title: str | None = None
    can: dict[str, str] | None = None
    fields: dict[str, dict[str, str]]
    money: dict[str, str] | None = None
    values: dict[str, dict[str, str]] | None = None
    directories: dict[str, dict[str, str]] | None = None
    funnels: list[dict[str, Any]] | None = None
    stages: dict[str, dict[str, str]] | None = None
    currencies: list[str] | None = None
    read_only: list[str] | None = None
    user_fields: dict[str, list[str]] | None = None
    cut: dict[str, str] | None = None
    not_read: dict[str, str] | None = None
    note: str | None = None


async def describe_entity(arguments: DescribeEntity, context: Context) -> Described:
    """The description within the token budget."""
    from bitrix24_mcp.crm.about.outline import describe  # noqa: PLC0415 - a client that only lists tools does not wait for it

    if arguments.refresh:
        context.metadata.forget()
    outline = await describe(
        arguments.entity,
        arguments.find.strip(),
        arguments.max_tokens or context.max_tokens,
        context.metadata,
        detail=arguments.detail,
    )
    return Described.model_validate(outline)


TOOL = Tool(
    name="describe_entity",
    title="Describe an entity's fields",
    description="Gives what a correct query needs: an entity's fields by type with labels, user fields, list values, "
    "funnels with stages, and what can be filtered, sorted, grouped and summed. Call it once before the first query "
    "on an entity; find looks up one code.",
    arguments=DescribeEntity,
    replies=(Described,),
    annotations=READS,
    handler=describe_entity,
)
