"""HTTP to the gateway: key, pacing, retries, and answers or errors of the CRM. Reads only."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.envelope import Answer, read
from bitrix24_mcp.vibecode.errors import Refusal, too_slow, unexpected, unreachable
from bitrix24_mcp.vibecode.retry import ATTEMPTS, LONGEST_WAIT, Failure, backoff, of_refusal, of_unexpected

if TYPE_CHECKING:
    import httpx  # loaded with the first request: a client that only lists tools does not wait for it

# httpx logs every URL at INFO, query and all; filters can hold customer data.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

PATIENCE = 60.0
"""Seconds to wait for an answer; the portal's queue alone may take 30 (docs/optimization)."""
CONNECT_PATIENCE = 10.0
_BATCH = "batch"

Query = Sequence[tuple[str, str]]


class GatewayClient:
    """One key's connection to the gateway. Close it, or use it as a context manager; nothing is left running."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        budget: Budget | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._credentials = credentials
        self.budget = budget or Budget()
        self._patience = patience
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
        """The gateway's present moment, to the second: this machine's clock, corrected by the last `Date` header."""
        return (datetime.now(UTC) + self._ahead).replace(microsecond=0)

    async def get(self, path: str, query: Query = ()) -> Answer:
        """Reads with GET. Raises PortalError."""
        return await self._read("GET", path, query, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Reads with POST, such as a search. Raises PortalError."""
        return await self._read("POST", path, (), body)

    async def batch(self, calls: Sequence[Mapping[str, Any]]) -> Answer:
        """Up to fifty reads in one request; in the answer's data, each is known by its place. Raises PortalError."""
        return await self.post(_BATCH, {"calls": [{"id": str(place), **call} for place, call in enumerate(calls)]})

    async def _read(self, method: str, path: str, query: Query, body: Mapping[str, Any] | None) -> Answer:
        """Asks again what may pass, as often as that kind of failure is worth, after the wait it asks for."""
        attempt = 1
        while isinstance(outcome := await self._send(method, path, query, body), Failure):
            if attempt >= outcome.attempts:
                raise outcome.error
            await self.budget.clock.sleep(outcome.wait if outcome.wait is not None else backoff(attempt))
            attempt += 1
        return outcome

    async def _send(self, method: str, path: str, query: Query, body: Mapping[str, Any] | None) -> Answer | Failure:
        import httpx  # noqa: PLC0415 - see above

        async with self.budget.turn():
            try:
                response = await self._client().request(
                    method, f"/v1/{path}", params=list(query) or None, json=body if method == "POST" else None
                )
            except httpx.TimeoutException:
                return Failure(too_slow(), attempts=2)
            except httpx.TransportError:
                return Failure(unreachable(), attempts=ATTEMPTS)
            except httpx.DecodingError:
                return of_unexpected(unexpected("The portal sent an answer that cannot be decoded."))
        self._learn(response.headers)
        if response.is_redirect:
            return Failure(unexpected("The portal redirected the request, which is not followed with a key."))
        try:
            answer = read(response.status_code, response.content, response.headers.get("Retry-After", ""))
        except UnexpectedAnswer as error:
            return of_unexpected(error)
        return self._meaning(answer, path)

    def _meaning(self, answer: Answer | Refusal, path: str) -> Answer | Failure:
        if isinstance(answer, Answer):
            return answer
        if path == _BATCH and answer.calls:
            return Answer({"errors": answer.calls}, {})  # all failed, each for a reason of its own
        if answer.transient and answer.retry_after:
            self.budget.pause(min(answer.retry_after, LONGEST_WAIT))
        return of_refusal(answer)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import httpx  # noqa: PLC0415 - see above

            self._http = httpx.AsyncClient(
                base_url=self._credentials.base_url,
                headers=self._credentials.headers(),
                timeout=httpx.Timeout(self._patience, connect=CONNECT_PATIENCE),
                follow_redirects=False,
                trust_env=not self._credentials.loopback,
            )
        return self._http

    def _learn(self, headers: httpx.Headers) -> None:
        with suppress(ValueError, TypeError, OverflowError):  # a Date that is none tells nothing
            self._ahead = parsedate_to_datetime(headers.get("Date", "")) - datetime.now(UTC)
        limit, remaining, reset = (headers.get(f"X-RateLimit-{name}", "") for name in ("Limit", "Remaining", "Reset"))
        if remaining.isdecimal() and reset.isdecimal():
            self.budget.learn(int(remaining), float(reset), int(limit) if limit.isdecimal() else None)
