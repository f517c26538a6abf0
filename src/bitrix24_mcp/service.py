"""What a caller is served: the tools that are offered, and what their calls work with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mcp_types import ListToolsResult

from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal, SharedDescriptions
from bitrix24_mcp.crm.reading.spending import Spending
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.declare import Context, Tool

if TYPE_CHECKING:
    from bitrix24_mcp.writing import Writing  # a server that only reads never loads it


@dataclass(frozen=True)
class Service:
    """Tools by name, and the context of their calls.

    `caller`: what the operator calls the caller; `tenant`: a word for them that tells nothing. Both are empty where
    callers are not told apart.
    """

    tools: Mapping[str, Tool[Any]]
    context: Context
    caller: str = ""
    tenant: str = ""

    @cached_property
    def listed(self) -> ListToolsResult:
        """The answer to `tools/list`."""
        return listed(self.tools)


def service_for(
    settings: Settings,
    portal: Portal,
    writing: "Writing | None" = None,
    *,
    caller: str = "",
    tenant: str = "",
    shared: SharedDescriptions | None = None,
) -> Service:
    """The service of one portal. A tool that is not offered answers like an unknown name.

    `shared`: the portal's descriptions, where other replicas serve the same caller.
    """
    context = context_for(settings, portal, writing, whose=tenant, shared=shared)
    return Service(offered(settings, writing), context, caller, tenant)


def listed(tools: Mapping[str, Tool[Any]]) -> ListToolsResult:
    """These tools as clients see them."""
    return ListToolsResult(tools=[tool.on_the_wire() for tool in tools.values()])


def context_for(
    settings: Settings,
    portal: Portal,
    writing: "Writing | None" = None,
    *,
    whose: str = "",
    shared: SharedDescriptions | None = None,
) -> Context:
    """What every call of one portal shares: made once for it, or for each caller, by the word `whose`."""
    spending = Spending(settings.max_calls, settings.max_seconds)
    scopes = {tool.name: tool.scope for tool in offered(settings, writing).values()}
    metadata = Metadata(portal, zone=settings.time_zone, whose=whose, shared=shared)
    desk = writing.desk if writing else None
    return Context(portal, metadata, settings.max_tokens, spending, scopes=scopes, desk=desk)


def offered(settings: Settings, writing: "Writing | None" = None) -> dict[str, Tool[Any]]:
    """The tools that these settings allow, by name; those that write only where `writing` offers them."""
    return chosen(settings, () if writing is None else writing.tools)


def chosen(settings: Settings, writing: Sequence[Tool[Any]]) -> dict[str, Tool[Any]]:
    """The tools that read and these that write, without those that the operator left out, by name."""
    every = (*TOOLS, *writing)
    return {tool.name: tool for tool in every if not settings.tools or tool.name in settings.tools}
