"""The portal that a command works with: the operator's own, or the demo portal started for it."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bitrix24_mcp.callers.caller import Caller
from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Identity
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.rest.access.protocol import Access
from bitrix24_mcp.service import Service, service_for
from bitrix24_mcp.settings import Door, Settings, SettingsError

if TYPE_CHECKING:
    from bitrix24_mcp.pacing.bucket import Bucket
    from bitrix24_mcp.pacing.buckets import Buckets
    from bitrix24_mcp.pacing.portals import Portals
    from bitrix24_mcp.rest.access.application import Application
    from bitrix24_mcp.rest.calling.client import RestClient
    from bitrix24_mcp.vibecode.client import GatewayClient
    from bitrix24_mcp.writing import Writing

DEMO_KEY = "vibe_api_demo"


@dataclass(frozen=True, slots=True)
class Opened:
    """A portal, and what makes its writer: nothing that writes exists before somebody asks for it."""

    portal: Portal
    writer: Callable[[], Writer]


@asynccontextmanager
async def writing_through(
    door: "Opened", settings: Settings, *, demo: bool, caller: str | None = None
) -> AsyncGenerator["Writing | None"]:
    """What may be written through the door; None where nothing may.

    What is written to the demo portal, whose records end with it, is not kept among the user's own. `caller`: the one
    whose part of the journal it is; None for all of it.
    """
    if not settings.allow_writes:
        yield None
        return
    from bitrix24_mcp.intake.store import SqliteIntake  # noqa: PLC0415 - a server that only reads never loads it
    from bitrix24_mcp.journal.store import SqliteJournal  # noqa: PLC0415 - the same
    from bitrix24_mcp.writing import writing_for  # noqa: PLC0415

    with TemporaryDirectory(prefix="bitrix24-mcp-") if demo else nullcontext("") as short_lived:
        folder = Path(short_lived) if short_lived else settings.data_folder
        writing = await writing_for(
            settings,
            door.portal,
            door.writer,
            lambda: SqliteJournal.in_folder(folder, caller=caller),
            lambda: SqliteIntake.in_folder(folder),
        )
        async with writing.desk.finishing.lasting() if writing else nullcontext():
            yield writing


@asynccontextmanager
async def connected(settings: Settings, *, demo: bool) -> AsyncGenerator[Portal]:
    """A portal that is only read; see `opened`."""
    async with opened(settings, demo=demo) as door:
        yield door.portal


@asynccontextmanager
async def opened(settings: Settings, *, demo: bool) -> AsyncGenerator[Opened]:
    """A portal that is closed, and if it is the demo one stopped, at the end.

    Raises SettingsError when the settings name no portal, several, or one that is not connected.
    """
    if demo:
        from bitrix24_mcp.demo import DemoPortal  # noqa: PLC0415 - a server for a real portal never loads it

        with DemoPortal.start() as portal:
            async with _through_gateway(for_demo(settings, portal.url)) as door:
                yield door
        return
    async with _DOORS[settings.door](settings) as door:
        yield door


@asynccontextmanager
async def served_by_token(caller: Caller, door: Opened, *, demo: bool) -> AsyncGenerator[Service]:
    """What the holder of a token is served with: the operator's door, and the rest of their own."""
    async with writing_through(door, caller.settings, demo=demo, caller=caller.id) as writing:
        yield service_for(caller.settings, door.portal, writing, caller=caller.name, tenant=caller.tenant)


@asynccontextmanager
async def served_by_own_key(caller: Caller, portals: "Portals", *, demo: bool) -> AsyncGenerator[Service]:
    """What a caller with a key of their own is served with. Raises PortalError when the gateway does not take it.

    `portals`: the paces that all callers share.
    """
    async with _by_own_key(caller.settings, portals) as (door, identity):
        person = f"{identity.portal} user {identity.user_id}" if identity.user_id is not None else f"key {caller.id}"
        async with writing_through(door, caller.settings, demo=demo, caller=person) as writing:
            yield service_for(caller.settings, door.portal, writing, tenant=caller.tenant)


@asynccontextmanager
async def served_by_account(caller: Caller, buckets: "Buckets") -> AsyncGenerator[Service]:
    """What a caller is served with whose settings name a connected portal. Raises PortalError when it is not.

    `buckets`: the paces that all callers share.
    """
    from bitrix24_mcp.accounts.failures import not_connected  # noqa: PLC0415 - see below

    portal = caller.settings.portal
    try:
        application = _application(caller.settings)
    except KeyRefused as error:
        # It names the portals that are connected, and which ones others have is not for this caller.
        raise (not_connected(portal, ()) if error.candidates else error) from None
    async with (
        _directly(application, caller.settings, buckets.of(portal)) as door,
        writing_through(door, caller.settings, demo=False, caller=caller.id) as writing,
    ):
        yield service_for(caller.settings, door.portal, writing, caller=caller.name, tenant=caller.tenant)


