"""JSON from the authorization server: no redirects, no patience without end, no answer of any size."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from bitrix24_mcp.sending.authorities import authorities
from bitrix24_mcp.sending.bodies import json_object
from bitrix24_mcp.sending.quiet import keep_quiet
from bitrix24_mcp.settings import SettingsError

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
        """`loopback`: the server runs on this machine, so that no proxy of the environment is asked.

        Raises SettingsError when this machine's proxy or certificates cannot be used.
        """
        away = not loopback
        try:
            self._http = httpx.AsyncClient(
                timeout=httpx.Timeout(_PATIENCE, connect=_CONNECT_PATIENCE),
                # What is compressed could unpack to any size.
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                trust_env=away,
                verify=authorities(trust_env=away),
            )
        except (httpx.InvalidURL, ImportError, OSError, ValueError):  # whichever way a setting is wrong
            raise SettingsError(
                "The authorization server cannot be asked: this machine's proxy or certificates cannot be used. Check "
                "HTTPS_PROXY and SSL_CERT_FILE."
            ) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, address: str) -> Json:
        """The JSON object at an address; raises Unusable."""
        return await self._object("GET", address)

    async def post(self, address: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Json:
        """The JSON object that a form is answered with; raises Unusable."""
        return await self._object("POST", address, form, headers)

    async def _object(
        self, method: str, address: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        where = address.partition("?")[0]
        try:
            with anyio.fail_after(_PATIENCE):
                async with self._http.stream(method, address, data=form, headers=headers) as response:
                    status, body = response.status_code, await _body(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise NoAnswer(f"{where} gave no answer ({type(error).__name__})") from None
        if len(body) > _LARGEST:
            raise Unusable(f"{where} answered more than {_LARGEST} bytes")
        found = json_object(body) if status == 200 else None
        if found is None:
            raise Unusable(f"{where} answered {status}, without what was asked for")
        return found


async def _body(response: httpx.Response) -> bytes:
    """The body, or what is too much of it."""
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > _LARGEST:
            break
    return bytes(body)
