"""`doctor`: what is wrong with key or webhook, scopes, rights or connection, and how to mend it."""

import re
from argparse import Namespace
from collections.abc import Awaitable, Callable

import anyio

from bitrix24_mcp.commands.backing import backed
from bitrix24_mcp.commands.connection import connected
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.about.portal_info import OWN_EYES
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.catalogue.scopes import closed
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Identity, WorkflowQuery
from bitrix24_mcp.service import offered
from bitrix24_mcp.settings import Settings

_TO_DOCTOR = re.compile(r"[;,] `bitrix24-mcp doctor`[^.]*")
"""What errors advise elsewhere."""
_FURTHER = {
    "UNEXPECTED_ANSWER": " If it stays so, open the portal in a browser: it may be closed, moved or behind a sign-in.",
}
"""What to do next where asking again is all that an error advises."""


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints one line a check; 0 when the portal can be served, even if some tools cannot answer."""
    return anyio.run(_examine, settings, options.demo, terminal)


async def _examine(settings: Settings, demo: bool, terminal: Terminal) -> int:  # noqa: FBT001 - as in call.py
    async with backed(settings) as backing, connected(settings, backing, demo=demo) as portal:
        metadata = Metadata(portal, zone=settings.time_zone)
        try:
            identity = await portal.identity()
        except PortalError as error:
            _line(terminal, _opened_by(settings, demo=demo), error)
            return 1
        _describe(terminal, identity, await _name(metadata, identity), _opened_by(settings, demo=demo))
        if not demo:
            _say_moved(terminal, identity, settings)
        gaps = _say_closed(terminal, identity, settings)
        _say_writing(terminal, identity, settings)
        checks = _checks(portal, metadata)
        failed = [what for what, check in checks.items() if not await _passes(terminal, what, check)]
        await _say_zone(terminal, metadata)
    beside = ", but for what the missing scopes close" if gaps else ""
    terminal.say(
        f"Cannot answer: {', '.join(failed)}. Everything else can be served{beside}."
        if failed
        else f"All tools can answer{beside}."
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


async def _say_zone(terminal: Terminal, metadata: Metadata) -> None:
    try:
        _line(terminal, f"time zone: {await metadata.zone()}", None)
    except PortalError as error:
        _line(terminal, "time zone", error)


def _opened_by(settings: Settings, *, demo: bool) -> str:
    door = "gateway" if demo else settings.door
    return {"gateway": "key", "webhook": "webhook", "account": "account"}[door] + " and connection"


async def _name(metadata: Metadata, identity: Identity) -> str:
    """What the user is called; empty where that cannot be read, as the check of users says then."""
    try:
        return next(iter((await metadata.users([identity.user_id or 0])).values()), "")
    except PortalError:
        return ""


def _describe(terminal: Terminal, identity: Identity, name: str, opened_by: str) -> None:
    user = f"user {identity.user_id}" if identity.user_id is not None else "its owner"
    rights = {True: "a portal administrator", False: "no portal administrator", None: ""}[identity.admin]
    acting = f"acting as {name} ({user})" if name else f"acting as {user}"
    told = [identity.portal or "portal not named", acting, rights, identity.access_mode]
    _line(terminal, f"{opened_by}: {', '.join(filter(None, told))}", None)
    if identity.admin is False:
        terminal.say(f"  {OWN_EYES}")
    terminal.say(f"  scopes: {', '.join(identity.scopes) or 'none stated'}")


def _say_moved(terminal: Terminal, identity: Identity, settings: Settings) -> None:
    """Where the portal is now, when that is another host than the one that is set."""
    if settings.door == "webhook" and identity.portal != settings.webhook().portal:
        terminal.say(
            f"  the portal has moved to {identity.portal}: put this host in the place of the old one in "
            "BITRIX24_WEBHOOK_URL."
        )
    if settings.door == "account" and identity.portal != settings.portal:
        terminal.say(f"  the portal has moved to {identity.portal}: run `bitrix24-mcp connect {identity.portal}`.")


def _say_closed(terminal: Terminal, identity: Identity, settings: Settings) -> bool:
    """What the key's scopes leave closed, and whether that is anything; nothing where the portal did not state them."""
    scopes = {tool.name: tool.scope for tool in offered(settings).values()}
    gaps = closed(identity.scopes, scopes, directly=identity.direct) if identity.scopes else []
    for each in gaps:
        what = ", ".join([*each.get("tools", []), *each.get("entities", [])])
        terminal.say(f"  without the scope {each['missing_scope']}: no {what}")
    return bool(gaps)


def _say_writing(terminal: Terminal, identity: Identity, settings: Settings) -> None:
    """Which tools may write, where the operator lets them."""
    if not settings.allow_writes:
        return
    from bitrix24_mcp.writing import allowed  # noqa: PLC0415 - a server that only reads never loads it

    names = [tool.name for tool in allowed(identity, intake=settings.intake)]
    deletes = "" if settings.allow_deletes else "; records cannot be deleted"
    nothing = "nothing: the key only reads, or lacks the scope crm"
    terminal.say(f"  writes: {', '.join(names) + deletes if names else nothing}")


def _line(terminal: Terminal, what: str, error: PortalError | None) -> None:
    reason = f": {error.message} {_advice(error)} [{error.code}]" if error else ""
    terminal.say(f"{_mark(terminal, good=error is None)} {what}{reason}")


def _advice(error: PortalError) -> str:
    return _TO_DOCTOR.sub("", error.advice) + _FURTHER.get(error.code, "")


def _mark(terminal: Terminal, *, good: bool) -> str:
    return terminal.styled("ok  ", "green") if good else terminal.styled("FAIL", "red", "bold")
