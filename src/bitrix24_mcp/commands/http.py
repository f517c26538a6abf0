"""The application that `serve` serves over HTTP: for whoever is on this machine, or for callers who are told apart."""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from bitrix24_mcp import presentation
from bitrix24_mcp.callers.caller import Recognition
from bitrix24_mcp.commands.connection import (
    buckets_for,
    gateway_for,
    opened,
    served_by_account,
    served_by_own_key,
    served_by_token,
    writing_through,
)
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.observing.logs import log_call
from bitrix24_mcp.observing.record import Call, Record, unnoted
from bitrix24_mcp.observing.requests import Numbered
from bitrix24_mcp.observing.routes import health_routes, metrics_route
from bitrix24_mcp.server import build_server, build_shared_server
from bitrix24_mcp.settings import Settings, SettingsError, version
from bitrix24_mcp.web import build_app, build_shared_app

if TYPE_CHECKING:
    from bitrix24_mcp.callers.tenants import Open


@dataclass(frozen=True, slots=True)
class _Watched:
    """What notes each call, and where its figures are shown."""

    record: Record
    routes: Sequence[BaseRoute]


@asynccontextmanager
async def application(settings: Settings, *, demo: bool) -> AsyncGenerator[ASGIApp]:
    """The application, with all that it works with open. Raises SettingsError when the settings do not let it."""
    opening = {"none": _for_this_machine, "token": _for_tokens, "key": _for_own_keys, "oauth": _for_people}[
        settings.auth
    ]
    with _watched(settings) as watched:
        async with opening(settings, watched, demo=demo) as app:
            yield Numbered(app)


@asynccontextmanager
async def _for_this_machine(settings: Settings, watched: _Watched, *, demo: bool) -> AsyncGenerator[ASGIApp]:
    async with (
        opened(settings, demo=demo) as door,
        writing_through(door, settings, demo=demo) as may_write,
    ):
        server = build_server(settings, door.portal, may_write, watched.record)
        yield build_app(server, [*_callback(settings), *_health(settings), *watched.routes])


@asynccontextmanager
async def _for_tokens(settings: Settings, watched: _Watched, *, demo: bool) -> AsyncGenerator[ASGIApp]:
    from bitrix24_mcp.callers.tokens import Tokens  # noqa: PLC0415 - most servers tell no callers apart

    tokens = Tokens(settings)
    async with opened(settings, demo=demo) as door:
        serve = _shared(settings, tokens, lambda caller: served_by_token(caller, door, demo=demo), watched)
        async with serve as app:
            yield app


@asynccontextmanager
async def _for_own_keys(settings: Settings, watched: _Watched, *, demo: bool) -> AsyncGenerator[ASGIApp]:
    from bitrix24_mcp.callers.own_keys import OwnKeys  # noqa: PLC0415 - as above
    from bitrix24_mcp.pacing.portals import Portals  # noqa: PLC0415

    portals = Portals()
    with gateway_for(settings, demo=demo) as there:
        keys = OwnKeys(there)
        serve = _shared(settings, keys, lambda caller: served_by_own_key(caller, portals, demo=demo), watched)
        async with serve as app:
            yield app


@asynccontextmanager
async def _for_people(settings: Settings, watched: _Watched, *, demo: bool) -> AsyncGenerator[ASGIApp]:
    from bitrix24_mcp.callers.oauth.recognition import recognising  # noqa: PLC0415 - as above

    async with recognising(settings) as people, _portals_of_people(settings, demo=demo) as open_:
        shown = replace(watched, routes=[*people.resource.routes(), *watched.routes])
        async with _shared(settings, people, open_, shown) as app:
            yield app


@asynccontextmanager
async def _portals_of_people(settings: Settings, *, demo: bool) -> AsyncGenerator["Open"]:
    """What opens the portal of each; all have the demo portal where that is served."""
    if demo:
        async with opened(settings, demo=True) as door:
            yield lambda caller: served_by_token(caller, door, demo=True)
    else:
        buckets = buckets_for(settings)
        yield lambda caller: served_by_account(caller, buckets)


@asynccontextmanager
async def _shared(
    settings: Settings, recognition: Recognition, open_: "Open", watched: _Watched
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
    beside = [*_callback(settings), *_health(settings, recognition), *watched.routes]
    async with tenants.lasting():
        yield build_shared_app(server, recognition, settings.names, beside)


def _callback(settings: Settings) -> Sequence[BaseRoute]:
    """Where browsers come back with access to a portal, if an OAuth application is set."""
    if not settings.has_card:
        return ()
    from bitrix24_mcp.accounts.handover import Handover  # noqa: PLC0415 - most servers connect no portals
    from bitrix24_mcp.accounts.store import Accounts  # noqa: PLC0415
    from bitrix24_mcp.oauth_callback import callback_route  # noqa: PLC0415

    # Opened at each call: a server whose data folder is broken still serves everything else.
    return [callback_route(lambda: Handover(settings.card(), Accounts.open(settings.data_folder)))]


def _health(settings: Settings, recognition: Recognition | None = None) -> Sequence[BaseRoute]:
    """What an administrator's watch asks: what must be there for calls is looked at each time, the portal never."""
    checks: dict[str, Callable[[], object]] = {}
    if recognition is not None:
        checks["callers"] = recognition.check
    if settings.allow_writes:
        from bitrix24_mcp.journal.store import SqliteJournal  # noqa: PLC0415 - a server that only reads has none

        checks["journal"] = lambda: SqliteJournal.in_folder(settings.data_folder)
    return health_routes(lambda: [name for name, check in checks.items() if not _passes(check)])


def _passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except (PortalError, SettingsError):
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
        yield _Watched(_all_of([*records, telemetry.record]), [metrics_route()] if scraped else ())
    finally:
        telemetry.close()


def _all_of(records: Sequence[Record]) -> Record:
    if not records:
        return unnoted

    def record(call: Call) -> None:
        for each in records:
            each(call)

    return record
