"""The address to which a portal sends the browser back: `GET /webhook/create`.

302 to the wanted address, or a small page where none was wanted; 400 for missing fields, for a state that is not ours,
used or too old, and for a spent code; 500 for whatever else went wrong. Anybody may call it: without a signed state of
ours nothing happens, whatever Host or Origin says, so it may stand behind a proxy where the rest of the server may not.
"""

import html
import logging
from collections.abc import Callable

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.handover import Callback, Handover
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError

PATH = "/webhook/create"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LOG = logging.getLogger(__name__)

Outcome = Account | PortalError
"""How a callback ended."""
Tell = Callable[[Callback | None, Outcome], None]
"""Hears how each callback ended; None in the place of one that was not believed."""


def _log(callback: Callback | None, outcome: Outcome) -> None:
    """Nobody waits for the outcome; what went wrong here, and not in the browser, the operator must know."""
    del callback
    if isinstance(outcome, PortalError) and not isinstance(outcome, InvalidArguments):
        _LOG.warning("A portal was not connected: %s", outcome)


def callback_route(handover: Callable[[], Handover], *, tell: Tell = _log) -> Route:
    """The route. `handover` is asked at each call; `tell` hears of its end after the answer."""

    async def answer(request: Request) -> Response:
        if request.method != "GET":  # a look at the headers must not spend the link
            return Response(status_code=405, headers={"Allow": "GET"})
        if _ahead_of_time(request):
            return Response(status_code=503, headers=_HEADERS)
        callback = None
        try:
            ours = handover()
            callback = await ours.believed(request.query_params)
            account = await ours.follow_up(callback)
        except PortalError as error:
            return _page(_status(error), "Not connected", _shown(error), BackgroundTask(tell, callback, error))
        afterwards = BackgroundTask(tell, callback, account)
        if callback.return_to:
            return RedirectResponse(callback.return_to, 302, _HEADERS, afterwards)
        return _page(200, "Connected", f"{account.portal} is connected. You can close this page.", afterwards)

    return Route(PATH, answer, methods=["GET"])


def _ahead_of_time(request: Request) -> bool:
    """Whether the browser only loads what the person may open next; refused then, it comes back when they do."""
    return any("prefetch" in request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))


def _status(error: PortalError) -> int:
    return 400 if isinstance(error, InvalidArguments) else 500


def _shown(error: PortalError) -> str:
    """What anybody may read: which file of this machine cannot be used is for the operator alone."""
    if error.code == failures.UNUSABLE:
        return f"The server cannot keep portals now; whoever runs it finds the reason in its log. [{error.code}]"
    return str(error)


def _page(status: int, title: str, text: str, afterwards: BackgroundTask) -> Response:
    body = f"<!doctype html><title>{title}</title><h1>{title}</h1><p>{html.escape(text)}</p>"
    return HTMLResponse(body, status, _HEADERS, background=afterwards)
