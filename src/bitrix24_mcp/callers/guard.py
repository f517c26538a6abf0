"""What stands before `/mcp` where callers are told apart: who they are, how much at once, and how slowly.

It refuses with HTTP's own codes before anything of MCP is read: 401 for those it does not know, 403 for those it does
not serve, 503 while it cannot tell, 429 for those with too many calls under way, 408 for a body that does not come.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bitrix24_mcp.callers.caller import Caller, Recognition, Refused

CALLER = "bitrix24_mcp.caller"
"""Where a request's scope holds its Caller."""
_AT_ONCE = 32
"""Calls of one caller that may be under way."""
_BODY_PATIENCE = 30.0
"""Seconds in which a request's body must have come."""


class Guard:
    """An ASGI application that lets recognised callers through to another."""

    def __init__(
        self,
        app: ASGIApp,
        recognition: Recognition,
        security: TransportSecuritySettings,
        *,
        at_once: int = _AT_ONCE,
        patience: float = _BODY_PATIENCE,
    ) -> None:
        self._app = app
        self._recognition = recognition
        self._addressed = TransportSecurityMiddleware(security)
        self._at_once = at_once
        self._patience = patience
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or has it answered."""
        if refusal := await self._addressed.validate_request(Request(scope), is_post=scope["method"] == "POST"):
            await refusal(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            caller = await self._recognition.recognise(headers)
        except Refused as error:
            challenge = {"WWW-Authenticate": self._recognition.challenge} if error.status == 401 else {}
            await _refusal(error.status, str(error), {**challenge, **error.headers})(scope, receive, send)
            return
        if self._under_way[caller.id] >= self._at_once:
            busy = f"You have {self._at_once} calls under way; wait for one of them."
            await _refusal(429, busy, {"Retry-After": "1"})(scope, receive, send)
            return
        with self._counted(caller):
            await self._through(caller, scope, receive, send)

    @contextmanager
    def _counted(self, caller: Caller) -> Generator[None]:
        self._under_way[caller.id] += 1
        try:
            yield
        finally:
            self._under_way[caller.id] -= 1
            if not self._under_way[caller.id]:
                del self._under_way[caller.id]  # it holds only those who are here

    async def _through(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(receive)
        if body is None:
            await _refusal(408, "The request's body did not come in time.", {})(scope, receive, send)
            return
        # The SDK lets a session be used only by the user who opened it.
        user = AuthenticatedUser(AccessToken(token="", client_id=caller.id, scopes=[]))
        await self._app({**scope, "user": user, CALLER: caller}, _Replayed(body, receive), send)

    async def _body(self, receive: Receive) -> list[Message] | None:
        """The messages up to the end of the body, or until it is too large; None when they did not come in time."""
        messages: list[Message] = []
        size = 0
        with anyio.move_on_after(self._patience):
            while True:
                messages.append(await receive())
                size += len(messages[-1].get("body", b""))
                if not messages[-1].get("more_body") or size > DEFAULT_MAX_REQUEST_BODY_SIZE:
                    return messages
        return None


class _Replayed:
    """Gives messages that were received already, then those that come."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self._messages = messages
        self._receive = receive

    async def __call__(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()


def _refusal(status: int, text: str, headers: dict[str, str]) -> JSONResponse:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": text}}
    return JSONResponse(error, status, headers)
