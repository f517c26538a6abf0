"""HTTP to one portal: opened with the first request, closed with its owner, and asked again where that helps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.sending.authorities import authorities
from bitrix24_mcp.sending.failures import (
    ATTEMPTS,
    Failure,
    no_way_out,
    not_certified,
    not_written,
    of_unexpected,
    too_slow,
    unexpected,
    unreachable,
)
from bitrix24_mcp.sending.quiet import keep_quiet

if TYPE_CHECKING:
    import httpx  # loaded with the first request: a client that only lists tools does not wait for it

keep_quiet()

PATIENCE = 60.0
"""Seconds to wait for an answer; a portal may work on one request as long (docs: settings/performance/limits)."""
CONNECT_PATIENCE = 10.0

Answered = TypeVar("Answered")


class Connection:
    """Requests to one portal. Close it, or use it as a context manager; nothing is left running.

    `setting` is how an operator names the portal; `headers`, which may hold a key, are asked for when they are needed.
    No redirect is followed: whoever sends knows where its key may go.
    """

    def __init__(
        self, setting: str, headers: Callable[[], Mapping[str, str]], patience: float, *, loopback: bool
    ) -> None:
        self._setting = setting
        self._headers = headers
        self._patience = patience
        self._loopback = loopback
        self._http: httpx.AsyncClient | None = None
        self._ahead = timedelta(0)
        self.heard = False
        """Whether the portal has answered yet, in whatever way."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes all connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def now(self) -> datetime:
        """The portal's present moment, to the second: this machine's clock, corrected by the last `Date` header."""
        return (datetime.now(UTC) + self._ahead).replace(microsecond=0)

    async def _exchange(
        self, method: str, url: str, query: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> httpx.Response | Failure:
        """One request, once. What httpx raises is not chained to anything: it knows the whole address."""
        import httpx  # noqa: PLC0415 - see above

        if not _is_address(url):
            return Failure(unreachable(self._setting), sure=True)
        try:
            client = self._client()
        except (httpx.InvalidURL, ImportError, OSError, ValueError):  # whichever way a setting of the machine is wrong
            return Failure(no_way_out(), sure=True)
        try:
            request = client.build_request(method, url, params=list(query) or None, json=body)
        except (TypeError, ValueError, RecursionError):  # of JSON, and of a text that UTF-8 cannot hold
            return Failure(not_written(), sure=True)
        return await self._answered(client, request)

    async def _answered(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response | Failure:
        import httpx  # noqa: PLC0415 - see above

        try:
            response = await client.send(request)
        except httpx.TimeoutException as error:
            unsent = isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
            return Failure(too_slow(), attempts=2, sure=unsent)
        except httpx.TransportError as error:
            return self._broken(error)
        except (httpx.DecodingError, UnicodeError):  # the latter of a host to which it redirects
            return of_unexpected(unexpected("The portal sent an answer that cannot be decoded."))
        self.heard = True
        with suppress(ValueError, TypeError, OverflowError):  # a Date that is none tells nothing
            self._ahead = parsedate_to_datetime(response.headers.get("Date", "")) - datetime.now(UTC)
        return response

    def _broken(self, error: httpx.TransportError) -> Failure:
        """A connection that was not made or broke: for good when the portal cannot prove who it is."""
        import ssl  # noqa: PLC0415 - loaded by httpx

        import httpx  # noqa: PLC0415 - see above

        causes: list[BaseException | None] = [error]
        while (cause := causes[-1]) is not None and cause not in causes[:-1]:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Failure(not_certified(), sure=True)
            causes.append(cause.__cause__ or cause.__context__)
        unsent = isinstance(error, httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol)
        return Failure(unreachable(self._setting), attempts=ATTEMPTS, sure=unsent)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import httpx  # noqa: PLC0415 - see above

            self._http = httpx.AsyncClient(
                headers=dict(self._headers()),
                timeout=httpx.Timeout(self._patience, connect=CONNECT_PATIENCE),
                follow_redirects=False,
                trust_env=not self._loopback,
                verify=authorities(trust_env=not self._loopback),
            )
        return self._http


def _is_address(url: str) -> bool:
    """Whether there can be a host of that name."""
    import httpx  # noqa: PLC0415 - see above

    try:
        return bool(httpx.URL(url).host)
    except (httpx.InvalidURL, UnicodeError):
        return False


async def persistently(send: Callable[[], Awaitable[Answered | Failure]], clock: Clock) -> Answered:
    """Asks again what may pass, as often as that kind of failure is worth, after the wait it asks for."""
    attempt = 1
    while isinstance(outcome := await send(), Failure):
        if attempt >= outcome.attempts:
            raise outcome.error
        await clock.sleep(outcome.rest(attempt))
        attempt += 1
    return outcome
