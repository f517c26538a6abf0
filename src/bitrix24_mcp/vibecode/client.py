"""HTTP to the gateway: key, pacing, answers or errors of the CRM. Reads are repeated, changes are asked for once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.sending.connection import PATIENCE, Connection, persistently
from bitrix24_mcp.sending.failures import BELONGS_ELSEWHERE, LONGEST_WAIT, Failure, of_unexpected, unexpected
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.envelope import Answer, read
from bitrix24_mcp.vibecode.errors import Refusal
from bitrix24_mcp.vibecode.retry import of_refusal

if TYPE_CHECKING:
    import httpx  # loaded with the first request: a client that only lists tools does not wait for it

_BATCH = "batch"
_NO_CONTENT = 204
_WITHOUT_DATA = frozenset({"DELETE", "PATCH"})
"""Methods that may be answered with 204 and nothing else (docs/entity-api)."""

Query = Sequence[tuple[str, str]]


class GatewayClient(Connection):
    """One key's connection to the gateway. Close it, or use it as a context manager; nothing is left running."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        budget: Budget | None = None,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__("VIBECODE_BASE_URL", credentials.headers, patience, loopback=credentials.loopback)
        self._base_url = credentials.base_url.rstrip("/")
        self.budget = budget or Budget()

    async def get(self, path: str, query: Query = ()) -> Answer:
        """Reads with GET. Raises PortalError."""
        return await self._read("GET", path, query, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Reads with POST, such as a search. Raises PortalError."""
        return await self._read("POST", path, (), body)

    async def batch(self, calls: Sequence[Mapping[str, Any]]) -> Answer:
        """Up to fifty reads in one request; in the answer's data, each is known by its place. Raises PortalError."""
        return await self.post(_BATCH, _numbered(calls))

    async def change(
        self, method: str, path: str, query: Query = (), body: Mapping[str, Any] | None = None
    ) -> Answer | Failure:
        """Asks once for a change. What is deleted is answered without data."""
        return await self._send(method, path, query, body)

    async def changes(self, calls: Sequence[Mapping[str, Any]]) -> Answer | Failure:
        """Asks once for up to fifty changes in one request; in the answer's data, each is known by its place."""
        return await self._send("POST", _BATCH, (), _numbered(calls))

    async def _read(self, method: str, path: str, query: Query, body: Mapping[str, Any] | None) -> Answer:
        return await persistently(partial(self._send, method, path, query, body), self.budget.clock)

    async def _send(self, method: str, path: str, query: Query, body: Mapping[str, Any] | None) -> Answer | Failure:
        async with self.budget.turn():
            response = await self._exchange(method, f"{self._base_url}/v1/{path}", query, body)
        if isinstance(response, Failure):
            return response
        await self._learn(response.headers)
        if response.is_redirect:
            redirected = unexpected("The portal redirected the request, which is not followed with a key.")
            return Failure(redirected, sure=response.status_code in BELONGS_ELSEWHERE)
        if response.status_code == _NO_CONTENT and method in _WITHOUT_DATA:
            return Answer(None, {})
        try:
            answer = read(response.status_code, response.content, response.headers.get("Retry-After", ""))
        except UnexpectedAnswer as error:
            return of_unexpected(error)
        return await self._meaning(answer, path)

    async def _meaning(self, answer: Answer | Refusal, path: str) -> Answer | Failure:
        if isinstance(answer, Answer):
            return answer
        if path == _BATCH and answer.calls and answer.status < 500:
            return Answer({"errors": answer.calls}, {})  # all failed, each for a reason of its own
        if answer.transient and answer.retry_after:
            await self.budget.pause(min(answer.retry_after, LONGEST_WAIT))
        return of_refusal(answer)

    async def _learn(self, headers: httpx.Headers) -> None:
        limit, remaining, reset = (headers.get(f"X-RateLimit-{name}", "") for name in ("Limit", "Remaining", "Reset"))
        if remaining.isdecimal() and reset.isdecimal():
            await self.budget.learn(int(remaining), float(reset), int(limit) if limit.isdecimal() else None)


def _numbered(calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"calls": [{"id": str(place), **call} for place, call in enumerate(calls)]}
