"""A word for each HTTP request, by which its lines in the log and its answer are known to belong together."""

import re
import uuid
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""That of the request that is being answered; empty outside of any."""
_GIVEN = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HEADER = b"x-request-id"


class Numbered:
    """An ASGI application whose requests have an id: the proxy's own (`X-Request-Id`), else a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request and tells its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _HEADER), "")
        word = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (_HEADER, word.encode())]}
            await send(message)

        token = request_id.set(word)
        try:
            await self._app(scope, receive, told)
        finally:
            request_id.reset(token)
