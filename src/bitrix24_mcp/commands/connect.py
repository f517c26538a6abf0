"""`connect`: a person allows the application into a portal, and the portal's tokens are kept."""

import threading
import webbrowser
from argparse import Namespace
from collections.abc import Callable

import anyio
from starlette.applications import Starlette

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.addresses import host_of
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.handover import Callback, Handover
from bitrix24_mcp.commands.backing import accounts_in, backed
from bitrix24_mcp.commands.signals import on_stop
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.oauth_callback import PATH, Outcome, callback_route
from bitrix24_mcp.settings import Settings, SettingsError
from bitrix24_mcp.web import WebServer

_PATIENCE = 5 * 60.0
"""Seconds in which the person has to sign in and allow it."""
_HOST = "127.0.0.1"
_GRACE = 40
"""Seconds that a portal which is just being connected is given to the end: its tokens exist nowhere else yet."""


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints the link and waits for the browser to come back; 0 when the portal is connected."""
    card = settings.card()
    if not 0 <= options.port <= 65_535:
        raise SettingsError("--port takes 0 to 65535.")
    try:
        return anyio.run(_connect, card, options, settings, terminal)
    except PortalError as error:
        terminal.complain(str(error))
        return 1


async def _connect(card: Card, options: Namespace, settings: Settings, terminal: Terminal) -> int:
    async with backed(settings) as backing:
        handover = Handover(card, accounts_in(backing.place, settings), Exchange(card))
        if options.link_only:
            terminal.say(handover.link(options.portal, options.return_to))
            return 0
        return await _handed_over(handover, options, settings, terminal)


async def _handed_over(handover: Handover, options: Namespace, settings: Settings, terminal: Terminal) -> int:
    link = handover.link(options.portal, options.return_to)
    waiting = Waiting(handover, host_of(options.portal), options.port, settings.log_level, terminal.complain)
    address = waiting.bind()
    terminal.complain(f"The application's card must name this address as the one to return to: {address}{PATH}")
    terminal.complain("Open this link, sign in and allow access; waiting for five minutes (stop with Ctrl+C):")
    terminal.say(link)
    if not options.no_browser:
        # Some browsers run until they are closed; the one who waits here must not wait for that.
        threading.Thread(target=webbrowser.open, args=[link], daemon=True).start()
    outcome = await waiting.outcome()
    if isinstance(outcome, PortalError):
        terminal.complain(str(outcome))
        return 1
    if outcome is None:
        terminal.complain("Nobody came back from the portal, so it is not connected.")
        return 130 if waiting.interrupted else 1
    terminal.say(f"{outcome.portal} is connected. Serve it with BITRIX24_PORTAL={outcome.portal}.")
    return 0


class Waiting:
    """A web server on this machine that waits until the browser brings back one portal.

    What else is brought back, by a link of before or by nobody we know, is mentioned once and ends nothing.
    """

    def __init__(
        self, handover: Handover, portal: str, port: int, log_level: str, mention: Callable[[str], None]
    ) -> None:
        route = callback_route(lambda: handover, tell=self._hear)
        self._server = WebServer(Starlette(routes=[route]), _HOST, port, log_level)
        self._server.config.timeout_graceful_shutdown = _GRACE
        self._portal = portal
        self._mention = mention
        self._mentioned: set[str] = set()
        self._outcome: Outcome | None = None
        self.interrupted = False

    def bind(self) -> str:
        """Takes the port and gives the address; SettingsError when it cannot be had."""
        try:
            return self._server.bind()
        except OSError:
            raise SettingsError(
                f"Port {self._server.config.port} is taken; free it, or choose another with --port and in the "
                "application's card. A running server receives the answer with --link-only."
            ) from None

    async def outcome(self, patience: float = _PATIENCE) -> Outcome | None:
        """How it ended; None when nobody came, or when the program was told to stop."""
        async with on_stop(self._interrupt), anyio.create_task_group() as group:
            group.start_soon(self._lose_patience, patience)
            await self._server.serve()
            group.cancel_scope.cancel()
        return self._outcome

    def _hear(self, callback: Callback | None, outcome: Outcome) -> None:
        if callback is not None and callback.portal == self._portal:
            self._outcome = outcome
            self._server.stop()
            return
        if isinstance(outcome, Account):
            text = f"{outcome.portal} was connected meanwhile; still waiting for {self._portal}."
        else:
            text = f"A browser came back and was refused: {outcome}"
        if text not in self._mentioned:
            self._mentioned.add(text)
            self._mention(text)

    def _interrupt(self) -> None:
        self.interrupted = True
        self._server.stop()

    async def _lose_patience(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self._server.stop()
