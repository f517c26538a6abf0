"""A bare server on the official SDK with as many tools as ours, all of which do nothing: what the SDK itself costs."""

import sys
from typing import Any

import anyio
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent, Tool

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"entity": {"type": "string", "description": "Anything"}}}
TOOLS = [Tool(name=f"tool_{number}", description="Does nothing. " * 20, input_schema=SCHEMA) for number in range(9)]


async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=TOOLS)


async def call_tool(_: ServerRequestContext[Any], __: CallToolRequestParams) -> CallToolResult:
    content: dict[str, Any] = {"rows": [{"count": 12_000}], "total": 12_000, "complete": True}
    return CallToolResult(content=[TextContent(text='{"rows":[{"count":12000}]}')], structured_content=content)


SERVER: Server[Any] = Server(
    "bare", version="1", on_list_tools=list_tools, on_call_tool=call_tool, get_tool_input_schema=lambda _: SCHEMA
)


async def over_stdio() -> None:
    async with stdio_server() as (reading, writing):
        await SERVER.run(reading, writing, SERVER.create_initialization_options())


if __name__ == "__main__":
    if sys.argv[1:]:
        app = SERVER.streamable_http_app()
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
    else:
        anyio.run(over_stdio)
