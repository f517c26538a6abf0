"""The address to which a portal sends the browser back: `GET /webhook/create`.

302 to the wanted address, or a small page where none was wanted; 400 for missing fields, for a state that is not ours,
used or too old, and for a spent code; 500 for whatever else went wrong. Anybody may call it: without a signed state of
ours nothing happens, whatever Host or Origin says, so it may stand behind a proxy where the rest of the server may not.
"""

import html
from collections.abc import Callable

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.handover import Handover
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError

PATH = "/webhook/create"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Outcome = Account | PortalError
"""How a callback that answered a link of ours ended."""


def _nobody(outcome: Outcome) -> None:
    """Nobody waits for the outcome."""
    del outcome


def callback_route(handover: Callable[[], Handover], *, tell: Callable[[Outcome], None] = _nobody) -> Route:
    """The route. `handover` is asked at each call; `tell` hears of each link that was followed, after the answer."""

    async def answer(request: Request) -> Response:
        if request.method != "GET":  # a look at the headers must not spend the link
            return Response(status_code=405, headers={"Allow": "GET"})
        try:
            ours = handover()
            callback = await ours.believed(request.query_params)
        except PortalError as error:
            return _page(_status(error), "Not connected", str(error))
        try:
            account = await ours.follow_up(callback)
        except PortalError as error:
            return _page(_status(error), "Not connected", str(error), BackgroundTask(tell, error))
        done = f"{account.portal} is connected. You can close this page."
        if callback.return_to:
            return RedirectResponse(callback.return_to, 302, _HEADERS, BackgroundTask(tell, account))
        return _page(200, "Connected", done, BackgroundTask(tell, account))

    return Route(PATH, answer, methods=["GET"])


def _status(error: PortalError) -> int:
    return 400 if isinstance(error, InvalidArguments) else 500


def _page(status: int, title: str, text: str, afterwards: BackgroundTask | None = None) -> Response:
    body = f"<!doctype html><title>{title}</title><h1>{title}</h1><p>{html.escape(text)}</p>"
    return HTMLResponse(body, status, _HEADERS, background=afterwards)
