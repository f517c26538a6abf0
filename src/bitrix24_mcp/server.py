"""The MCP server: offers the allowed tools of one portal over any transport."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    TextContent,
)

from bitrix24_mcp import presentation
from bitrix24_mcp.asking import ClientsUser, asked
from bitrix24_mcp.crm.errors import quoted
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.reading.spending import Spending
from bitrix24_mcp.crm.shape import compact
from bitrix24_mcp.settings import Settings, SettingsError, version
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.declare import Context, Outcome, Tool, run
from bitrix24_mcp.tools.person import InputNeeded

if TYPE_CHECKING:
    from bitrix24_mcp.writing import Writing  # a server that only reads never loads it

_LISTS_KEEP = CacheHint(ttl_ms=3_600_000, scope="public")
"""The lists are the same for everyone and change only with the server's version or settings."""
_LOG = logging.getLogger(__name__)


def context_for(settings: Settings, portal: Portal, writing: "Writing | None" = None) -> Context:
    """What every call of one portal shares: made once per process, whatever the number of connections."""
    spending = Spending(settings.max_calls, settings.max_seconds)
    scopes = {tool.name: tool.scope for tool in offered(settings, writing).values()}
    metadata = Metadata(portal, zone=settings.time_zone)
    desk = writing.desk if writing else None
    return Context(portal, metadata, settings.max_tokens, spending, scopes=scopes, desk=desk)


def offered(settings: Settings, writing: "Writing | None" = None) -> dict[str, Tool[Any]]:
    """The tools that these settings allow, by name; those that write only where `writing` offers them."""
    return chosen(settings, () if writing is None else writing.tools)


def chosen(settings: Settings, writing: Sequence[Tool[Any]]) -> dict[str, Tool[Any]]:
    """The tools that read and these that write, without those that the operator left out, by name."""
    every = (*TOOLS, *writing)
    return {tool.name: tool for tool in every if not settings.tools or tool.name in settings.tools}


def check_names(settings: Settings) -> None:
    """Raises SettingsError when the settings name a tool that does not exist."""
    known = [tool.name for tool in TOOLS]
    if settings.tools.difference(known):
        from bitrix24_mcp.tools.writing import writing_tools  # noqa: PLC0415 - seldom needed

        known += [tool.name for tool in writing_tools(intake=True)]
    for name in sorted(settings.tools.difference(known)):
        raise SettingsError(f"BITRIX24_MCP_TOOLS or --tools names {name}, which is no tool; there are {quoted(known)}.")


def build_server(settings: Settings, portal: Portal, writing: "Writing | None" = None) -> Server[Any]:
    """A server for one portal. A tool that is not offered answers like an unknown name.

    `writing`: what may be written and with what; None for a server that only reads.
    """
    tools = offered(settings, writing)
    context = context_for(settings, portal, writing)
    listed = ListToolsResult(tools=[tool.on_the_wire() for tool in tools.values()])
    schemas = {tool.name: tool.input_schema for tool in listed.tools}

    async def list_tools(_: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        _check_first_page(params)
        return listed

    async def call_tool(
        request: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        tool = tools.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:100]}")
        here = replace(context, report=request.session.report_progress, person=ClientsUser(request, params))
        try:
            return _result(await _answered(tool, params.arguments or {}, here))
        except InputNeeded as needed:
            return asked(needed)

    return Server(
        presentation.NAME,
        version=version(),
        title=presentation.TITLE,
        description=presentation.DESCRIPTION,
        instructions=presentation.instructions(writes=writing is not None),
        icons=presentation.ICONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=_no_resources,
        on_list_resource_templates=_no_resource_templates,
        on_read_resource=_unknown_resource,
        on_list_prompts=_no_prompts,
        on_get_prompt=_unknown_prompt,
        on_completion=_no_completion,
        get_tool_input_schema=schemas.get,
        cache_hints={"tools/list": _LISTS_KEEP, "resources/list": _LISTS_KEEP, "prompts/list": _LISTS_KEEP},
    )


def _check_first_page(params: PaginatedRequestParams | None) -> None:
    """Every list is one page, so a cursor can only be somebody else's (the specification's pagination)."""
    if params is not None and params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "Unknown cursor")


async def _no_resources(_: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListResourcesResult:
    """Clients ask for resources and prompts whether there are any or not; an empty list is the answer they expect."""
    _check_first_page(params)
    return ListResourcesResult(resources=[])


async def _no_resource_templates(
    _: ServerRequestContext[Any], params: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    _check_first_page(params)
    return ListResourceTemplatesResult(resource_templates=[])


async def _no_prompts(_: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListPromptsResult:
    _check_first_page(params)
    return ListPromptsResult(prompts=[])


async def _unknown_resource(_: ServerRequestContext[Any], params: ReadResourceRequestParams) -> ReadResourceResult:
    raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": str(params.uri)[:200]})


async def _unknown_prompt(_: ServerRequestContext[Any], params: GetPromptRequestParams) -> GetPromptResult:
    raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name[:100]}")


async def _no_completion(_: ServerRequestContext[Any], __: CompleteRequestParams) -> CompleteResult:
    return CompleteResult(completion=Completion(values=[]))


async def _answered(tool: Tool[Any], arguments: Mapping[str, Any], context: Context) -> Outcome:
    try:
        return await run(tool, arguments, context)
    except InputNeeded:
        raise
    except Exception as error:  # noqa: BLE001 - the outermost border: a fault of ours must not end the server
        # The traceback's text could hold record content, so only its kind and place are logged.
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place is not None else "?"
        _LOG.error("%s failed with %s at %s", tool.name, type(error).__name__, where)
        text = (
            "The server itself failed on this call; nothing is known about the answer. Ask differently, and report "
            f"{type(error).__name__} at {where} to the maintainers. [INTERNAL]"
        )
        return Outcome({"error": {"code": "INTERNAL", "message": text.removesuffix(" [INTERNAL]")}}, text)


def _result(outcome: Outcome) -> CallToolResult:
    """The same compact JSON as text and as structured content; an error as readable text."""
    return CallToolResult(
        content=[TextContent(text=outcome.error or compact(outcome.content))],
        structured_content=dict(outcome.content),
        is_error=outcome.error is not None,
    )
