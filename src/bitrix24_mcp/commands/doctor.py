"""`doctor`: what is wrong with key or webhook, scopes, rights or connection, and how to mend it."""

from argparse import Namespace
from collections.abc import Awaitable, Callable

import anyio

from bitrix24_mcp.commands.connection import connected
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.catalogue.scopes import closed
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Identity, WorkflowQuery
from bitrix24_mcp.server import offered
from bitrix24_mcp.settings import Settings


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints one line a check; 0 when the portal can be served, even if some tools cannot answer."""
    return anyio.run(_examine, settings, options.demo, terminal)


async def _examine(settings: Settings, demo: bool, terminal: Terminal) -> int:  # noqa: FBT001 - as in call.py
    async with connected(settings, demo=demo) as portal:
        try:
            identity = await portal.identity()
        except PortalError as error:
            _line(terminal, _opened_by(settings, demo=demo), error)
            return 1
        _describe(terminal, identity, _opened_by(settings, demo=demo))
        _say_closed(terminal, identity, settings)
        metadata = Metadata(portal, zone=settings.time_zone)
        checks = _checks(portal, metadata)
        failed = [what for what, check in checks.items() if not await _passes(terminal, what, check)]
        zone = await metadata.zone()
    terminal.say(f"{_mark(terminal, good=True)} time zone: {zone}")
    terminal.say(
        "All tools can answer." if not failed else f"Cannot answer: {', '.join(failed)}. Everything else can be served."
    )
    return 0


def _checks(portal: Portal, metadata: Metadata) -> dict[str, Callable[[], Awaitable[object]]]:
    return {
        "list_smart_processes": metadata.smart_processes,
        "get_status_items": lambda: metadata.directory("SOURCE"),
        "list_workflows": lambda: portal.workflows(WorkflowQuery()),
        "search_items (deals)": lambda: metadata.fields(DEALS),
        "aggregate (deals)": lambda: portal.count(DEALS, ()),
        "names of users": lambda: portal.users([1]),
    }


async def _passes(terminal: Terminal, what: str, check: Callable[[], Awaitable[object]]) -> bool:
    try:
        await check()
    except PortalError as error:
        _line(terminal, what, error)
        return False
    _line(terminal, what, None)
    return True


def _opened_by(settings: Settings, *, demo: bool) -> str:
    door = "gateway" if demo else settings.door
    return {"gateway": "key", "webhook": "webhook", "account": "account"}[door] + " and connection"


def _describe(terminal: Terminal, identity: Identity, opened_by: str) -> None:
    user = f"user {identity.user_id}" if identity.user_id is not None else "its owner"
    rights = {True: "a portal administrator", False: "no portal administrator", None: ""}[identity.admin]
    told = [identity.portal or "portal not named", f"acting as {user}", rights, identity.access_mode]
    _line(terminal, f"{opened_by}: {', '.join(filter(None, told))}", None)
    terminal.say(f"  scopes: {', '.join(identity.scopes) or 'none stated'}")


def _say_closed(terminal: Terminal, identity: Identity, settings: Settings) -> None:
    """What the key's scopes leave closed; nothing where the portal did not state them."""
    scopes = {tool.name: tool.scope for tool in offered(settings).values()}
    for each in closed(identity.scopes, scopes) if identity.scopes else []:
        what = ", ".join([*each.get("tools", []), *each.get("entities", [])])
        terminal.say(f"  without the scope {each['missing_scope']}: no {what}")


def _line(terminal: Terminal, what: str, error: PortalError | None) -> None:
    reason = f": {error}" if error else ""
    terminal.say(f"{_mark(terminal, good=error is None)} {what}{reason}")


def _mark(terminal: Terminal, *, good: bool) -> str:
    return terminal.styled("ok  ", "green") if good else terminal.styled("FAIL", "red", "bold")