def buckets_for(settings: Settings) -> "Buckets":
    """The paces of portals that are called directly, as fast as their plan takes it."""
    from bitrix24_mcp.pacing.bucket import ENTERPRISE  # noqa: PLC0415 - see below
    from bitrix24_mcp.pacing.buckets import Buckets  # noqa: PLC0415

    return Buckets(ENTERPRISE if settings.plan == "enterprise" else None)


@contextmanager
def gateway_for(settings: Settings, *, demo: bool) -> Generator[Settings]:
    """The settings of a server whose callers bring keys of their own: those given, or pointed at a demo portal."""
    if not demo:
        yield settings
        return
    from bitrix24_mcp.demo import DemoPortal  # noqa: PLC0415 - a server for a real portal never loads it

    with DemoPortal.start() as portal:
        yield settings.model_copy(update={"base_url": portal.url})


def for_demo(settings: Settings, url: str) -> Settings:
    """The same settings, pointed at a demo portal."""
    return settings.model_copy(update={"base_url": url, "api_key": SecretStr(DEMO_KEY), "session_token": SecretStr("")})


# Only the door that is taken is loaded: clients start the server and wait for it.


@asynccontextmanager
async def _through_gateway(settings: Settings) -> AsyncGenerator[Opened]:
    from bitrix24_mcp.vibecode.client import GatewayClient  # noqa: PLC0415 - see above
    from bitrix24_mcp.vibecode.portal import GatewayPortal  # noqa: PLC0415

    async with GatewayClient(settings.credentials()) as client:
        yield Opened(GatewayPortal(client), lambda: _gateway_writer(client))


@asynccontextmanager
async def _by_own_key(settings: Settings, portals: "Portals") -> AsyncGenerator[tuple[Opened, Identity]]:
    from bitrix24_mcp.pacing.budget import Budget  # noqa: PLC0415 - see above
    from bitrix24_mcp.vibecode.client import GatewayClient  # noqa: PLC0415
    from bitrix24_mcp.vibecode.portal import GatewayPortal  # noqa: PLC0415

    budget = Budget(portal=portals.newcomers)
    async with GatewayClient(settings.credentials(), budget=budget) as client:
        portal = GatewayPortal(client)
        identity = await portal.identity()
        budget.belongs_to(portals.of(identity.portal))
        yield Opened(portal, lambda: _gateway_writer(client)), identity


@asynccontextmanager
async def _by_webhook(settings: Settings) -> AsyncGenerator[Opened]:
    async with _directly(settings.webhook(), settings) as door:
        yield door


@asynccontextmanager
async def _by_account(settings: Settings) -> AsyncGenerator[Opened]:
    try:
        application = _application(settings)
    except PortalError as error:
        raise SettingsError(str(error)) from None
    async with _directly(application, settings) as door:
        yield door


def _application(settings: Settings) -> "Application":
    """The connected portal that the settings name; raises PortalError when it is not, or no longer."""
    from bitrix24_mcp.accounts.exchange import Exchange  # noqa: PLC0415 - see above
    from bitrix24_mcp.accounts.store import Accounts  # noqa: PLC0415
    from bitrix24_mcp.rest.access.application import Application  # noqa: PLC0415

    exchange = Exchange(settings.card())
    accounts = Accounts.open(settings.data_folder)
    return Application(accounts.account(settings.portal), accounts, exchange)


@asynccontextmanager
async def _directly(access: Access, settings: Settings, bucket: "Bucket | None" = None) -> AsyncGenerator[Opened]:
    from bitrix24_mcp.rest.calling.client import RestClient  # noqa: PLC0415 - see above
    from bitrix24_mcp.rest.portal import RestPortal  # noqa: PLC0415

    async with RestClient(access, budget=bucket or buckets_for(settings).of(access.portal)) as client:
        yield Opened(RestPortal(client), lambda: _rest_writer(client))


def _gateway_writer(client: "GatewayClient") -> Writer:
    from bitrix24_mcp.vibecode.writing import GatewayWriter  # noqa: PLC0415 - a server that only reads never loads it

    return GatewayWriter(client)


def _rest_writer(client: "RestClient") -> Writer:
    from bitrix24_mcp.rest.writing.writer import RestWriter  # noqa: PLC0415 - the same

    return RestWriter(client)


_DOORS: Mapping[Door, Callable[[Settings], AbstractAsyncContextManager[Opened]]] = {
    "gateway": _through_gateway,
    "webhook": _by_webhook,
    "account": _by_account,
}
