"""What replicas share: the link to Redis, where one is set, and the paces of portals over it."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from bitrix24_mcp.settings import Settings, SettingsError
from bitrix24_mcp.vibecode.credentials import Credentials, host_of

if TYPE_CHECKING:
    from bitrix24_mcp.pacing.bucket import Bucket
    from bitrix24_mcp.pacing.budget import Budget
    from bitrix24_mcp.pacing.portals import Portals
    from bitrix24_mcp.sharing.link import Link

# What is shared, and whatever else only one of the doors needs, is loaded by those that need it.


@asynccontextmanager
async def linked(settings: Settings) -> AsyncGenerator["Link | None"]:
    """The link to the Redis that is set, which need not be there yet; None without. Raises SettingsError."""
    address = settings.redis.get_secret_value()
    if not address:
        yield None
        return
    from bitrix24_mcp.sharing.link import Link  # noqa: PLC0415 - see above

    async with AsyncExitStack() as opened:
        try:
            link = await opened.enter_async_context(Link.opened(address))
        except ImportError:
            raise SettingsError("BITRIX24_MCP_REDIS needs the extra team: install bitrix24-mcp[team].") from None
        except ValueError:  # its text may hold the address
            raise SettingsError(
                "BITRIX24_MCP_REDIS must be the address of a Redis server, such as redis://redis.example:6379/0."
            ) from None
        yield link


def budget_for(credentials: Credentials, settings: Settings, link: "Link | None") -> "Budget":
    """The budget of the operator's key: its own, or the one that all replicas with this key share.

    The portal of the key is not asked for, so that its pace has the key's name: servers with several keys of one portal
    know of each other only where callers bring keys of their own.
    """
    from bitrix24_mcp.pacing.budget import Budget  # noqa: PLC0415 - see above

    if link is None:
        return Budget()
    from bitrix24_mcp.pacing.shared_gateway import SharedGateway  # noqa: PLC0415

    key = credentials.digest
    return Budget(portal=SharedGateway(link, credentials.host, settings.replicas).pace(f":key:{key}"), key=key)


def portals_for(settings: Settings, link: "Link | None") -> "Portals":
    """The paces of the portals behind the gateway, whose callers bring keys of their own."""
    from bitrix24_mcp.pacing.portals import Portals  # noqa: PLC0415 - see above

    if link is None:
        return Portals()
    from bitrix24_mcp.pacing.shared_gateway import SharedGateway  # noqa: PLC0415

    return Portals(SharedGateway(link, host_of(settings.base_url), settings.replicas))


def bucket_for(portal: str, settings: Settings, link: "Link | None") -> "Bucket":
    """The budget of a portal's own REST, by the portal's address."""
    from bitrix24_mcp.pacing.bucket import ENTERPRISE, Bucket, Capacity  # noqa: PLC0415 - see above

    capacity = ENTERPRISE if settings.plan == "enterprise" else Capacity()
    if link is None:
        return Bucket(capacity)
    from bitrix24_mcp.pacing.shared_bucket import SharedBucket  # noqa: PLC0415

    return Bucket(capacity, grants=SharedBucket(link, portal, capacity, replicas=settings.replicas))
