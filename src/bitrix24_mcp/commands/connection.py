"""The portal that a command works with: the operator's own, or the demo portal started for it."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bitrix24_mcp.callers.caller import Caller
from bitrix24_mcp.commands.backing import Backing, accounts_in
from bitrix24_mcp.commands.sharing import bucket_for, budget_for
from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.crm.portal import Portal, SharedDescriptions
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
    from bitrix24_mcp.sharing.link import Link
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
    door: "Opened", settings: Settings, backing: Backing, *, caller: str | None = None
) -> AsyncGenerator["Writing | None"]:
    """What may be written through the door; None where nothing may.

    `backing`: where the journal is. `caller`: the one whose part of it it is; None for all of it.
    """
    if not settings.allow_writes:
        yield None
        return
    from bitrix24_mcp.confirmations.store import StoredConfirmations  # noqa: PLC0415 - where only read, never loaded
    from bitrix24_mcp.intake.store import StoredIntake  # noqa: PLC0415 - the same
    from bitrix24_mcp.journal.store import StoredJournal  # noqa: PLC0415 - the same
    from bitrix24_mcp.writing import writing_for  # noqa: PLC0415

    place = backing.place
    writing = await writing_for(
        settings,
        door.portal,
        door.writer,
        lambda: StoredJournal.kept_in(place, caller=caller),
        lambda: StoredIntake.kept_in(place),
        (lambda: StoredConfirmations.kept_in(place, caller or "")) if settings.has_database else None,
        insisting=caller is not None,
    )
    async with writing.desk.finishing.lasting() if writing else nullcontext():
        yield writing


@asynccontextmanager
async def connected(settings: Settings, backing: Backing, *, demo: bool) -> AsyncGenerator[Portal]:
    """A portal that is only read; see `opened`."""
    async with opened(settings, backing, demo=demo) as door:
        yield door.portal


@asynccontextmanager
async def opened(settings: Settings, backing: Backing, *, demo: bool) -> AsyncGenerator[Opened]:
    """A portal that is closed, and if it is the demo one stopped, at the end.

    Raises SettingsError when the settings name no portal, several, or one that is not connected.
    """
    if demo:
        from bitrix24_mcp.demo import DemoPortal  # noqa: PLC0415 - a server for a real portal never loads it

        with DemoPortal.start() as portal:
            async with _through_gateway(for_demo(settings, portal.url), backing) as door:
                yield door
        return
    async with _DOORS[settings.door](settings, backing) as door:
        yield door


@asynccontextmanager
async def served_by_token(caller: Caller, door: Opened, backing: Backing) -> AsyncGenerator[Service]:
    """What the holder of a token is served with: the operator's door, and the rest of their own."""
    shared = _shared(caller, door.portal, backing.link)
    async with writing_through(door, caller.settings, backing, caller=caller.id) as writing:
        yield service_for(
            caller.settings, door.portal, writing, caller=caller.name, tenant=caller.tenant, shared=shared
        )


@asynccontextmanager
async def served_by_own_key(caller: Caller, portals: "Portals", backing: Backing) -> AsyncGenerator[Service]:
    """What a caller with a key of their own is served with. Raises PortalError when the gateway does not take it.

    `portals`: the paces that all callers share.
    """
    async with _by_own_key(caller.settings, portals) as (door, identity):
        person = f"{identity.portal} user {identity.user_id}" if identity.user_id is not None else f"key {caller.id}"
        async with writing_through(door, caller.settings, backing, caller=person) as writing:
            shared = _shared(caller, door.portal, backing.link)
            yield service_for(caller.settings, door.portal, writing, tenant=caller.tenant, shared=shared)


@asynccontextmanager
async def served_by_account(caller: Caller, buckets: "Buckets", backing: Backing) -> AsyncGenerator[Service]:
    """What a caller is served with whose settings name a connected portal. Raises PortalError when it is not.

    `buckets`: the paces that all callers share.
    """
    from bitrix24_mcp.accounts.failures import not_connected  # noqa: PLC0415 - see below

    try:
        application = await _application(caller.settings, backing)
    except KeyRefused as error:
        # It names the portals that are connected, and which ones others have is not for this caller.
        raise (not_connected(caller.settings.portal, ()) if error.candidates else error) from None
    async with (
        _directly(application, caller.settings, backing, buckets.of(application.portal)) as door,
        writing_through(door, caller.settings, backing, caller=caller.id) as writing,
    ):
        shared = _shared(caller, door.portal, backing.link)
        yield service_for(
            caller.settings, door.portal, writing, caller=caller.name, tenant=caller.tenant, shared=shared
        )


