"""JSON from the authorization server: no redirects, no patience without end, no answer of any size."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from bitrix24_mcp.sending.authorities import authorities
from bitrix24_mcp.sending.bodies import json_object
from bitrix24_mcp.sending.quiet import keep_quiet

keep_quiet()  # a request may hold a caller's token

Json = dict[str, Any]
_PATIENCE = 10.0
"""Seconds for a whole answer: callers wait for it."""
_CONNECT_PATIENCE = 5.0
_LARGEST = 512 * 1024
"""Bytes of an answer."""


class Unusable(Exception):
    """The authorization server gave something else than what was asked for; the text says what, and nothing secret."""


class NoAnswer(Unusable):
    """It gave no answer at all."""


class Fetching:
    """Requests to the authorization server. Use it as a context manager: its connections are closed at the end."""

    def __init__(self, *, loopback: bool) -> None:
        """`loopback`: the server runs on this machine, so that no proxy of the environment is asked."""
        away = not loopback
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(_PATIENCE, connect=_CONNECT_PATIENCE),
            # What is compressed could unpack to any size.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            trust_env=away,
            verify=authorities(trust_env=away),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, address: str) -> Json:
        """The JSON object at an address; raises Unusable."""
        return await self._object(self._http.build_request("GET", address))

    async def post(self, address: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Json:
        """The JSON object that a form is answered with; raises Unusable."""
        return await self._object(self._http.build_request("POST", address, data=dict(form), headers=dict(headers)))

    async def _object(self, request: httpx.Request) -> Json:
        try:
            with anyio.fail_after(_PATIENCE):
                response = await self._http.send(request, stream=True)
                try:
                    body = await _body(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise NoAnswer(f"{_where(request)} gave no answer ({type(error).__name__})") from None
        found = json_object(body) if response.status_code == 200 else None
        if found is None:
            raise Unusable(f"{_where(request)} answered {response.status_code}, without what was asked for")
        return found


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > _LARGEST:
            raise Unusable(f"{_where(response.request)} answered more than {_LARGEST} bytes")
    return bytes(body)


def _where(request: httpx.Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc.decode()}{request.url.path}"
