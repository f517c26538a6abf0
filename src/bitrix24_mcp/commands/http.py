"""The application that `serve` serves over HTTP: for whoever is on this machine, or for callers who are told apart."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from bitrix24_mcp import presentation
from bitrix24_mcp.callers.caller import Recognition
from bitrix24_mcp.commands.backing import Backing, accounts_in, backed
from bitrix24_mcp.commands.connection import (
    buckets_for,
    gateway_for,
    opened,
    served_by_account,
    served_by_own_key,
    served_by_token,
    writing_through,
)
from bitrix24_mcp.commands.sharing import portals_for
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.observing.logs import log_call
from bitrix24_mcp.observing.record import Call, Record, unnoted
from bitrix24_mcp.observing.requests import Numbered
from bitrix24_mcp.observing.routes import health_routes, metrics_route
from bitrix24_mcp.server import build_server, build_shared_server
from bitrix24_mcp.settings import Settings, SettingsError, version
from bitrix24_mcp.sharing.link import Absent
from bitrix24_mcp.web import build_app, build_shared_app

if TYPE_CHECKING:
    from bitrix24_mcp.callers.tenants import Open


@dataclass(frozen=True, slots=True)
class _Watched:
    """What notes each call, where its figures are shown, and what is told how to ask how often Redis was lost."""

    record: Record
    routes: Sequence[BaseRoute]
    watch_losses: Callable[[Callable[[], int]], object] = lambda _: None


@asynccontextmanager
async def application(settings: Settings, *, demo: bool) -> AsyncGenerator[ASGIApp]:
    """The application, with all that it works with open. Raises SettingsError when the settings do not let it."""
    opening = {"none": _for_this_machine, "token": _for_tokens, "key": _for_own_keys, "oauth": _for_people}[
        settings.auth
    ]
    with _watched(settings) as watched:
        async with backed(settings, demo=demo) as backing, opening(settings, backing, watched, demo=demo) as app:
            yield Numbered(app)


@asynccontextmanager
async def _for_this_machine(
    settings: Settings, backing: Backing, watched: _Watched, *, demo: bool
) -> AsyncGenerator[ASGIApp]:
    async with (
        opened(settings, backing, demo=demo) as door,
        writing_through(door, settings, backing) as may_write,
    ):
        server = build_server(settings, door.portal, may_write, watched.record)
        yield build_app(server, [*_callback(settings, backing), *_health(settings, backing, watched), *watched.routes])


@asynccontextmanager
async def _for_tokens(
    settings: Settings, backing: Backing, watched: _Watched, *, demo: bool
) -> AsyncGenerator[ASGIApp]:
    from bitrix24_mcp.callers.tokens import Tokens  # noqa: PLC0415 - most servers tell no callers apart

    tokens = Tokens(settings)
    async with opened(settings, backing, demo=demo) as door:
        open_ = partial(served_by_token, door=door, backing=backing)
        async with _shared(settings, tokens, open_, backing, watched) as app:
            yield app


@asynccontextmanager
async def _for_own_keys(
    settings: Settings, backing: Backing, watched: _Watched, *, demo: bool
) -> AsyncGenerator[ASGIApp]:
    from bitrix24_mcp.callers.own_keys import OwnKeys  # noqa: PLC0415 - as above

    with gateway_for(settings, demo=demo) as there:
        open_ = partial(served_by_own_key, portals=portals_for(there, backing.link), backing=backing)
        async with _shared(settings, OwnKeys(there), open_, backing, watched) as app:
            yield app


@asynccontextmanager
async def _for_people(
    settings: Settings, backing: Backing, watched: _Watched, *, demo: bool
) -> AsyncGenerator[ASGIApp]:
    from bitrix24_mcp.callers.oauth.recognition import recognising  # noqa: PLC0415 - as above

    async with recognising(settings) as people, _portals_of_people(settings, backing, demo=demo) as open_:
        shown = replace(watched, routes=[*people.resource.routes(), *watched.routes])
        async with _shared(settings, people, open_, backing, shown) as app:
            yield app


@asynccontextmanager
async def _portals_of_people(settings: Settings, backing: Backing, *, demo: bool) -> AsyncGenerator["Open"]:
    """What opens the portal of each; all have the demo portal where that is served."""
    if demo:
        async with opened(settings, backing, demo=True) as door:
            yield partial(served_by_token, door=door, backing=backing)
    else:
        yield partial(served_by_account, buckets=buckets_for(settings, backing), backing=backing)


@asynccontextmanager
async def _shared(
    settings: Settings, recognition: Recognition, open_: "Open", backing: Backing, watched: _Watched
) -> AsyncGenerator[ASGIApp]:
    from bitrix24_mcp.callers.guard import CALLER  # noqa: PLC0415 - as above
    from bitrix24_mcp.callers.tenants import Tenants  # noqa: PLC0415

    tenants = Tenants(open_)
    server = build_shared_server(
        lambda request: tenants.service(request.scope[CALLER]),
        settings,
        writes=settings.allow_writes,
        lists_are="private",
        record=watched.record,
    )
    beside = [*_callback(settings, backing), *_health(settings, backing, watched, recognition), *watched.routes]
    async with tenants.lasting():
        yield build_shared_app(server, recognition, settings.names, beside)


def _callback(settings: Settings, backing: Backing) -> Sequence[BaseRoute]:
    """Where browsers come back with access to a portal, if an OAuth application is set."""
    if not settings.has_card:
        return ()
    from bitrix24_mcp.accounts.handover import Handover  # noqa: PLC0415 - most servers connect no portals
    from bitrix24_mcp.oauth_callback import callback_route  # noqa: PLC0415

    # Opened at each call: a server whose data folder is broken still serves everything else.
    return [callback_route(lambda: Handover(settings.card(), accounts_in(backing.place, settings)))]


def _health(
    settings: Settings, backing: Backing, watched: _Watched, recognition: Recognition | None = None
) -> Sequence[BaseRoute]:
    """What an administrator's watch asks: what calls need, and what they can do without, is looked at each time.

    The portal is never asked. Without Redis or a database that replicas share, this one goes on as far as it can.
    """
    checks: dict[str, Callable[[], Awaitable[object]]] = {}
    aids: dict[str, Callable[[], Awaitable[object]]] = {}
    if recognition is not None:

        async def callers() -> None:
            recognition.check()

        checks["callers"] = callers
    if settings.allow_writes:
        from bitrix24_mcp.journal.store import StoredJournal  # noqa: PLC0415 - a server that only reads has none

        async def journal() -> None:
            await StoredJournal.kept_in(backing.place).check()

        (aids if settings.has_database else checks)["database" if settings.has_database else "journal"] = journal
    if link := backing.link:
        watched.watch_losses(lambda: link.losses)
        aids["redis"] = link.check
    return health_routes(partial(_failing, checks), partial(_failing, aids))


async def _failing(checks: Mapping[str, Callable[[], Awaitable[object]]]) -> Sequence[str]:
    return [name for name, check in checks.items() if not await _passes(check)]


async def _passes(check: Callable[[], Awaitable[object]]) -> bool:
    try:
        await check()
    except (Absent, PortalError, SettingsError):
        return False
    return True


@contextmanager
def _watched(settings: Settings) -> Generator[_Watched]:
    """Figures and logs of calls, as far as somebody wants them."""
    records: list[Record] = [log_call] if settings.log_level in {"DEBUG", "INFO"} else []
    if not settings.telemetry:
        yield _Watched(_all_of(records), ())
        return
    try:
        from bitrix24_mcp.observing.telemetry import Telemetry  # noqa: PLC0415 - of an optional extra
    except ImportError:
        raise SettingsError(
            "BITRIX24_MCP_TELEMETRY needs the extra observability: install bitrix24-mcp[observability]."
        ) from None
    scraped, sent = settings.telemetry in {"prometheus", "both"}, settings.telemetry in {"otlp", "both"}
    telemetry = Telemetry(presentation.NAME, version(), scraped=scraped, sent=sent)
    try:
        yield _Watched(
            _all_of([*records, telemetry.record]), [metrics_route()] if scraped else (), telemetry.watch_losses
        )
    finally:
        telemetry.close()


def _all_of(records: Sequence[Record]) -> Record:
    if not records:
        return unnoted

    def record(call: Call) -> None:
        for each in records:
            each(call)

    return record