def buckets_for(settings: Settings, backing: Backing) -> "Buckets":
    """The paces of portals that are called directly, as fast as their plan takes it."""
    from bitrix24_mcp.pacing.buckets import Buckets  # noqa: PLC0415 - see below

    return Buckets(lambda portal: bucket_for(portal, settings, backing.link))


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


def _shared(caller: Caller, portal: Portal, link: "Link | None") -> SharedDescriptions | None:
    """The portal's descriptions as the caller's replicas share them; each replica has a demo portal of its own."""
    if link is None:
        return None
    from bitrix24_mcp.sharing.described import Described  # noqa: PLC0415 - most servers share nothing

    return Described(portal, link, caller.eyes)


# Only the door that is taken is loaded: clients start the server and wait for it.


@asynccontextmanager
async def _through_gateway(settings: Settings, backing: Backing) -> AsyncGenerator[Opened]:
    from bitrix24_mcp.vibecode.client import GatewayClient  # noqa: PLC0415 - see above
    from bitrix24_mcp.vibecode.portal import GatewayPortal  # noqa: PLC0415

    credentials = settings.credentials()
    async with GatewayClient(credentials, budget=budget_for(credentials, settings, backing.link)) as client:
        yield Opened(GatewayPortal(client), lambda: _gateway_writer(client))


@asynccontextmanager
async def _by_own_key(settings: Settings, portals: "Portals") -> AsyncGenerator[tuple[Opened, Identity]]:
    from bitrix24_mcp.pacing.budget import Budget  # noqa: PLC0415 - see above
    from bitrix24_mcp.vibecode.client import GatewayClient  # noqa: PLC0415
    from bitrix24_mcp.vibecode.portal import GatewayPortal  # noqa: PLC0415

    credentials = settings.credentials()
    budget = Budget(portal=await portals.of_key(credentials.digest), key=credentials.digest)
    async with GatewayClient(credentials, budget=budget) as client:
        portal = GatewayPortal(client)
        identity = await portal.identity()
        budget.belongs_to(await portals.learn(credentials.digest, identity.portal))
        yield Opened(portal, lambda: _gateway_writer(client)), identity


@asynccontextmanager
async def _by_webhook(settings: Settings, backing: Backing) -> AsyncGenerator[Opened]:
    async with _directly(settings.webhook(), settings, backing) as door:
        yield door


@asynccontextmanager
async def _by_account(settings: Settings, backing: Backing) -> AsyncGenerator[Opened]:
    try:
        application = await _application(settings, backing)
    except PortalError as error:
        raise SettingsError(str(error)) from None
    async with _directly(application, settings, backing) as door:
        yield door


async def _application(settings: Settings, backing: Backing) -> "Application":
    """The connected portal that the settings name; raises PortalError when it is not, or no longer."""
    from bitrix24_mcp.accounts.exchange import Exchange  # noqa: PLC0415 - see above
    from bitrix24_mcp.rest.access.application import Application  # noqa: PLC0415

    exchange = Exchange(settings.card())
    accounts = accounts_in(backing.place, settings)
    return Application(await accounts.account(settings.portal), accounts, exchange)


@asynccontextmanager
async def _directly(
    access: Access, settings: Settings, backing: Backing, bucket: "Bucket | None" = None
) -> AsyncGenerator[Opened]:
    from bitrix24_mcp.rest.calling.client import RestClient  # noqa: PLC0415 - see above
    from bitrix24_mcp.rest.portal import RestPortal  # noqa: PLC0415

    async with RestClient(access, budget=bucket or bucket_for(access.portal, settings, backing.link)) as client:
        yield Opened(RestPortal(client), lambda: _rest_writer(client))


def _gateway_writer(client: "GatewayClient") -> Writer:
    from bitrix24_mcp.vibecode.writing import GatewayWriter  # noqa: PLC0415 - a server that only reads never loads it

    return GatewayWriter(client)


def _rest_writer(client: "RestClient") -> Writer:
    from bitrix24_mcp.rest.writing.writer import RestWriter  # noqa: PLC0415 - the same

    return RestWriter(client)


_DOORS: Mapping[Door, Callable[[Settings, Backing], AbstractAsyncContextManager[Opened]]] = {
    "gateway": _through_gateway,
    "webhook": _by_webhook,
    "account": _by_account,
}
