"""HTTP to the gateway: key, pacing, retries, and answers or errors of the CRM. Reads only."""

import logging
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from bitrix24_mcp.crm.errors import PortalError, PortalUnavailable, UnexpectedAnswer
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.envelope import Answer, read
from bitrix24_mcp.vibecode.errors import Refusal, unexpected

# httpx logs every URL at INFO, query and all; filters can hold customer data.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

ATTEMPTS = 4
LONGEST_WAIT = 30.0
"""Seconds that one request may be held back for a single Retry-After; beyond that the caller is told."""
_ONCE_MORE = frozenset({"INTERNAL_ERROR"})
"""Codes that may be repeated, but only once (docs/errors)."""
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""The portal's queue alone may take 30 seconds (docs/optimization)."""

Query = Sequence[tuple[str, str]]


class GatewayClient:
    """One key's connection to the gateway. Close it, or use it as a context manager; nothing is left running."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        budget: Budget | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._credentials = credentials
        self.budget = budget or Budget()
        self._timeout = timeout
        self._attempts = attempts
        self._http: httpx.AsyncClient | None = None
        self._ahead = timedelta(0)

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
        """The gateway's present moment: this machine's clock, corrected by the last `Date` header."""
        return datetime.now(UTC) + self._ahead

    async def get(self, path: str, query: Query = ()) -> Answer:
        """Reads with GET. Raises PortalError."""
        return await self._read("GET", path, query, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Reads with POST, such as a search. Raises PortalError."""
        return await self._read("POST", path, (), body)

    async def _read(self, method: str, path: str, query: Query, body: Mapping[str, Any] | None) -> Answer:
        """Asks again what the contract calls passing, after the wait it asks for, a bounded number of times."""
        for attempt in range(1, self._attempts + 1):
            try:
                answer = await self._send(method, path, query, body)
            except (PortalUnavailable, UnexpectedAnswer) as error:
                failure: PortalError = error
                wait = _backoff(attempt)
                last = attempt > 1 and isinstance(error, UnexpectedAnswer)
            else:
                if isinstance(answer, Answer):
                    return answer
                failure = answer.error()
                wait = answer.retry_after if answer.retry_after is not None else _backoff(attempt)
                last = not answer.transient or (answer.code in _ONCE_MORE and attempt > 1) or wait > LONGEST_WAIT
            if last or attempt == self._attempts:
                raise failure
            await anyio.sleep(max(wait, _backoff(attempt) / 2))
        raise AssertionError  # pragma: no cover - the loop returns or raises in its last round

    async def _send(self, method: str, path: str, query: Query, body: Mapping[str, Any] | None) -> Answer | Refusal:
        async with self.budget.turn():
            try:
                response = await self._client().request(
                    method, f"/v1/{path}", params=list(query) or None, json=body if method == "POST" else None
                )
            except httpx.TimeoutException:
                raise _silent("The portal did not answer in time.") from None
            except httpx.TransportError:
                raise _silent("The portal cannot be reached.") from None
            except (httpx.DecodingError, httpx.InvalidURL):
                raise unexpected("The portal sent an answer that cannot be decoded.") from None
        self._learn(response.headers)
        if response.is_redirect:
            raise unexpected("The portal redirected the request, which is not followed with a key.")
        answer = read(response.status_code, response.content, response.headers.get("Retry-After", ""))
        if isinstance(answer, Refusal) and answer.status == 429 and answer.retry_after:
            self.budget.pause(min(answer.retry_after, LONGEST_WAIT))
        return answer

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                base_url=self._credentials.base_url,
                headers=self._credentials.headers(),
                timeout=self._timeout,
                follow_redirects=False,
                trust_env=not self._credentials.loopback,
            )
        return self._http

    def _learn(self, headers: httpx.Headers) -> None:
        if date := headers.get("Date"):
            try:
                self._ahead = parsedate_to_datetime(date) - datetime.now(UTC)
            except (ValueError, TypeError):
                return
        remaining, reset = headers.get("X-RateLimit-Remaining", ""), headers.get("X-RateLimit-Reset", "")
        if remaining.isdecimal() and reset.isdecimal():
            self.budget.learn(int(remaining), float(reset))


def _backoff(attempt: int) -> float:
    """1, 2, 4 seconds (docs/errors), with jitter so that many clients do not return together."""
    return 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret


def _silent(what: str) -> PortalUnavailable:
    return PortalUnavailable(
        what,
        advice="Check the network and VIBECODE_BASE_URL, then try again; `bitrix24-mcp doctor` tests the connection.",
        code="PORTAL_UNREACHABLE",
    )
