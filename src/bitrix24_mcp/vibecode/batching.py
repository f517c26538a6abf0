"""Reads that share requests: what arrives while one is under way goes out together, in one batch.

The first read goes out at once and alone. Those that come meanwhile wait, and the first of them to get the lane
leads: it sends all that wait, up to fifty calls that cost one unit of the rate budget (docs/batch), and hands out what
comes back. Nothing runs by itself: every request is made by somebody who waits for an answer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio

from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused, PortalError, RequestRefused
from bitrix24_mcp.vibecode.calls import Call
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.envelope import Answer, Json
from bitrix24_mcp.vibecode.errors import Refusal, unexpected
from bitrix24_mcp.vibecode.retry import Failure, backoff, of_refusal, of_unexpected

MOST_CALLS = 50
_CANNOT = frozenset({"UNKNOWN_ENTITY", "ACTION_NOT_SUPPORTED", "ENTITY_CUSTOM_ROUTES", "INVALID_CALL"})
"""Codes that say what a batch cannot do, not what the read's own route would say."""

Outcome = Answer | PortalError


@dataclass(eq=False, slots=True)
class _Read:
    """A read that somebody waits for; `alone`: a batch cannot do it; without an outcome it is still to be done."""

    call: Call
    wanted_by: int = 0
    failures: int = 0
    alone: bool = False
    outcome: Outcome | None = None


class Reads:
    """The single reads of one connection. Equal reads are made once, also while the first is under way."""

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._lane = anyio.Lock()
        self._open: dict[str, _Read] = {}
        self._under_way: Sequence[_Read] = ()
        self._led_by: Collection[_Read] = ()
        self._scope: anyio.CancelScope | None = None
        self._ready_at = 0.0

    async def read(self, calls: Sequence[Call]) -> list[Outcome]:
        """The answer to each call, or the error in its place."""
        mine = {call.key: self._join(call) for call in {call.key: call for call in calls}.values()}
        try:
            while any(read.outcome is None for read in mine.values()):
                async with self._lane:
                    if any(read.outcome is None for read in mine.values()):
                        await self._lead(mine.values())
        finally:
            for read in mine.values():
                self._leave(read)
        return [cast("Outcome", mine[call.key].outcome) for call in calls]

    def _join(self, call: Call) -> _Read:
        read = self._open.setdefault(call.key, _Read(call))
        read.wanted_by += 1
        self._protect()
        return read

    def _leave(self, read: _Read) -> None:
        read.wanted_by -= 1
        if not read.wanted_by and self._open.get(read.call.key) is read:
            del self._open[read.call.key]
        self._protect()

    def _protect(self) -> None:
        """A cancelled leader finishes what others wait for too; what nobody else waits for ends with it."""
        if self._scope is not None:
            self._scope.shield = any(read.wanted_by > (read in self._led_by) for read in self._under_way)

    async def _lead(self, mine: Collection[_Read]) -> None:
        """Sends what waits by the moment when a request may go out. Who is cancelled before is followed by the next."""
        budget = self._client.budget
        if (rest := self._ready_at - budget.clock.now()) > 0:
            await budget.clock.sleep(rest)
        await budget.ready()
        with anyio.CancelScope() as scope:
            self._under_way, self._led_by, self._scope = self._next(), mine, scope
            self._protect()
            try:
                await self._send(self._under_way)
            finally:
                self._under_way, self._led_by, self._scope = (), (), None

    def _next(self) -> Sequence[_Read]:
        """What goes out next: all that waits as far as a batch holds it, in the order of arrival."""
        waiting = list(self._open.values())
        return waiting[:1] if waiting[0].alone else [read for read in waiting if not read.alone][:MOST_CALLS]

    async def _send(self, reads: Sequence[_Read]) -> None:
        if len(reads) == 1:
            self._done(reads[0], await self._alone(reads[0].call))
            return
        try:
            data = (await self._client.batch([read.call.entry for read in reads])).record()
        except (NotFound, PermissionRefused, RequestRefused, InvalidArguments):
            for read in reads:  # a batch that is refused as a whole says nothing of the single reads
                read.alone = True
            return
        except PortalError as error:
            for read in reads:
                self._done(read, error)
            return
        for read, outcome in zip(reads, _outcomes(data, reads), strict=True):
            self._settle(read, outcome)

    async def _alone(self, call: Call) -> Outcome:
        try:
            if call.body is None:
                return await self._client.get(call.path, call.query)
            return await self._client.post(call.path, call.body)
        except PortalError as error:
            return error

    def _settle(self, read: _Read, outcome: Answer | Refusal | Failure) -> None:
        """Notes what a batch brought for a read, or leaves it open to be asked again."""
        if isinstance(outcome, Refusal) and outcome.code in _CANNOT:
            read.alone = True
            return
        if isinstance(outcome, Refusal):
            outcome = of_refusal(outcome)
        if isinstance(outcome, Answer):
            self._done(read, outcome)
            return
        read.failures += 1
        if read.failures >= outcome.attempts:
            self._done(read, outcome.error)
            return
        if outcome.wait is not None:
            self._client.budget.pause(outcome.wait)
        rest = outcome.wait if outcome.wait is not None else backoff(read.failures)
        self._ready_at = max(self._ready_at, self._client.budget.clock.now() + rest)

    def _done(self, read: _Read, outcome: Outcome) -> None:
        read.outcome = outcome
        if self._open.get(read.call.key) is read:
            del self._open[read.call.key]


def _outcomes(data: Json, reads: Sequence[_Read]) -> list[Answer | Refusal | Failure]:
    """What a batch says of each of its calls; their ids are their places."""
    results, errors, meta, totals = (_object(data.get(name)) for name in ("results", "errors", "meta", "totals"))
    return [
        _refusal(_object(errors[name]))
        if name in errors
        else _answer(read.call, Answer(results[name], dict(_object(meta.get(name))), totals.get(name)))
        if name in results
        else of_unexpected(unexpected("The portal left a call of a batch unanswered."))
        for name, read in ((str(place), read) for place, read in enumerate(reads))
    ]


def _answer(call: Call, answer: Answer) -> Answer | Refusal:
    """In a batch, users have been seen under Bitrix24's own names (docs/batch): the route of its own must say."""
    data: object = answer.data
    row = _object(cast("list[Any]", data)[0] if isinstance(data, list) and data else data)
    if call.of_one_record and "ID" in row and "id" not in row:
        return Refusal(0, "ACTION_NOT_SUPPORTED", "", None)
    return answer


def _refusal(told: Mapping[str, Any]) -> Refusal | Failure:
    if not told.get("code"):
        return of_unexpected(unexpected("The portal refused a call of a batch without saying why."))
    after = told.get("retryAfter")
    wait = float(after) if isinstance(after, int | float) and after >= 0 else None
    return Refusal(0, str(told["code"]), str(told.get("message") or ""), wait)


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
