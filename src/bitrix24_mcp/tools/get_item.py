"""`get_item`: one record or several by id, with what belongs to them."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, EntityName, Names, RecordId, TokenBudget


class GetItem(Arguments):
    """Which records, and what beside them."""

    entity: EntityName
    id: Annotated[RecordId, Field(description="The record's id")] = ""
    ids: Annotated[list[RecordId], Field(max_length=100, description="Or several ids, at most 100")] = []
    include: Annotated[
        Names,
        Field(
            description="company, contact, deal… (what its fields link to), products, comments, activities, "
            "history (stages); lists give the latest 10"
        ),
    ] = []
    select: Annotated[Names, Field(description="Fields; left out = all that say something")] = []
    max_tokens: TokenBudget = None


class ItemsRead(Reply):
    """Records in the order asked for, with included data under `related`.

    `missing`: no such records; `not_allowed`: this key's user may not see them; `labels`: names of user fields.
    """

    items: list[dict[str, Any]]
    missing: list[int | str] | None = None
    not_allowed: list[int | str] | None = None
    labels: dict[str, str] | None = None
    note: str | None = None


async def get_item(arguments: GetItem, context: Context) -> ItemsRead:
    """The records that exist and may be seen."""
    from bitrix24_mcp.crm.records.items import ItemsQuestion, read_items  # noqa: PLC0415 - a client that only lists tools does not wait for it

    if (arguments.id == "") == (not arguments.ids):
        raise InvalidArguments(
            "get_item takes either id or ids.", advice="Give one of the two, such as id: 15.", code="INVALID_ARGUMENT"
        )
    question = ItemsQuestion(
        entity=arguments.entity,
        ids=arguments.ids or [arguments.id],
        include=arguments.include,
        select=arguments.select,
        budget=arguments.max_tokens or context.max_tokens,
    )
    found = await read_items(question, context.metadata)
    return ItemsRead(
        items=found.items,
        missing=found.missing or None,
        not_allowed=found.not_allowed or None,
        labels=found.labels or None,
        note=found.note,
    )


TOOL = Tool(
    name="get_item",
    title="Read records by id",
    description="Reads one record, or up to 100, whose ids are known, with all fields that say something and, with "
    "include, what belongs to it: client, product rows, comments, activities, stage history. Not for finding records: "
    "search_items does that.",
    arguments=GetItem,
    replies=(ItemsRead,),
    annotations=READS,
    handler=get_item,
)
