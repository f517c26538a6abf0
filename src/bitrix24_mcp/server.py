"""The MCP server: offers the allowed tools of one portal over any transport."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio
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
from bitrix24_mcp.crm.errors import PortalError, PortalUnavailable, quoted
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.observing.record import Call, Record, unnoted
from bitrix24_mcp.service import Service, chosen, listed, service_for
from bitrix24_mcp.settings import Settings, SettingsError, version
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.declare import Context, Outcome, Tool, failed, run
from bitrix24_mcp.tools.person import InputNeeded
from bitrix24_mcp.tools.schema import Schema, input_schema
from bitrix24_mcp.usage import Usage, counted

if TYPE_CHECKING:
    from bitrix24_mcp.writing import Writing  # a server that only reads never loads it

_LISTS_KEEP = 3_600_000
"""Milliseconds; the lists change only with the server's version or settings, or the rights of a key."""
_LOG = logging.getLogger(__name__)


def check_names(settings: Settings) -> None:
    """Raises SettingsError when the settings name a tool that does not exist."""
    known = [tool.name for tool in TOOLS]
    if settings.tools.difference(known):
        from bitrix24_mcp.tools.writing import writing_tools  # noqa: PLC0415 - seldom needed

        known += [tool.name for tool in writing_tools(intake=True)]
    for name in sorted(settings.tools.difference(known)):
        raise SettingsError(f"BITRIX24_MCP_TOOLS or --tools names {name}, which is no tool; there are {quoted(known)}.")


def build_server(
    settings: Settings, portal: Portal, writing: "Writing | None" = None, record: Record = unnoted
) -> Server[Any]:
    """A server for one portal. A tool that is not offered answers like an unknown name.

    `writing`: what may be written and with what; None for a server that only reads. `record` notes each call.
    """
    service = service_for(settings, portal, writing)

    @asynccontextmanager
    async def the_same(_: Any) -> AsyncGenerator[Service]:
        yield service

    return build_shared_server(the_same, settings, writes=writing is not None, lists_are="public", record=record)


def build_shared_server(
    served: Callable[[Any], AbstractAsyncContextManager[Service]],
    settings: Settings,
    *,
    writes: bool,
    lists_are: Literal["public", "private"],
    record: Record = unnoted,
) -> Server[Any]:
    """A server that gives each request the service of whoever makes it.

    `served` is given the HTTP request, None over stdio; where it raises PortalError a call is answered with that, and
    the list shows what reads, where that passes also what writes. `writes`: whether some may write; `lists_are`:
    whether all are offered the same tools. `record` notes each call of a tool that exists.
    """

    async def list_tools(request: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        _check_first_page(params)
        try:
            async with served(request.request) as service:
                return service.listed
        except PortalUnavailable:  # it passes, and clients keep the list: what cannot be written then says so itself
            return listed(chosen(settings, _writing_tools(settings) if writes else ()))
        except PortalError:
            return listed(chosen(settings, ()))

    async def call_tool(
        request: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        tenant, began = "", anyio.current_time()
        with counted() as usage:
            try:
                async with served(request.request) as service:
                    tenant = service.tenant
                    result = await _called(service, request, params)
            except PortalError as error:
                result = _result(failed(error))
        if record is not unnoted:
            record(_noted(params.name, tenant, anyio.current_time() - began, result, usage))
        return result

    return Server(
        presentation.NAME,
        version=version(),
        title=presentation.TITLE,
        description=presentation.DESCRIPTION,
        instructions=presentation.instructions(writes=writes),
        icons=presentation.ICONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=_no_resources,
        on_list_resource_templates=_no_resource_templates,
        on_read_resource=_unknown_resource,
        on_list_prompts=_no_prompts,
        on_get_prompt=_unknown_prompt,
        on_completion=_no_completion,
        get_tool_input_schema=_input_schemas(settings, writes=writes).get,
        cache_hints=dict.fromkeys(("tools/list", "resources/list", "prompts/list"), CacheHint(_LISTS_KEEP, lists_are)),
    )


def _noted(tool: str, tenant: str, seconds: float, result: CallToolResult | InputRequiredResult, usage: Usage) -> Call:
    if not isinstance(result, CallToolResult):
        return Call(tool, tenant, seconds, "", 0, usage)
    answered = "".join(block.text for block in result.content if isinstance(block, TextContent))
    content: Mapping[str, Any] = result.structured_content or {}
    error = cast("Mapping[str, Any]", content.get("error", {}))
    return Call(tool, tenant, seconds, str(error.get("code", "")), tokens(answered), usage)


def _input_schemas(settings: Settings, *, writes: bool) -> dict[str, Schema]:
    """Of every tool that somebody may be offered."""
    writing = _writing_tools(settings) if writes else ()
    return {name: input_schema(tool.arguments) for name, tool in chosen(settings, writing).items()}


def _writing_tools(settings: Settings) -> Sequence[Tool[Any]]:
    from bitrix24_mcp.tools.writing import writing_tools  # noqa: PLC0415 - a server that only reads never loads it

    return writing_tools(intake=settings.intake)


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


async def _called(
    service: Service, request: ServerRequestContext[Any], params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult:
    tool = service.tools.get(params.name)
    if tool is None:
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:100]}")
    person = ClientsUser(request, params, service.caller)
    here = replace(service.context, report=request.session.report_progress, person=person)
    try:
        return _result(await _answered(tool, params.arguments or {}, here))
    except InputNeeded as needed:
        return asked(needed)


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
