"""What clients may ask beside tools, and what the server says of itself."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client, MCPError

from assistants import Assistant
from bitrix24_mcp.presentation import DESCRIPTION, ICONS, INSTRUCTIONS
from bitrix24_mcp.settings import version

pytestmark = pytest.mark.anyio

LISTS: list[Callable[[Client, str | None], Awaitable[Any]]] = [
    lambda client, cursor: client.list_tools(cursor=cursor),
    lambda client, cursor: client.list_resources(cursor=cursor),
    lambda client, cursor: client.list_resource_templates(cursor=cursor),
    lambda client, cursor: client.list_prompts(cursor=cursor),
]


async def test_the_server_introduces_itself(assistant: Assistant) -> None:
    info = assistant.client.server_info

    assert info is not None
    assert (info.name, info.title, info.version, info.description) == (
        "bitrix24-mcp",
        "Bitrix24",
        version(),
        DESCRIPTION,
    )
    assert info.icons == ICONS
    assert assistant.client.instructions == INSTRUCTIONS


@pytest.mark.parametrize("ask", LISTS, ids=["tools", "resources", "templates", "prompts"])
async def test_every_list_is_one_page(
    ask: Callable[[Client, str | None], Awaitable[Any]], assistant: Assistant
) -> None:
    assert (await ask(assistant.client, None)).next_cursor is None
    with pytest.raises(MCPError, match="Unknown cursor"):
        await ask(assistant.client, "page 2")


async def test_there_are_no_resources_and_no_prompts(assistant: Assistant) -> None:
    client = assistant.client

    assert (await client.list_resources()).resources == []
    assert (await client.list_resource_templates()).resource_templates == []
    assert (await client.list_prompts()).prompts == []
    with pytest.raises(MCPError, match="Resource not found"):
        await client.read_resource("test://nothing")
    with pytest.raises(MCPError, match="Unknown prompt: nothing"):
        await client.get_prompt("nothing")


async def test_the_tool_list_may_be_kept_for_an_hour(assistant: Assistant) -> None:
    listed = await assistant.client.list_tools()

    assert (listed.ttl_ms, listed.cache_scope) == (3_600_000, "public")
