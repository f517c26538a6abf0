"""Whether this server writes, and which tools it offers for that: asked of the key once, when it starts."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.intake.rules import Intake
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Identity
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.crm.writing.desk import Desk, Rules
from bitrix24_mcp.crm.writing.fate import settle
from bitrix24_mcp.crm.writing.journal import OPEN, Journal
from bitrix24_mcp.crm.writing.pending import Confirmations, Pending
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools.declare import Tool
from bitrix24_mcp.tools.writing import writing_tools

_PATIENCE = 10.0
"""Seconds that a start waits for the portal to say what the key may do."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Writing:
    """What may be written with: the desk, and the tools that are offered for it."""

    desk: Desk
    tools: tuple[Tool[Any], ...]


async def writing_for(
    settings: Settings,
    portal: Portal,
    writer: Callable[[], Writer],
    journal: Callable[[], Journal],
    intake: Callable[[], Intake] | None = None,
    confirmations: Callable[[], Confirmations] | None = None,
    *,
    insisting: bool = False,
) -> Writing | None:
    """What this server may write with; None when the operator, the key or the journal does not let it write.

    A key that only reads, or without a scope, keeps the tools out. What an earlier run left open is looked up.
    `intake` makes what keeps intake rules, where the operator wants them; `confirmations` what keeps codes of previews
    where several replicas answer. `insisting`: what the key may do is waited for as long as the portal takes, and
    raises PortalError when it cannot be known: nobody is told that they may not write only because the portal is slow.
    """
    if not settings.allow_writes:
        return None
    identity = await portal.identity() if insisting else await _identity(portal)
    if identity is None:
        return None
    try:
        tools = allowed(identity, intake=settings.intake and intake is not None)
        if not tools:
            _LOG.warning("Nothing can be written: the key only reads, or lacks the scope crm.")
            return None
        desk = Desk(
            writer(),
            journal(),
            Rules(settings.allow_deletes, settings.confirm),
            pending=Pending(confirmations()) if confirmations is not None else Pending(),
            intake=intake() if settings.intake and intake is not None else None,
        )
    except PortalError as error:
        _LOG.warning("Nothing can be written: %s", error)
        return None
    try:
        with anyio.move_on_after(_PATIENCE):
            await _look_up(desk, portal, identity, settings)
    except PortalError as error:  # each write looks it up again, and is not made without
        _LOG.warning("What is open in the journal could not be looked up: %s", error)
    return Writing(desk, tools)


def allowed(identity: Identity, *, intake: bool = False) -> tuple[Tool[Any], ...]:
    """The tools that write which this key can serve; a portal that states no scopes may have them all.

    `intake`: those for intake rules as well.
    """
    if identity.access_mode.upper() == "READONLY":
        return ()
    return tuple(
        tool
        for tool in writing_tools(intake=intake)
        if (not identity.scopes or tool.scope in identity.scopes) and (not tool.directly or identity.direct)
    )


async def _identity(portal: Portal) -> Identity | None:
    """What the key may do, if the portal says it soon; a start does not fail over that."""
    try:
        with anyio.fail_after(_PATIENCE):
            return await portal.identity()
    except TimeoutError:
        _LOG.warning("Nothing can be written: the portal did not say in time what the key may do.")
    except PortalError as error:
        _LOG.warning("Nothing can be written: %s", error)
    return None


async def _look_up(desk: Desk, portal: Portal, identity: Identity, settings: Settings) -> None:
    for operation in await settle(desk.journal, identity.portal, Metadata(portal, zone=settings.time_zone)):
        if any(each.state in OPEN for each in operation.entries):
            _LOG.warning("Nobody knows what became of a part of operation %s; see the journal.", operation.number)
