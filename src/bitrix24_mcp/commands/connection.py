"""The portal that a command works with: the operator's own, or the demo portal started for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from bitrix24_mcp.settings import Settings
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal

DEMO_KEY = "vibe_api_demo"


@asynccontextmanager
async def connected(settings: Settings, *, demo: bool) -> AsyncGenerator[GatewayPortal]:
    """A portal that is closed, and if it is the demo one stopped, at the end. Raises SettingsError without a key."""
    if demo:
        from bitrix24_mcp.demo import DemoPortal  # noqa: PLC0415 - a server for a real portal never loads it

        with DemoPortal.start() as portal:
            async with _opened(for_demo(settings, portal.url)) as opened:
                yield opened
        return
    async with _opened(settings) as opened:
        yield opened


def for_demo(settings: Settings, url: str) -> Settings:
    """The same settings, pointed at a demo portal."""
    return settings.model_copy(update={"base_url": url, "api_key": SecretStr(DEMO_KEY), "session_token": SecretStr("")})


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[GatewayPortal]:
    async with GatewayClient(settings.credentials()) as client:
        yield GatewayPortal(client)
