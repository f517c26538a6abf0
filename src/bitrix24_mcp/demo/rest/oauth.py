"""The authorization server on the portal's own address: `/oauth/authorize/`, `/oauth/token/` (docs: settings/oauth)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bitrix24_mcp.demo.database import Slice, equals
from bitrix24_mcp.demo.recording import RecordedRequest
from bitrix24_mcp.demo.rest.calls import Caller, RestError
from bitrix24_mcp.demo.rest.tokens import ACCESS_SECONDS, MEMBER_ID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bitrix24_mcp.demo.database import Database
    from bitrix24_mcp.demo.recording import Recorder
    from bitrix24_mcp.demo.rest.tokens import Pair, Tokens

Answer = dict[str, str | int]

_CRM_ADMIN = 2  # heads the sales department: sees every record, but does not run the portal
_PROOFS = {"authorization_code": "code", "refresh_token": "refresh_token"}
_STATUSES = {"wrong_client": 200, "invalid_scope": 403}


def routes(tokens: Tokens, database: Database, recorder: Recorder) -> list[Route]:
    """The routes of the authorization server; requests to them are recorded with all others."""
    server = _Server(tokens, database)
    pages: dict[str, Callable[[Request, list[tuple[str, str]]], Response]] = {
        "/oauth/authorize/": server.authorize,
        "/oauth/token/": server.token,
    }
    return [Route(path, _endpoint(page, recorder), methods=["GET", "POST"]) for path, page in pages.items()]


def _endpoint(
    page: Callable[[Request, list[tuple[str, str]]], Response], recorder: Recorder
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        form = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
        recorded = recorder.begin(
            RecordedRequest(
                method=request.method,
                path=request.url.path,
                query=parse_qsl(request.url.query, keep_blank_values=True),
                body=dict(form) or None,
                status=0,
                key="",
                at=time.monotonic(),
            )
        )
        response = page(request, [*recorded.query, *form])
        recorder.finish(recorded, response.status_code)
        return response

    return answer


class _Server:
    """Answers for the one application that is installed."""

    def __init__(self, tokens: Tokens, database: Database) -> None:
        self._tokens = tokens
        self._database = database

    def authorize(self, request: Request, sent: list[tuple[str, str]]) -> Response:
        """Send the browser back to the application; `demo_user` says who is signed in, user 1 if nobody."""
        params = dict(sent)
        application = self._tokens.application
        if params.get("client_id") != application.client_id:
            return _error_page("WRONG_APPLICATION_CLIENT: Unable to get application data")
        caller = self._caller(params.get("demo_user", "1"))
        if caller is None:
            return _error_page("Unable to authorize user")
        query = urlencode(
            {
                "code": self._tokens.code(caller),
                "state": params.get("state", ""),
                "domain": request.url.netloc,
                "member_id": MEMBER_ID,
                "scope": ",".join(application.scopes),
                "server_domain": request.url.netloc,
            }
        )
        mark = "&" if urlsplit(application.redirect_uri).query else "?"
        return RedirectResponse(f"{application.redirect_uri}{mark}{query}", 302)

    def token(self, request: Request, sent: list[tuple[str, str]]) -> Response:
        """Tokens for a code or for a refresh token, or the error of the documented table."""
        try:
            return JSONResponse(self._exchanged(request, dict(sent)))
        except RestError as refused:
            return JSONResponse({"error": refused.code, "error_description": refused.description}, refused.status)

    def _exchanged(self, request: Request, params: Mapping[str, str]) -> Answer:
        kind = params.get("grant_type", "")
        proof = _PROOFS.get(kind)
        if proof is None or not all(params.get(name) for name in ("client_id", "client_secret", proof)):
            raise _refusal("invalid_request", "An incorrectly formatted authorization request was provided")
        self._check(params)
        pair = (self._tokens.redeem if proof == "code" else self._tokens.refresh)(params[proof])
        if pair is None:
            raise _refusal("invalid_grant", "Invalid authorization tokens were provided")
        later: Answer = {"expires": pair.expires, "user_id": pair.caller.user_id}
        return self._answer(request, pair) | (later if kind == "refresh_token" else {})

    def _check(self, params: Mapping[str, str]) -> None:
        application = self._tokens.application
        if params["client_id"] != application.client_id:
            raise _refusal("wrong_client", "Unknown application")
        if params["client_secret"] != application.client_secret:
            raise _refusal("invalid_client", "Invalid client data was provided")
        if not set(filter(None, params.get("scope", "").split(","))) <= set(application.scopes):
            raise _refusal("invalid_scope", "The requested scope exceeds the application's")

    def _answer(self, request: Request, pair: Pair) -> Answer:
        """`domain` is the authorization server here, while the portal is in `client_endpoint`."""
        rest = f"{request.url.scheme}://{request.url.netloc}/rest/"
        return {
            "access_token": pair.access,
            "refresh_token": pair.refresh,
            "expires_in": ACCESS_SECONDS,
            "client_endpoint": rest,
            "server_endpoint": rest,
            "domain": request.url.netloc,
            "member_id": MEMBER_ID,
            "scope": ",".join(self._tokens.application.scopes),
            "status": "L",
        }

    def _caller(self, user: str) -> Caller | None:
        number = int(user) if user.isdecimal() else 0
        found = self._database.rows("users", ("isAdmin", "active"), equals("id", number), Slice("id", 1))
        if not found or not found[0]["active"]:
            return None
        admin = bool(found[0]["isAdmin"])
        scopes = frozenset(self._tokens.application.scopes)
        return Caller(number, admin, admin or number == _CRM_ADMIN, scopes, application=True)


def _refusal(code: str, text: str) -> RestError:
    return RestError(code, text, _STATUSES.get(code, 400))


def _error_page(text: str) -> Response:
    return HTMLResponse(f"<html><body><h1>Error</h1><p>{text}</p></body></html>", 400)
