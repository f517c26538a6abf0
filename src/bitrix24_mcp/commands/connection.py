"""The portal that a command works with: the operator's own, or the demo portal started for it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pydantic import SecretStr

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.rest.access.protocol import Access
from bitrix24_mcp.settings import Door, Settings, SettingsError

DEMO_KEY = "vibe_api_demo"


@asynccontextmanager
async def connected(settings: Settings, *, demo: bool) -> AsyncGenerator[Portal]:
    """A portal that is closed, and if it is the demo one stopped, at the end.

    Raises SettingsError when the settings name no portal, several, or one that is not connected.
    """
    if demo:
        from bitrix24_mcp.demo import DemoPortal  # noqa: PLC0415 - a server for a real portal never loads it

        with DemoPortal.start() as portal:
            async with _through_gateway(for_demo(settings, portal.url)) as opened:
                yield opened
        return
    async with _DOORS[settings.door](settings) as opened:
        yield opened


def for_demo(settings: Settings, url: str) -> Settings:
    """The same settings, pointed at a demo portal."""
    return settings.model_copy(update={"base_url": url, "api_key": SecretStr(DEMO_KEY), "session_token": SecretStr("")})


# Only the door that is taken is loaded: clients start the server and wait for it.


@asynccontextmanager
async def _through_gateway(settings: Settings) -> AsyncGenerator[Portal]:
    from bitrix24_mcp.vibecode.client import GatewayClient  # noqa: PLC0415 - see above
    from bitrix24_mcp.vibecode.portal import GatewayPortal  # noqa: PLC0415

    async with GatewayClient(settings.credentials()) as client:
        yield GatewayPortal(client)


@asynccontextmanager
async def _by_webhook(settings: Settings) -> AsyncGenerator[Portal]:
    async with _directly(settings.webhook(), settings) as portal:
        yield portal


@asynccontextmanager
async def _by_account(settings: Settings) -> AsyncGenerator[Portal]:
    from bitrix24_mcp.accounts.exchange import Exchange  # noqa: PLC0415 - see above
    from bitrix24_mcp.accounts.store import Accounts  # noqa: PLC0415
    from bitrix24_mcp.rest.access.application import Application  # noqa: PLC0415

    exchange = Exchange(settings.card())
    try:
        accounts = Accounts.open(settings.data_folder)
        application = Application(accounts.account(settings.portal), accounts, exchange)
    except PortalError as error:
        raise SettingsError(str(error)) from None
    async with _directly(application, settings) as portal:
        yield portal


@asynccontextmanager
async def _directly(access: Access, settings: Settings) -> AsyncGenerator[Portal]:
    from bitrix24_mcp.pacing.bucket import ENTERPRISE, Bucket  # noqa: PLC0415 - see above
    from bitrix24_mcp.rest.calling.client import RestClient  # noqa: PLC0415
    from bitrix24_mcp.rest.portal import RestPortal  # noqa: PLC0415

    async with RestClient(access, budget=Bucket(ENTERPRISE if settings.plan == "enterprise" else None)) as client:
        yield RestPortal(client)


_DOORS: Mapping[Door, Callable[[Settings], AbstractAsyncContextManager[Portal]]] = {
    "gateway": _through_gateway,
    "webhook": _by_webhook,
    "account": _by_account,
}
