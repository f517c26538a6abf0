"""`get_portal_info`: whose eyes the answers come from."""

from typing import Any

from bitrix24_mcp.crm.about.portal_info import portal_info
from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments


class GetPortalInfo(Arguments):
    """Nothing to choose."""


class PortalInfo(Reply):
    """What the portal says of itself and of the key; what it did not say is absent."""

    portal: str | None = None
    user: dict[str, Any] | None = None
    note: str | None = None
    key_type: str | None = None
    access_mode: str | None = None
    scopes: list[str] | None = None
    tools_unavailable: list[dict[str, Any]] | None = None
    time_zone: dict[str, str]
    now: str
    currencies: dict[str, str] | None = None
    base_currency: str | None = None
    requests: dict[str, int] | None = None
    not_read: dict[str, str] | None = None


async def get_portal_info(_: GetPortalInfo, context: Context) -> PortalInfo:
    """Portal, user, scopes, clock, currencies and limits."""
    return PortalInfo.model_validate(await portal_info(context.portal, context.metadata, context.scopes))


TOOL = Tool(
    name="get_portal_info",
    title="Show portal, user and limits",
    description="Tells whose eyes the answers come from: portal, user, access mode, scopes and what they leave closed, "
    "time zone and present moment, currencies, requests left. Call it for “today”, or when access is refused.",
    arguments=GetPortalInfo,
    replies=(PortalInfo,),
    annotations=READS,
    handler=get_portal_info,
)
